// Ours and its peers take turns in one process, over the same memory, and each line says how they
// did. One line of JSON a contest.
#ifndef QUIPU_BENCH_CONTEST_H_
#define QUIPU_BENCH_CONTEST_H_

#include <functional>
#include <string>
#include <vector>

#include "support/aligned.h"

namespace quipu::bench {

struct Side {
  std::string name;
  std::function<void()> run;
};

struct Contest {
  std::string goal;  // T1, T2, T4, T6
  std::string name;
  double work;       // operations, or bytes that must be read
  std::string unit;  // FLOP or byte
  Side ours;
  std::vector<Side> peers;
  double limit;  // work a second of all threads; 0: unknown
};

struct Options {
  int threads = 1;
  int pairs = 15;
  std::string only;  // part of "goal name"
  // Seconds of one call.
  std::function<double(const std::function<void()>&)> seconds_of;
};

// Seconds of one call, from as many as take 20 ms: of this thread's processor time when it works
// alone, which leaves out what others did with the processor, else of the wall.
double SecondsOf(const std::function<void()>& run, int threads);

void Hold(const Contest& contest, const Options& options);

// Random numbers between -1 and 1.
AlignedArray<float> Random(int64_t count, uint64_t seed);

// Limits of this machine: multiply-adds (FLOP/s), reads and copies (bytes/s) of `threads` threads.
double MultiplyAdds(int threads, bool wide);
double Reads(int threads);
double Copies(int threads);

// The loops behind them, compiled for their instruction sets; each a little work.
double MultiplyAddsAvx2(int64_t steps);    // FLOP done
double MultiplyAddsAvx512(int64_t steps);  // FLOP done
void ReadAvx2(const float* from, int64_t count);
void CopyAvx2(const float* from, float* to, int64_t count);

void HoldMatmul(const Options& options);
void HoldConvolution(const Options& options);
void HoldRowOperators(const Options& options);

// body(thread) on each of so many threads of the pool.
void OnThreads(int threads, const std::function<void(int)>& body);

}  // namespace quipu::bench

#endif  // QUIPU_BENCH_CONTEST_H_
