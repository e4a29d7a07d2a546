/** The command line: builds commander from the table of verbs, runs one verb, returns its exit code. */
import { Command, CommanderError, Option } from "commander";
import { QuipuError } from "../base/errors.js";
import { refuseOddArguments } from "./argument-bytes.js";
import type { Context, Paths } from "./context.js";
import type { Clients } from "./coordinator-link.js";
import { extraForms, Output, type OutputOptions } from "./output.js";
import { settled } from "./standard-output.js";
import type { Verb } from "./verb.js";
import { nouns, verbs } from "./verbs.js";

export interface ProgramOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly paths: Paths;
  readonly version: string;
  /** Aborted by Ctrl-C; with a QuipuError as its reason when there is no point in going on. */
  readonly signal: AbortSignal;
  readonly stdout: OutputOptions["stdout"];
  readonly stderr: OutputOptions["stderr"];
}

/** Runs one command line to its end. Never throws; the number is the exit code. */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const root = rootCommand(options);
  const exitCode = await runLine(root, options);
  await settled(options.stdout);
  const { reason } = options.signal;
  return reason instanceof QuipuError ? outputOf(root, options).failure(reason) : exitCode;
}

async function runLine(root: Command, options: ProgramOptions): Promise<number> {
  let exitCode = 0;
  const groups = new Map<string, Command>();
  for (const verb of verbs) {
    const words = verb.name.split(" ");
    const leaf = words.at(-1) ?? verb.name;
    const parent = words.length === 1 ? root : groupOf(root, groups, words[0] ?? "");
    const command = parent.command(leaf).description(verb.help);
    if (verb.args !== "") command.arguments(verb.args);
    for (const option of verb.options ?? []) command.addOption(commanderOption(option));
    command.action(async () => {
      exitCode = await runVerb(verb, command, options);
    });
  }
  try {
    await root.parseAsync([...options.argv], { from: "user" });
    return exitCode;
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) return outputOf(root, options).failure(thrown);
    if (thrown.exitCode === 0) return 0;
    return outputOf(root, options).failure(usageError(thrown));
  }
}

async function runVerb(verb: Verb, command: Command, options: ProgramOptions): Promise<number> {
  const output = outputOf(command, options);
  const global = command.optsWithGlobals<{ coordinator?: string }>();
  let clients: Clients | undefined;
  const context: Context = {
    output,
    paths: options.paths,
    version: options.version,
    signal: options.signal,
    async coordinator() {
      const named = global.coordinator ?? options.env.QUIPU_COORDINATOR;
      // Loaded on use: help and offline verbs must not pay for gRPC.
      const { dial, findCoordinator } = await import("./coordinator-link.js");
      clients ??= dial(await findCoordinator(named, options.paths.home));
      return clients;
    },
  };
  try {
    const { form } = output;
    if (form !== undefined && verb.forms?.includes(form) !== true) {
      const name = form === "csv" ? "CSV" : form;
      throw new QuipuError("USAGE", `\`quipu ${verb.name}\` does not print ${name}`, {
        next: `leave -o ${form} out, or write -o json`,
      });
    }
    refuseOddArguments(verb.anyPaths === true ? command.args : []);
    const { action } = await verb.load();
    return (await action(context, { args: command.args, options: command.opts() })) ?? 0;
  } catch (thrown) {
    const { aborted, reason } = options.signal;
    if (reason instanceof QuipuError) return reason.exitCode; // told at the end
    if (aborted) {
      return output.failure(new QuipuError("CANCELLED", "interrupted", { cause: thrown }));
    }
    return output.failure(thrown);
  } finally {
    clients?.close();
  }
}

function rootCommand({ version, stdout }: ProgramOptions): Command {
  const root = new Command("quipu")
    .description("Runs AI work where law, cost and capacity allow, and proves it.")
    .version(version)
    .addOption(
      new Option("-o, --output <form>", "how to print").choices(["table", "json", ...extraForms]),
    )
    .option("--json", "the same as -o json")
    .option("-q, --quiet", "results only")
    .option("-v, --verbose", "errors with their stack")
    .option("--no-color", "no colours")
    .option("--coordinator <address>", "host:port or unix:/path, or several (QUIPU_COORDINATOR)")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: () => undefined })
    .addHelpText("after", help);
  return root;
}

const help = `
Start here:
  quipu demo                         the whole idea on this machine, in a minute
  quipu up --country SG              a coordinator and an agent here
  quipu plan job.yaml                where would it run, and why not elsewhere?
  quipu run job.yaml                 run it; then: quipu receipt show JOB

Exit codes: 0 ok, 1 error, 2 usage, 3 not placed, 4 forbidden, 5 refused by policy,
6 verification failed, 7 timed out, 130 interrupted. run and wait: the job's own code, or
120 + the code above for what happened before it started.`;

function groupOf(root: Command, groups: Map<string, Command>, noun: string): Command {
  const known = groups.get(noun);
  if (known !== undefined) return known;
  const group = root.command(noun).description(nouns[noun] ?? noun);
  groups.set(noun, group);
  return group;
}

function commanderOption(option: NonNullable<Verb["options"]>[number]): Option {
  const built = new Option(option.flags, option.help);
  if (option.choices !== undefined) built.choices([...option.choices]);
  if (option.default !== undefined) built.default(option.default);
  if (option.required === true) built.makeOptionMandatory();
  if (option.repeatable === true) {
    built.argParser((value, before: readonly string[] = []) => [...before, value]);
  }
  return built;
}

function outputOf(command: Command, { argv, env, stdout, stderr }: ProgramOptions): Output {
  const given = command.optsWithGlobals<Record<string, unknown>>();
  const form = given.output ?? env.QUIPU_OUTPUT;
  // A usage error leaves the options unparsed, and its JSON reader is still there.
  const asked = argv.includes("--json") || argv.join(" ").includes("-o json");
  // Notes go to one stream and results to the other: a file that takes either gets no escape codes.
  const onTerminal = stdout.isTTY === true && stderr.isTTY === true;
  return new Output({
    json: form === "json" || given.json === true || asked,
    form: given.json === true ? undefined : extraForms.find((one) => one === form),
    quiet: given.quiet === true,
    verbose: given.verbose === true,
    color: given.color !== false && !env.NO_COLOR && env.TERM !== "dumb" && onTerminal,
    stdout,
    stderr,
  });
}

function usageError(error: CommanderError): QuipuError {
  const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const missingVerb = error.code === "commander.help";
  return new QuipuError("USAGE", missingVerb ? "a verb is missing" : message, {
    next: "see `quipu --help`, or `quipu VERB --help`",
  });
}
