// Pooling a vector of output columns at a time. Each lane takes its own window's elements in order;
// lanes whose tap lies in the padding take a value that changes nothing.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_POOL_POOL_VECTOR_H_
#define QUIPU_KERNELS_POOL_POOL_VECTOR_H_

#include "kernels/pool/pool.h"

namespace quipu {
namespace {

constexpr int64_t kMasksMax = 32;  // kernel columns whose masks are kept

// A vector of output columns, in all rows of a plane.
template <typename Lanes, int kStep>
struct PoolStrip {
  using Mask = typename Lanes::template Ready<kStep>;

  PoolStrip(const Window& of, int64_t at)
      : window(of), column(at), first(at * of.stride[2] - of.pad[2]) {
    const int64_t left = of.out[2] - at;
    lanes = left < Lanes::kLanes ? left : Lanes::kLanes;
    live = Lanes::Below(lanes);
    for (int64_t w = 0; w < of.kernel[2] && w < kMasksMax; ++w) kept[w] = Lookup(w);
  }

  // Lanes whose tap w is inside the plane.
  Mask Lookup(int64_t w) const {
    const Inside inside =
        InsideOf(first + w * window.dilation[2], window.stride[2], lanes, window.in[2]);
    return Lanes::template Prepare<kStep>(Lanes::Between(inside.begin, inside.end));
  }
  Mask LanesInside(int64_t w) const { return w < kMasksMax ? kept[w] : Lookup(w); }

  const Window& window;
  const int64_t column;
  const int64_t first;  // input column of the first lane's first tap
  int64_t lanes;
  typename Lanes::Mask live;
  Mask kept[kMasksMax];
};

// Kind gives Rest, what a lane takes in the padding; Start; Take(state, value); Finish(state,
// strip, taps).
template <typename Lanes, int kStep, typename Kind>
void PoolPlane(const Kind& kind, const Window& window, const float* x, float* y) {
  const typename Lanes::Vector rest = Lanes::Fill(kind.kRest);
  for (int64_t column = 0; column < window.out[2]; column += Lanes::kLanes) {
    const PoolStrip<Lanes, kStep> strip(window, column);
    typename Kind::Divisors divisors(kind, strip.first);
    for (int64_t row = 0; row < window.out[0] * window.out[1]; ++row) {
      const int64_t position = row * window.out[2] + column;
      const PoolTaps taps = TapsAt(window, position);
      typename Kind::State state = Kind::Start();
      for (int64_t d = taps.inside[0].begin; d < taps.inside[0].end; ++d) {
        for (int64_t h = taps.inside[1].begin; h < taps.inside[1].end; ++h) {
          for (int64_t w = 0; w < window.kernel[2]; ++w) {
            const float* at = x + PlaceOf(window, taps, d, h, w, false);
            Kind::Take(&state, Lanes::template Take<kStep>(at, strip.LanesInside(w),
                                                           window.stride[2], rest));
          }
        }
      }
      Lanes::StorePart(y + position, strip.live, Kind::Finish(state, divisors.Of(taps)));
    }
  }
}

template <typename Lanes, typename Kind, typename Job>
void PoolPlanes(const Kind& kind, const Job& job) {
  const int64_t in = VolumeOf(job.in);
  const int64_t out = VolumeOf(job.out);
  for (int64_t plane = job.begin; plane < job.end; ++plane) {
    const float* x = job.x + plane * in;
    float* y = job.y + plane * out;
    if (job.stride[2] == 1) {
      PoolPlane<Lanes, 1>(kind, job, x, y);
    } else if (job.stride[2] == 2) {
      PoolPlane<Lanes, 2>(kind, job, x, y);
    } else {
      PoolPlane<Lanes, 0>(kind, job, x, y);
    }
  }
}

template <typename Lanes>
struct Greatest {
  static constexpr float kRest = -__builtin_inff();
  struct State {
    typename Lanes::Vector greatest;
    typename Lanes::Mask nan;
  };
  struct Divisors {
    Divisors(const Greatest&, int64_t) {}
    int Of(const PoolTaps&) { return 1; }
  };

  static State Start() { return State{Lanes::Fill(kRest), Lanes::Below(0)}; }
  static void Take(State* state, typename Lanes::Vector value) {
    state->greatest = Lanes::Greater(state->greatest, value);
    state->nan = Lanes::Either(state->nan, Lanes::IsNan(value));
  }
  static typename Lanes::Vector Finish(const State& state, int) {
    return Lanes::Pick(state.nan, Lanes::Fill(F32OfBits(kCanonicalNan)), state.greatest);
  }
};

template <typename Lanes>
struct Mean {
  static constexpr float kRest = 0.0f;  // a sum that starts at +0 is never -0: + 0 changes nothing
  using State = typename Lanes::Vector;

  // What each lane is divided by, kept from row to row while it is the same.
  struct Divisors {
    Divisors(const Mean& mean, int64_t first) : job(mean.job) {
      for (int64_t lane = 0; lane < Lanes::kLanes; ++lane) {
        PoolTaps taps = {};
        taps.corner[2] = first + lane * job.stride[2];
        taps.inside[2] = InsideOf(taps.corner[2], job.dilation[2], job.kernel[2], job.in[2]);
        columns[lane] = CountOf(job, taps, 2);
      }
    }

    typename Lanes::Vector Of(const PoolTaps& taps) {
      const int64_t now = CountOf(job, taps, 0) * CountOf(job, taps, 1);
      if (now != rows) {
        rows = now;
        float count[Lanes::kLanes];
        for (int64_t lane = 0; lane < Lanes::kLanes; ++lane) {
          count[lane] = static_cast<float>(rows * columns[lane]);
        }
        divisors = Lanes::Load(count);
      }
      return divisors;
    }

    const AveragePool& job;
    int64_t columns[Lanes::kLanes];
    int64_t rows = -1;
    typename Lanes::Vector divisors = Lanes::Fill(1.0f);
  };

  static State Start() { return Lanes::Fill(0.0f); }
  static void Take(State* state, typename Lanes::Vector value) {
    *state = Lanes::Add(*state, value);
  }
  static typename Lanes::Vector Finish(const State& state, typename Lanes::Vector divisors) {
    return Lanes::Divide(state, divisors);
  }

  const AveragePool& job;
};

template <typename Lanes>
void MaxPoolVector(const MaxPool& job) {
  if (job.indices != nullptr || job.stride[2] > kVectorStepMax) {
    return MaxPoolF32Portable(job);
  }
  PoolPlanes<Lanes>(Greatest<Lanes>{}, job);
}

template <typename Lanes>
void AveragePoolVector(const AveragePool& job) {
  if (job.stride[2] > kVectorStepMax) return AveragePoolF32Portable(job);
  PoolPlanes<Lanes>(Mean<Lanes>{job}, job);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_POOL_POOL_VECTOR_H_
