/**
 * One set-up at a time in one checkout: a file that names its holder.
 *
 * A holder that died leaves the file behind. It is recognised by its process id and start time, and
 * taken over by renaming the file away: of several waiters only one succeeds in that.
 */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const pollMs = 200;

/** Waits for the lock and returns the function that releases it. */
export async function takeLock(path, waitMsMax, onWait) {
  mkdirSync(dirname(path), { recursive: true });
  const self = `${process.pid} ${startOf(process.pid)}`;
  const deadline = Date.now() + waitMsMax;
  for (let told = false; ; ) {
    if (create(path, self)) return () => rmSync(path, { force: true });
    const holder = read(path);
    if (holder !== undefined && !isAlive(holder)) {
      takeAway(path, holder);
      continue;
    }
    if (Date.now() > deadline) {
      throw new Error(`another set-up (process ${holder}) has held ${path} for too long`);
    }
    if (!told) onWait(holder);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** A link appears whole or not at all, so nobody ever reads a lock without its holder. */
function create(path, self) {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, self);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function takeAway(path, holder) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    // Another waiter was quicker and this is its fresh lock: give it back.
    if (read(aside) !== holder) linkSync(aside, path);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
  }
  rmSync(aside, { force: true });
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // released in between
  }
}

function isAlive(holder) {
  const [pid, start] = holder.split(" ");
  return startOf(pid) === start;
}

/** When a process started, in clock ticks since boot: with the id it names one process for good. */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined; // no such process
  }
}
