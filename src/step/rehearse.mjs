// Runs inside a throwaway container without a network, as the gateway's user. Copies the gateway's state, starts the
// gateway on the copy with its channels and its clock switched off, and waits until it is ready. Prints one line of JSON.
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import * as sqlite from "node:sqlite";

const SQLITE_HEADER = "SQLite format 3\0"; // https://www.sqlite.org/fileformat2.html, 1.3
const SMALL = 1024 * 1024;
const SPARE = 256 * 1024 * 1024; // What stays free for everybody else.
const KEPT_LOG = 6000;

const wish = JSON.parse(process.argv[1]);
const copied = { files: 0, bytes: 0, databases: 0, unreadable: 0 };

function isDatabase(file) {
  const descriptor = fs.openSync(file, "r");
  const start = Buffer.alloc(SQLITE_HEADER.length);
  fs.readSync(descriptor, start, 0, start.length, 0);
  fs.closeSync(descriptor);
  return start.toString("latin1") === SQLITE_HEADER;
}

// A database that is written to meanwhile is whole only by SQLite's own way.
async function copyDatabase(from, to) {
  const database = new sqlite.DatabaseSync(from, { readOnly: true, timeout: 10000 });
  try {
    if (sqlite.backup) await sqlite.backup(database, to, { rate: 10000 });
    else database.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`);
  } finally {
    database.close();
  }
  copied.databases += 1;
}

async function copyFile(from, to) {
  if (/-(wal|shm|journal)$/.test(from) && fs.existsSync(from.replace(/-[a-z]+$/, ""))) return;
  if (isDatabase(from)) await copyDatabase(from, to);
  else fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
  copied.files += 1;
  copied.bytes += fs.statSync(to).size;
}

// What is gone by now is not missed, what the gateway's user cannot read is counted.
async function passingOver(act) {
  try {
    return await act();
  } catch (error) {
    if (error.code === "ENOSPC") throw error;
    if (error.code !== "ENOENT") copied.unreadable += 1;
  }
}

// A directory comes before what it holds.
function* entries(from, to, depth) {
  yield { from, to, stat: fs.statSync(from) };
  if (wish.skip.includes(to)) return;
  const below = wish.shallow.includes(to) ? 0 : depth;
  for (const name of fs.readdirSync(from)) {
    const stat = fs.lstatSync(path.join(from, name), { throwIfNoEntry: false });
    if (!stat) continue;
    const entry = { from: path.join(from, name), to: path.join(to, name), stat };
    if (!stat.isDirectory()) {
      if (below > 0 || stat.size <= SMALL) yield entry;
    } else if (below > 0) {
      yield* readable(() => entries(entry.from, entry.to, below - 1));
    }
  }
}

function* readable(list) {
  try {
    yield* list();
  } catch (error) {
    if (error.code !== "ENOENT") copied.unreadable += 1;
  }
}

async function copyEntry({ from, to, stat }) {
  if (stat.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), to);
  else if (stat.isFile()) await copyFile(from, to);
  else if (stat.isDirectory()) fs.mkdirSync(to, { recursive: true });
}

async function copyTree({ from, to, depth }) {
  const all = [...entries(from, to, depth)];
  const needed = all.reduce((sum, { stat }) => sum + (stat.isFile() ? stat.size : 0), SPARE);
  const { bavail, bsize } = fs.statfsSync(to);
  if (needed > bavail * bsize) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
  for (const entry of all) await passingOver(() => copyEntry(entry));
}

// Anonymous and shared memory of all processes but this one: what the kernel cannot drop. proc_pid_status(5).
function memory() {
  let kibibytes = 0;
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    try {
      const status = fs.readFileSync(`/proc/${pid}/status`, "latin1");
      for (const [, value] of status.matchAll(/^Rss(?:Anon|Shmem):\s*(\d+) kB/gm)) kibibytes += Number(value);
    } catch {}
  }
  return kibibytes * 1024;
}

// Control groups of the first generation say it in one file, those of the second in another.
function oomKills() {
  for (const file of ["/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"]) {
    try {
      return Number(/^oom_kill (\d+)$/m.exec(fs.readFileSync(file, "latin1"))[1]);
    } catch {}
  }
  return null;
}

async function isReady() {
  try {
    const reply = await fetch(`http://127.0.0.1:${wish.port}${wish.probe}`, { signal: AbortSignal.timeout(5000) });
    return wish.probe === "/" ? reply.ok : (await reply.json()).ready === true;
  } catch {
    return false;
  }
}

async function rehearse() {
  const environment = { ...process.env, ...wish.environment };
  const begin = Date.now();
  const gateway = spawn(wish.argv[0], wish.argv.slice(1), { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const said = { ready_ms: null, peak: 0, ended: null, log: "" };
  const keep = (chunk) => (said.log = (said.log + chunk).slice(-KEPT_LOG));
  gateway.stdout.on("data", keep);
  gateway.stderr.on("data", keep);
  gateway.on("error", (error) => (said.ended = error.code));
  gateway.on("exit", (code, signal) => (said.ended = signal ?? `exit code ${code}`));
  while (said.ready_ms === null && said.ended === null && Date.now() - begin < wish.deadline_ms) {
    said.peak = Math.max(said.peak, memory());
    if (await isReady()) said.ready_ms = Date.now() - begin;
    else await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const until = Date.now() + wish.settle_ms;
  while (said.ready_ms !== null && said.ended === null && Date.now() < until) {
    said.peak = Math.max(said.peak, memory());
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { ...said, oom_kills: oomKills() };
}

let result;
try {
  for (const copy of wish.copies) await copyTree(copy);
  for (const { from, to } of wish.files) {
    fs.rmSync(to, { force: true });
    fs.writeFileSync(to, fs.readFileSync(from), { mode: 0o600 });
  }
  result = { copied, ...(await rehearse()) };
} catch (error) {
  result = { copied, failed: error.code ?? "unknown" };
}
process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
