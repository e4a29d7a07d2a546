/**
 * `npm run test:fuzz [-- program|importer] [--seconds N]`: libFuzzer on the program decoder, with
 * sanitizers, and blind mutations on the compiler, each from its corpus in the repository (the compiler
 * also from the official ONNX tests where they are installed). A finding is written to build/fuzz and
 * ends the run with 1.
 *
 * What is found and fixed goes into test/fuzz/corpus, which `npm test` replays.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root, SetupError, setup } from "./setup.mjs";

const build = join(root, "build", "fuzz");
const corpus = join(root, "test", "fuzz", "corpus");
const official = process.env.QUIPU_ONNX_TESTS ?? "/usr/share/libonnx-testdata/data";

function run(command, args, cwd = root) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (error !== undefined) throw new SetupError(`${command}: ${error.message}`);
  return status === 0;
}

function clang() {
  const names = ["clang++", ...[19, 18, 17, 16, 15, 14].map((version) => `clang++-${version}`)];
  const found = names.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (found !== undefined) return found;
  throw new SetupError("the decoder is fuzzed with clang (Debian: apt-get install clang)");
}

function sources(folder) {
  return readdirSync(join(root, folder), { recursive: true })
    .filter((name) => name.endsWith(".cc"))
    .map((name) => join(root, folder, name));
}

const simd = {
  _avx2: ["-mavx2", "-mfma", "-mf16c", "-mbmi2"],
  _avx512: [
    ...["-mavx2", "-mfma", "-mf16c", "-mbmi2", "-mavx512f", "-mavx512bw", "-mavx512dq"],
    ...["-mavx512vl", "-msha"],
  ],
  _shani: ["-mssse3", "-msse4.1", "-msha"],
};

/** Object by object, since flags differ. */
function compileDecoder() {
  const compiler = clang();
  const flags = [
    "-std=c++20",
    "-O1",
    "-g",
    "-ffp-contract=off",
    "-w",
    "-fsanitize=address,undefined",
  ];
  const include = ["-I", join(root, "native"), "-I", join(root, "native/include")];
  const all = ["support", "kernels", "dispatch", "program"].flatMap((room) =>
    sources(`native/${room}`),
  );
  const objects = [];
  for (const source of [...all, join(root, "native/fuzz/program_fuzz.cc")]) {
    const isa = Object.keys(simd).find((suffix) => source.endsWith(`${suffix}.cc`));
    const object = join(build, `${source.slice(root.length + 1).replaceAll("/", "_")}.o`);
    const harness = source.endsWith("_fuzz.cc") ? [] : ["-fsanitize=fuzzer-no-link"];
    const defines = ["-DQUIPU_X86=1", "-DQUIPU_CUDA=0"];
    const args = [...flags, ...harness, ...(simd[isa] ?? []), ...defines, ...include];
    if (!run(compiler, [...args, "-c", source, "-o", object])) {
      throw new SetupError(`${source} did not compile`);
    }
    objects.push(object);
  }
  const program = join(build, "program-fuzz");
  const link = ["-fsanitize=fuzzer,address,undefined", "-pthread", "-ldl", "-o", program];
  if (!run(compiler, [...objects, ...link])) throw new SetupError("the harness did not link");
  return program;
}

function fuzzDecoder(seconds) {
  const grown = join(build, "corpus-program");
  mkdirSync(grown, { recursive: true });
  const program = compileDecoder();
  const seeds = join(corpus, "program");
  const limits = [`-max_total_time=${seconds}`, "-timeout=20", "-rss_limit_mb=4096"];
  return run(program, [
    ...limits,
    "-print_final_stats=1",
    `-artifact_prefix=${build}/`,
    grown,
    seeds,
  ]);
}

function fuzzImporter(seconds) {
  const target = join(root, "dist/test/fuzz/main.js");
  const seed = String(Date.now() % 2 ** 31);
  return run(process.execPath, [target, String(seconds), seed, join(corpus, "importer"), official]);
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { seconds: { type: "string", default: "60" } },
    allowPositionals: true,
  });
  await setup();
  mkdirSync(build, { recursive: true });
  const targets = { program: fuzzDecoder, importer: fuzzImporter };
  const names = positionals.length === 0 ? Object.keys(targets) : positionals;
  for (const name of names) {
    if (targets[name] === undefined) throw new SetupError(`no fuzz target ${name}`);
    const passed = targets[name](Number(values.seconds));
    console.log(`fuzz ${name}: ${passed ? "nothing found" : `a finding in ${build}`}`);
    if (!passed) process.exitCode = 1;
  }
}

main().catch((error) => {
  console.error(error instanceof SetupError ? `test-fuzz: ${error.message}` : error);
  process.exitCode = 1;
});
