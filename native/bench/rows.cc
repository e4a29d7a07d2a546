// T4: softmax, layer normalisation and GELU, in the caches and out of them, where results are
// written past them as native/program does.
#include "bench/peers.h"
#include "dispatch/tensor_kernels.h"
#include "program/split.h"

namespace quipu::bench {
namespace {

struct Size {
  int64_t rows, length;

  int64_t elements() const { return rows * length; }
  bool streamed() const { return elements() >= int64_t{2} << 20; }
};

constexpr Size kSoftmaxSizes[] = {{64, 1024}, {1536, 128}, {16384, 1024}, {4096, 4096}};
constexpr Size kGeluSizes[] = {{512, 3072}, {16384, 1024}};
constexpr Size kNormaliseSizes[] = {{64, 1024}, {128, 768}, {16384, 1024}, {4096, 4096}};

struct Memory {
  explicit Memory(const Size& size)
      : from(Random(size.elements(), 1)),
        to(Random(size.elements(), 2)),
        theirs(Random(size.elements(), 3)) {}

  AlignedArray<float> from, to, theirs;
};

// Runs part(thread, first row, rows) on all threads, beside the peers. Out of the caches the limit
// is reading and writing each element once.
template <class Part>
void HoldRows(const std::string& name, const Size& size, const Part& part, std::vector<Side> peers,
              const Options& options) {
  const auto ours = [&] {
    OnThreads(options.threads, [&](int thread) {
      const Range mine = PartOf(size.rows, options.threads, thread, 1);
      part(thread, mine.begin, mine.end - mine.begin);
    });
  };
  const std::string whole =
      name + " " + std::to_string(size.rows) + " x " + std::to_string(size.length);
  const double limit = size.streamed() ? Copies(options.threads) : 0;
  Hold(Contest{"T4",
               whole,
               static_cast<double>(8 * size.elements()),
               "byte",
               {"ours", ours},
               std::move(peers),
               limit},
       options);
}

void HoldSoftmax(const Size& size, bool logarithm, const Options& options) {
  const SoftmaxF32 kernel = TensorKernelsOf(BestCpuBackend()).softmax;
  const Memory memory(size);
  const auto threads = static_cast<size_t>(options.threads);
  const auto scratch = AllocateAligned<float>(kSoftmaxScratchLength * threads);
  const Softmax job{memory.from.get(), memory.to.get(), size.rows,
                    size.length,       logarithm,       size.streamed()};
  const auto part = [&](int thread, int64_t first, int64_t rows) {
    Softmax mine = job;
    mine.from += first * job.length;
    mine.to += first * job.length;
    mine.rows = rows;
    kernel(mine, scratch.get() + thread * kSoftmaxScratchLength);
  };
  Softmax theirs = job;
  theirs.to = memory.theirs.get();
  HoldRows(logarithm ? "logarithm of softmax" : "softmax", size, part, SoftmaxPeers(theirs),
           options);
}

void HoldNormalise(const Size& size, const Options& options) {
  const NormaliseF32 kernel = TensorKernelsOf(BestCpuBackend()).normalise;
  const Memory memory(size);
  const auto scale = Random(size.length, 4), bias = Random(size.length, 5);
  Normalise job = {};
  job.from = memory.from.get();
  job.scale = scale.get();
  job.bias = bias.get();
  job.to = memory.to.get();
  job.rows = size.rows;
  job.length = size.length;
  job.channels = 1;
  job.epsilon = 1e-5f;
  job.mode = NormaliseMode::kByPlace;
  job.stream = size.streamed();
  const auto part = [&](int, int64_t first, int64_t rows) {
    Normalise mine = job;
    mine.from += first * job.length;
    mine.to += first * job.length;
    mine.rows = rows;
    kernel(mine);
  };
  Normalise theirs = job;
  theirs.to = memory.theirs.get();
  HoldRows("layer normalisation", size, part, NormalisePeers(theirs), options);
}

// One step of a map, as a program runs it.
void HoldGelu(const Size& size, const Options& options) {
  const MapRun kernel = TensorKernelsOf(BestCpuBackend()).map;
  const Memory memory(size);
  Map job = {};
  job.input_count = job.step_count = job.output_count = job.rank = 1;
  job.shape[0] = size.elements();
  job.inputs[0] = {memory.from.get(), DType::kF32, {1}};
  job.steps[0].function = 29;
  job.outputs[0] = {memory.to.get(), DType::kF32, 1};
  PlanMap(&job);
  std::vector<AlignedArray<uint8_t>> scratch;
  for (int i = 0; i < options.threads; ++i) {
    scratch.push_back(AllocateAligned<uint8_t>(MapScratchBytes(job)));
  }
  const auto part = [&](int thread, int64_t first, int64_t rows) {
    kernel(job, MapPart{first * size.length, (first + rows) * size.length},
           scratch[static_cast<size_t>(thread)].get());
  };
  HoldRows("GELU", size, part, GeluPeers(memory.from.get(), memory.theirs.get(), size.elements()),
           options);
}

}  // namespace

void HoldRowOperators(const Options& options) {
  for (const Size& size : kSoftmaxSizes) {
    for (const bool logarithm : {false, true}) HoldSoftmax(size, logarithm, options);
  }
  for (const Size& size : kNormaliseSizes) HoldNormalise(size, options);
  for (const Size& size : kGeluSizes) HoldGelu(size, options);
}

}  // namespace quipu::bench
