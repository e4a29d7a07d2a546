// T4: softmax and layer normalisation, in the caches and out of them, where results are written
// past them as native/program does.
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

}  // namespace

void HoldRowOperators(const Options& options) {
  for (const Size& size : kSoftmaxSizes) {
    for (const bool logarithm : {false, true}) HoldSoftmax(size, logarithm, options);
  }
  for (const Size& size : kNormaliseSizes) HoldNormalise(size, options);
}

}  // namespace quipu::bench
