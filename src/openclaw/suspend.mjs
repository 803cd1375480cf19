// Runs on the host as the gateway's user, in the gateway's environment. Closes the gateway for new turns by OpenClaw's own
// client: at an instant in which none runs, or with turns running. Prints a line of JSON a second, and a last one on what
// came of it.
import { pathToFileURL } from "node:url";

const wish = JSON.parse(process.argv[1]);
const { callGatewayFromCli } = await import(pathToFileURL(`${wish.package}/dist/plugin-sdk/gateway-runtime.js`));

const ANSWER = 10_000; // How long one answer is waited for, in milliseconds, as the rest.
const PAUSE = 300; // Between two looks: each is a connection that the busy gateway has to take.
const SAY = 1_000; // Between two lines.
// A gateway takes 30 changes of one client a minute and refuses the rest (consumeControlPlaneWriteBudget, 2026.9.6). Two are
// left for closing it at once after that.
const CHANGES = 28;
const FAILURES = 3; // So many one after the other, and it is not there any more.

const call = (method, parameters) => callGatewayFromCli(method, { json: true, timeout: `${ANSWER}` }, parameters);
const pause = (time) => new Promise((go) => setTimeout(go, time));

const changes = [];
const mayChange = () => changes.filter((time) => time > Date.now() - 60_000).length < CHANGES;
const change = (method, parameters) => {
  changes.push(Date.now());
  return call(method, parameters);
};
// Given again it prolongs what it did, two minutes each time.
const close = () =>
  change("gateway.suspend.prepare", { requestId: "ocmigrate", ...(wish.at_once && { drain: true }) });
const open = (suspensionId) => change("gateway.suspend.resume", { suspensionId });

let said = 0;
const say = (line) => {
  if (Date.now() - said < SAY) return;
  said = Date.now();
  console.log(JSON.stringify(line));
};
const wait = async (time) => {
  for (const end = Date.now() + time; Date.now() < Math.min(end, until); ) {
    say(last);
    await pause(Math.min(PAUSE, time));
  }
};

// An instant is over sooner than a client connects, so that they are looked for where looking changes nothing. A gateway that
// is closed already refuses that, and is asked to be closed again.
async function look() {
  try {
    const { counts } = await call("gateway.restart.preflight", {});
    return { active: counts.totalActive, turns: counts.embeddedRuns, queue: counts.queueSize };
  } catch (error) {
    if (!error.retryable) throw error;
    return { active: 0, turns: 0, queue: 0 };
  }
}

// A closed gateway lets a turn end that stands in its two queues, of its session and of all. One that has begun and does not
// stand there yet is refused in its middle, and its message is lost (2026.9.6); what has not begun is kept and begins after
// the next start. A gateway without an instant of that kind is closed as it is, once half of the patience is over.
const isSettled = ({ turns, queue }) => queue === 2 * turns || Date.now() > until - wish.patience_ms / 2;
const counted = (blockers, kind) => blockers?.find((blocker) => blocker.kind === kind)?.count ?? 0;
const blocking = (blockers) => ({ turns: counted(blockers, "embedded-run"), queue: counted(blockers, "queue") });

const busy = ({ turns }) => ({ status: "busy", turns: Math.max(turns, 1) });

let held; // The id under which it is closed, with turns running.
async function isClosed() {
  if (held) {
    const { status, blockers } = await call("gateway.suspend.status", { suspensionId: held });
    if (status === "running") held = undefined;
    last = busy(blocking(blockers));
    return status === "ready";
  }
  const seen = await look();
  last = busy(seen);
  if (!(seen.active === 0 || (wish.at_once && isSettled(seen))) || !mayChange()) return false;
  const { status, suspensionId, blockers } = await close();
  if (status !== "draining") return status === "ready";
  if (isSettled(blocking(blockers))) held = suspensionId;
  else await open(suspensionId); // Before many of its turns can be refused.
  return false;
}

const until = Date.now() + wish.patience_ms;
let [failures, last] = [0, { status: "later" }];
while (Date.now() < until) {
  let time = PAUSE;
  try {
    if (await isClosed()) {
      last = { status: "ready" };
      break;
    }
    failures = 0;
  } catch (error) {
    failures += 1;
    if (!error.retryable && failures >= FAILURES) throw error;
    if (error.retryable) last = { status: "later" };
    time = error.retryAfterMs ?? SAY;
  }
  await wait(time);
}
console.log(JSON.stringify(last));
process.exit(0);
