// T1 and T2: matrix products. The split over threads is that of native/program.
#include <algorithm>

#include "bench/peers.h"
#include "dispatch/backend.h"
#include "program/split.h"

namespace quipu::bench {
namespace {

struct Size {
  const char* goal;
  int64_t m, n, k;
};

const Size kSizes[] = {
    {"T1", 256, 256, 256},    {"T1", 512, 512, 512},  {"T1", 1024, 1024, 1024},
    {"T1", 2048, 2048, 2048}, {"T2", 1, 4096, 4096},  {"T2", 8, 4096, 4096},
    {"T1", 64, 4096, 4096},   {"T1", 128, 768, 3072},
};

// Copies of the right-hand matrix are made outside the time, of both sides or of neither.
void HoldOne(const Size& size, bool packed, const Options& options) {
  const bool wide = BestCpuBackend() == Backend::kAvx512;
  const MatmulF32 kernel = wide ? MatmulF32Avx512 : MatmulF32Avx2;
  std::vector<AlignedArray<uint8_t>> scratch;
  for (int i = 0; i < options.threads; ++i) {
    scratch.push_back(AllocateAligned<uint8_t>(kMatmulScratchBytes));
  }
  const AlignedArray<float> a = Random(size.m * size.k, 1), b = Random(size.k * size.n, 2);
  const AlignedArray<float> c = Random(size.m * size.n, 3), d = Random(size.m * size.n, 4);
  Matmul job = {a.get(), b.get(), c.get(), size.k, size.n, size.n, size.m, size.n, size.k};
  Matmul theirs = job;
  theirs.c = d.get();
  const AlignedArray<float> panels = Random(size.k * MatmulPanelsColumns(size.n), 5);
  if (packed && size.m >= kMatmulPackRowsMin) {
    (wide ? MatmulPackF32Avx512 : MatmulPackF32Avx2)(job, panels.get());
    job.panels = {panels.get(), MatmulPanelsColumns(size.n), 0};
  }
  const auto parts = static_cast<int64_t>(options.threads);
  const Grid grid = GridOf(size.m, size.n, parts, kRowUnit, kColumnUnit);
  const auto ours = [&] {
    OnThreads(static_cast<int>(grid.rows * grid.columns), [&](int thread) {
      const Range i = PartOf(size.m, grid.rows, thread / grid.columns, kRowUnit);
      const Range j = PartOf(size.n, grid.columns, thread % grid.columns, kColumnUnit);
      Matmul mine = job;
      mine.a += i.begin * size.k;
      mine.b += j.begin;
      mine.c += i.begin * size.n + j.begin;
      mine.m = i.end - i.begin;
      mine.n = j.end - j.begin;
      mine.panels.first = j.begin;
      kernel(mine, reinterpret_cast<float*>(scratch[static_cast<size_t>(thread)].get()));
    });
  };
  std::vector<Side> peers = MatmulPeers(theirs);
  std::erase_if(peers,
                [packed](const Side& peer) { return peer.name.ends_with("packed") != packed; });
  const std::string name = std::to_string(size.m) + " x " + std::to_string(size.n) + " x " +
                           std::to_string(size.k) + (packed ? ", packed" : "");
  const auto flops = static_cast<double>(2 * size.m * size.n * size.k);
  const double adds = MultiplyAdds(options.threads, wide);
  // What bounds it: the arithmetic, or reading B once.
  const double reads =
      Reads(options.threads) / (4.0 * static_cast<double>(size.k * size.n)) * flops;
  const double limit = size.m <= 8 ? std::min(adds, reads) : adds;
  Hold(Contest{size.goal, name, flops, "FLOP", {"ours", ours}, peers, limit}, options);
}

}  // namespace

void HoldMatmul(const Options& options) {
  for (const Size& size : kSizes) {
    for (const bool packed : {false, true}) HoldOne(size, packed, options);
  }
}

}  // namespace quipu::bench
