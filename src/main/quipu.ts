/** The `quipu` command: reads argv and environment, wires the command line, turns Ctrl-C into an abort. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "../cli/program.js";
import { standardOutput } from "../cli/standard-output.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));
const { version } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
  version: string;
};

const interrupted = new AbortController();
let interruptions = 0;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    interruptions += 1;
    if (interruptions > 1) process.exit(130); // asked twice: the clean-up is what hangs
    interrupted.abort();
  });
}
const stdout = standardOutput((error) => interrupted.abort(error));
process.stderr.on("error", () => undefined); // nobody is left to tell

const stateHome = process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state");
process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  env: process.env,
  version,
  signal: interrupted.signal,
  stdout,
  stderr: process.stderr,
  paths: {
    packageRoot,
    home: process.env.QUIPU_HOME ?? join(stateHome, "quipu"),
    coordinatorProgram: join(here, "coordinator.js"),
    agentProgram: join(here, "quipud.js"),
  },
});
