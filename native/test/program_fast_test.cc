// Fast matrix products on the emulated device, through a library that stands in for cuBLASLt: how
// its column-major matrices lie in ours, how many calls batches take, what happens where the
// library is missing, refuses or fails, and a device that is lost at every single call.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "dispatch/tensor_kernels.h"
#include "program/run_cpu.h"
#include "test/check.h"
#include "test/emulated/cublaslt/library.h"
#include "test/emulated/device.h"
#include "test/program_builder.h"

namespace quipu::test {

EmulatedCublasLt emulated_cublaslt;

namespace {

// The emulated device takes its time for a block of each small matrix.
constexpr size_t kCanonicalMost = 1000;

struct Case {
  const char* name;
  int64_t m, n, k;
  std::vector<int64_t> shape, a_stride, b_stride;
  int calls;
};

const Case kCases[] = {
    {"one product", 5, 7, 3, {}, {}, {}, 1},
    {"one long row", 1, 33, 40, {}, {}, {}, 1},
    {"one column", 9, 1, 4, {}, {}, {}, 1},
    {"a batch", 3, 4, 5, {6}, {1}, {1}, 1},
    {"a batch of two axes", 3, 4, 5, {2, 1, 3}, {3, 3, 1}, {3, 3, 1}, 1},
    {"one right-hand matrix", 4, 6, 3, {2, 3}, {3, 1}, {0, 0}, 1},
    {"one left-hand matrix", 4, 6, 3, {5}, {0}, {1}, 1},
    {"every second left-hand matrix", 2, 3, 4, {3}, {2}, {1}, 1},
    {"every second left-hand matrix by one", 2, 3, 4, {3}, {2}, {0}, 1},
    {"one and the same product", 2, 3, 4, {3}, {0}, {0}, 1},
    {"more products than a call takes", 1, 2, 2, {2, 65'535}, {65'535, 1}, {65'535, 1}, 2},
    {"more rows than that", 1, 2, 2, {2, 65'535}, {65'535, 1}, {0, 0}, 1},
    {"a right-hand matrix a row of the batch", 2, 3, 4, {2, 3}, {3, 1}, {1, 0}, 2},
    {"right-hand matrices in turn", 2, 3, 4, {2, 3}, {3, 1}, {0, 1}, 2},
    {"a batch the other way round", 2, 3, 4, {2, 3}, {1, 2}, {3, 1}, 2},
    {"sums of nothing", 2, 3, 0, {2}, {1}, {1}, 0},
    {"no rows", 0, 3, 4, {2}, {1}, {1}, 0},
};

// As many matrices as the strides reach.
int64_t Matrices(const std::vector<int64_t>& shape, const std::vector<int64_t>& stride) {
  int64_t last = 0;
  for (size_t i = 0; i < shape.size(); ++i) last += (shape[i] - 1) * stride[i];
  return last + 1;
}

Program ProgramOf(const Case& one) {
  ProgramBuilder builder;
  int64_t products = 1;
  for (const int64_t size : one.shape) products *= size;
  const uint32_t a = builder.Add(Place::kInput, Matrices(one.shape, one.a_stride) * one.m * one.k);
  const uint32_t b = builder.Add(Place::kInput, Matrices(one.shape, one.b_stride) * one.k * one.n);
  const uint32_t c = builder.Add(Place::kArena, products * one.m * one.n);
  std::vector<int64_t> words = {one.m, one.n, one.k, static_cast<int64_t>(one.shape.size())};
  for (const auto* list : {&one.shape, &one.a_stride, &one.b_stride}) {
    words.insert(words.end(), list->begin(), list->end());
  }
  builder.Do(Opcode::kMatmul, {a, b}, {c}, words);
  Program program = std::move(builder.program);
  program.input_count = 2;
  program.outputs = {c};
  return program;
}

// Whole numbers that bfloat16 holds in part only, so that each rounding gives other sums; the sums
// themselves are exact.
struct Buffers {
  explicit Buffers(const Program& program) : output(program.tensors[program.outputs[0]].elements) {
    for (uint32_t i = 0; i < program.input_count; ++i) {
      const auto count = static_cast<size_t>(program.tensors[i].elements);
      const std::vector<uint8_t> noise = Noise(2 * count + 1, 7 + i);
      for (size_t at = 0; at < count; ++at) {
        inputs[i].push_back(static_cast<float>(noise[2 * at] * 16 + noise[2 * at + 1] % 16));
      }
      run.inputs.push_back(reinterpret_cast<const uint8_t*>(inputs[i].data()));
    }
    run.outputs.push_back(reinterpret_cast<uint8_t*>(output.data()));
  }

  Buffers RoundedTo(int bits) const {
    Buffers rounded = *this;
    for (size_t i = 0; i < 2; ++i) {
      for (float& value : rounded.inputs[i]) value = RoundedTo(value, bits);
      rounded.run.inputs[i] = reinterpret_cast<const uint8_t*>(rounded.inputs[i].data());
    }
    rounded.run.outputs[0] = reinterpret_cast<uint8_t*>(rounded.output.data());
    return rounded;
  }

  std::vector<float> inputs[2];
  std::vector<float> output;
  ProgramRun run;

 private:
  // To a whole number of so many significant bits, nearest even.
  static float RoundedTo(float value, int bits) {
    float unit = 1;
    while (value / unit >= static_cast<float>(1 << bits)) unit *= 2;
    return std::nearbyint(value / unit) * unit;
  }
};

// What the portable CPU gives for operands that were rounded beforehand.
std::vector<float> Want(const Program& program, const Buffers& buffers, int bits) {
  Buffers rounded = buffers.RoundedTo(bits);
  CpuMemory memory;
  const TensorKernels& portable = TensorKernelsOf(Backend::kPortable);
  return RunOnCpu(program, portable, rounded.run, &memory).ok() ? rounded.output
                                                                : std::vector<float>{};
}

void TestCase(const Case& one) {
  const std::string name = std::string("fast: ") + one.name;
  const Program program = ProgramOf(one);
  Buffers buffers(program);
  const std::vector<float> exact = Want(program, buffers, 24);
  const std::vector<float> tf32 = Want(program, buffers, 11);
  const std::vector<float> bf16 = Want(program, buffers, 8);
  Check(!program.operators.empty(), name + " is sound");
  EmulatedProgram emulated(program);
  const auto gives = [&](Fast fast, const std::vector<float>& want, int calls) {
    emulated_cublaslt.calls = 0;
    buffers.run.fast = fast;
    std::fill(buffers.output.begin(), buffers.output.end(), -1.0f);
    const bool ok = emulated.Run(buffers.run, nullptr).ok();
    return ok && buffers.output == want && emulated_cublaslt.calls == calls;
  };
  Check(gives(Fast::kTf32, tf32, one.calls), name + " by tf32");
  Check(gives(Fast::kBf16, bf16, one.calls), name + " by bf16");
  const int asked = emulated_cublaslt.proposals;
  Check(gives(Fast::kBf16, bf16, one.calls) && emulated_cublaslt.proposals == asked,
        name + " again, without asking again");
  if (buffers.output.size() <= kCanonicalMost) {
    Check(gives(Fast::kNone, exact, 0), name + " canonically on the same device");
  }
  Check(one.calls == 0 || (tf32 != exact && bf16 != tf32), name + " tells the precisions apart");
}

Status RunFast() {
  const Program program = ProgramOf(kCases[0]);
  Buffers buffers(program);
  buffers.run.fast = Fast::kTf32;
  EmulatedProgram emulated(program);
  return emulated.Run(buffers.run, nullptr);
}

void TestRefusals() {
  const auto refused = [](const char* name, Code code, const std::string& part) {
    const Status status = RunFast();
    Check(status.code == code && status.message.find(part) != std::string::npos,
          std::string("fast: ") + name + " is told");
  };
  setenv("QUIPU_CUBLASLT", "/nowhere/libcublasLt.so.13", 1);
  refused("a library that is missing", Code::kBackendUnavailable, "/nowhere/libcublasLt.so.13");
  setenv("QUIPU_CUBLASLT", "libc.so.6", 1);
  refused("another library", Code::kBackendUnavailable, "lacks cublasLtGetStatusString");
  setenv("QUIPU_CUBLASLT", QUIPU_EMULATED_CUBLASLT, 1);
  EmulatedCublasLt& library = emulated_cublaslt;
  library.create_result = 1;
  refused("a library that does not start", Code::kBackendUnavailable, "cublasLtCreate failed");
  library.create_result = 3;
  refused("a device without memory for the library", Code::kDeviceMemory, "cublasLtCreate failed");
  library.create_result = 0;
  library.propose_result = 15;
  refused("a product that the library cannot do", Code::kBackendUnavailable, "5 × 7 × 3");
  library.propose_result = 0;
  library.proposes_nothing = true;
  refused("a library without a proposal", Code::kBackendUnavailable, "5 × 7 × 3");
  library.proposes_nothing = false;
  bool lost = true, told = true;
  for (int call = 0; lost; ++call) {
    LoseEmulatedDeviceAfter(call);
    const Status status = RunFast();
    lost = EmulatedCalls() > call;
    told = told && status.ok() == !lost && (!lost || status.code == Code::kDeviceLost);
  }
  LoseEmulatedDeviceAfter(-1);
  Check(told, "fast: a device that is lost at any call is an error");
}

}  // namespace

void TestFastProducts() {
  setenv("QUIPU_CUBLASLT", QUIPU_EMULATED_CUBLASLT, 1);
  const int before = EmulatedAllocations();
  for (const Case& one : kCases) TestCase(one);
  TestRefusals();
  unsetenv("QUIPU_CUBLASLT");
  Check(emulated_cublaslt.faults == 0, "fast: the library is never asked for what it cannot do");
  Check(emulated_cublaslt.alive == 0, "fast: nothing of the library is left behind");
  Check(EmulatedAllocations() == before, "fast: nothing is left on the device");
}

}  // namespace quipu::test
