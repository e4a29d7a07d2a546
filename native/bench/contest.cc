#include "bench/contest.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <random>

namespace quipu::bench {
namespace {

constexpr double kTurnSeconds = 0.02;

double Now(int threads) {
  timespec time;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double Quantile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(at * static_cast<double>(values.size() - 1) + 0.5)];
}

}  // namespace

double SecondsOf(const std::function<void()>& run, int threads) {
  // Threads of a peer may wait awake for a while.
  if (threads > 1) usleep(30000);
  run();
  for (int calls = 1;; calls *= 2) {
    const double start = Now(threads);
    for (int i = 0; i < calls; ++i) run();
    const double seconds = Now(threads) - start;
    if (seconds >= kTurnSeconds) return seconds / calls;
    if (seconds < kTurnSeconds / 8) calls *= 4;
  }
}

void Hold(const Contest& contest, const Options& options) {
  if ((contest.goal + " " + contest.name).find(options.only) == std::string::npos) return;
  std::vector<const Side*> sides = {&contest.ours};
  for (const Side& peer : contest.peers) sides.push_back(&peer);
  std::vector<std::vector<double>> seconds(sides.size());
  for (int pair = 0; pair < options.pairs; ++pair) {
    for (size_t i = 0; i < sides.size(); ++i) {
      const size_t side = (i + static_cast<size_t>(pair)) % sides.size();
      seconds[side].push_back(options.seconds_of(sides[side]->run));
    }
  }
  const double ours = contest.work / Quantile(seconds[0], 0.5);
  std::printf("{\"goal\":\"%s\",\"work\":\"%s\",\"threads\":%d,\"unit\":\"G%s/s\",\"ours\":%.4g",
              contest.goal.c_str(), contest.name.c_str(), options.threads, contest.unit.c_str(),
              ours / 1e9);
  if (contest.limit > 0) std::printf(",\"share_of_limit\":%.3f", ours / contest.limit);
  for (size_t side = 1; side < sides.size(); ++side) {
    std::vector<double> ratios;
    for (size_t pair = 0; pair < seconds[0].size(); ++pair) {
      ratios.push_back(seconds[side][pair] / seconds[0][pair]);
    }
    std::printf(",\"%s\":{\"rate\":%.4g,\"ratio\":%.3f,\"low\":%.3f,\"high\":%.3f}",
                sides[side]->name.c_str(), contest.work / Quantile(seconds[side], 0.5) / 1e9,
                Quantile(ratios, 0.5), Quantile(ratios, 0.1), Quantile(ratios, 0.9));
  }
  std::printf("}\n");
  std::fflush(stdout);
}

AlignedArray<float> Random(int64_t count, uint64_t seed) {
  AlignedArray<float> numbers = AllocateAligned<float>(static_cast<size_t>(count) + 64);
  std::mt19937_64 random(seed);
  for (int64_t i = 0; i < count; ++i) {
    numbers[static_cast<size_t>(i)] = static_cast<float>(random() >> 40) / 8388608.0f - 1.0f;
  }
  return numbers;
}

}  // namespace quipu::bench
