/**
 * Makes a unix socket path free to listen on: the file of a dead server is removed, that of a living
 * one is left and refused, and a file that is no socket is never touched.
 *
 * Two servers that start at the same instant on one path are kept apart by the lock of their state
 * folder, not here.
 */
import { lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { QuipuError } from "../../base/errors.js";

const answerMsMax = 1_000;

export async function freeUnixSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw QuipuError.from(error);
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new QuipuError("PORT_TAKEN", `${path} exists and is not a socket`, {
      next: "move that file away, or choose another socket path",
      details: { path },
    });
  }
  if (await isAnswered(path)) {
    throw new QuipuError("PORT_TAKEN", `another process serves unix:${path}`, {
      next: "stop it first (`quipu down`), or choose another socket path",
      details: { path },
    });
  }
  await unlink(path);
}

/** A listener that is too busy to answer is alive: only a refusal or a vanished file means dead. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const settle = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(answerMsMax, () => settle(true));
    socket.once("connect", () => settle(true));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      settle(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}
