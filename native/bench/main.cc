// How fast the tensor kernels are, beside their peers and the limits of this machine:
// quipu_native_bench [--threads N] [--pairs N] [--only PART]. OpenBLAS chooses its kernels once a
// process: run it again with OPENBLAS_CORETYPE for others.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/peers.h"

int main(int count, char** arguments) {
  quipu::bench::Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(arguments[i], "--threads") == 0) options.threads = std::atoi(arguments[i + 1]);
    if (std::strcmp(arguments[i], "--pairs") == 0) options.pairs = std::atoi(arguments[i + 1]);
    if (std::strcmp(arguments[i], "--only") == 0) options.only = arguments[i + 1];
  }
  options.seconds_of = [&](const std::function<void()>& run) {
    return quipu::bench::SecondsOf(run, options.threads);
  };
  quipu::bench::SetPeerThreads(options.threads);
  std::printf(
      "{\"threads\":%d,\"avx512_gflops\":%.4g,\"avx2_gflops\":%.4g,\"read_gbytes\":%.4g,"
      "\"copy_gbytes\":%.4g,\"openblas\":\"%s\"}\n",
      options.threads, quipu::bench::MultiplyAdds(options.threads, true) / 1e9,
      quipu::bench::MultiplyAdds(options.threads, false) / 1e9,
      quipu::bench::Reads(options.threads) / 1e9, quipu::bench::Copies(options.threads) / 1e9,
      quipu::bench::OpenBlasCore().c_str());
  quipu::bench::HoldMatmul(options);
  quipu::bench::HoldConvolution(options);
  quipu::bench::HoldRowOperators(options);
  return 0;
}
