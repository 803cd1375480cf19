// Runs inside a throwaway container of the final shape, as the final user. In each directory: make, rename, lock, a
// write-ahead log of SQLite, remove. Prints one line of JSON; leaves nothing behind.
import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";

const { name, directories } = JSON.parse(process.argv[1]);

function rename(place) {
  fs.writeFileSync(path.join(place, "a"), "a", { flush: true });
  fs.renameSync(path.join(place, "a"), path.join(place, "b"));
}

function lock(place) {
  const first = new DatabaseSync(path.join(place, "db"));
  const second = new DatabaseSync(path.join(place, "db"));
  first.exec("CREATE TABLE t (x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
  let isKept = false;
  try {
    second.exec("BEGIN IMMEDIATE");
  } catch {
    isKept = true;
  }
  first.exec("COMMIT");
  second.close();
  first.close();
  if (!isKept) throw new Error("locks do not hold");
}

function log(place) {
  const database = new DatabaseSync(path.join(place, "db"));
  const { journal_mode: mode } = database.prepare("PRAGMA journal_mode = WAL").get();
  database.exec("INSERT INTO t VALUES (2)");
  database.close();
  if (mode !== "wal") throw new Error("no write-ahead log");
}

function probe(directory) {
  const place = path.join(directory, name);
  const remove = () => fs.rmSync(place, { recursive: true, force: true });
  let doing = "make";
  try {
    remove();
    fs.mkdirSync(place, { mode: 0o700 });
    for (const [verb, act] of Object.entries({ rename, lock, log })) {
      doing = verb;
      act(place);
    }
    doing = "remove";
    remove();
    return null;
  } catch (error) {
    try {
      remove();
    } catch {}
    const owner = fs.statSync(directory, { throwIfNoEntry: false })?.uid ?? null;
    return { directory, doing, why: error.code ?? error.message, owner };
  }
}

const failed = directories.map(probe).filter((failure) => failure !== null);
process.stdout.write(JSON.stringify({ probed: directories.length, failed }) + "\n");
