// Runs on the host as the gateway's user, in the gateway's environment. Closes the gateway for new turns by OpenClaw's own
// client: at an instant in which none runs, or at once. Prints a line of JSON a second, and a last one on what came of it.
import { pathToFileURL } from "node:url";

const wish = JSON.parse(process.argv[1]);
const { callGatewayFromCli } = await import(pathToFileURL(`${wish.package}/dist/plugin-sdk/gateway-runtime.js`));

const ANSWER = 10_000; // How long one answer is waited for, in milliseconds, as the rest.
const PAUSE = 300; // Between two looks: each is a connection that the busy gateway has to take.
const SAY = 1_000; // Between two lines.
// A gateway takes 30 of these of one client a minute and refuses the rest (consumeControlPlaneWriteBudget, 2026.9.6). Two are
// left for closing it at once after that.
const CLOSINGS = 28;
const FAILURES = 3; // So many one after the other, and it is not there any more.

const call = (method, parameters) => callGatewayFromCli(method, { json: true, timeout: `${ANSWER}` }, parameters);
const pause = (time) => new Promise((go) => setTimeout(go, time));

const closings = [];
const mayClose = () => closings.filter((time) => time > Date.now() - 60_000).length < CLOSINGS;
// Given again it prolongs what it did, two minutes each time.
const close = () => {
  closings.push(Date.now());
  return call("gateway.suspend.prepare", { requestId: "ocmigrate", ...(wish.at_once && { drain: true }) });
};

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
    return { active: counts.totalActive, turns: counts.embeddedRuns };
  } catch (error) {
    if (!error.retryable) throw error;
    return { active: 0, turns: 0 };
  }
}

let held; // The id under which it is closed, with turns running.
async function isClosed() {
  if (held) {
    const { status, blockers } = await call("gateway.suspend.status", { suspensionId: held });
    if (status === "running") held = undefined;
    const runs = blockers?.find(({ kind }) => kind === "embedded-run");
    last = { status: "busy", turns: runs?.count ?? 1 };
    return status === "ready";
  }
  const { active, turns } = await look();
  last = { status: "busy", turns: Math.max(turns, 1) };
  if (!(active === 0 || wish.at_once) || !mayClose()) return false;
  const { status, suspensionId } = await close();
  if (status === "draining") held = suspensionId;
  return status === "ready";
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
