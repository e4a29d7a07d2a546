// One input channel a group and a square kernel of 3, 5 or 7: kernel columns are written out, and
// by steps of 1 a strip goes down the rows once, every input row taking part in all the outputs
// that see it while it is at hand. Each output still takes its taps row by row, in order.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_DEPTHWISE_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_DEPTHWISE_H_

#include <utility>

#include "kernels/convolution/convolution_direct.h"

namespace quipu {
namespace {

static inline bool IsDepthwise(const Convolution& job) {
  const int64_t taps = job.kernel[2];
  return job.in_channels == 1 && job.in[0] == 1 && job.kernel[0] == 1 && job.out[0] == 1 &&
         job.pad[0] == 0 && (taps == 3 || taps == 5 || taps == 7) && job.kernel[1] == taps &&
         job.dilation[1] == 1 && job.dilation[2] == 1 && job.stride[1] == job.stride[2] &&
         job.stride[2] <= 2;
}

// The inputs of one row that a strip sees by steps of 1, for each kernel column.
template <typename Lanes, int kTaps, int kVectors, bool kEdge>
static inline void TakeRow(const Convolution& job, int64_t line, int64_t column,
                           const StripMasks<Lanes, 1, kVectors>& masks,
                           typename Lanes::Vector (*taken)[kVectors]) {
  const bool inside = line >= 0 && line < job.in[1];
  const float* row = job.x + line * job.in[2] + column;
#pragma GCC unroll 7
  for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const float* at = row + t + v * Lanes::kLanes;
      taken[t][v] = Lanes::Fill(0.0f);
      if (!inside) continue;
      if constexpr (kEdge) {
        taken[t][v] = Lanes::template Take<1>(at, masks.inside[t][v], 1, taken[t][v]);
      } else {
        taken[t][v] = Lanes::Load(at);
      }
    }
  }
}

// The same by steps of 2: each element is loaded once, even ones are parted from odd ones, and what
// later kernel columns see are the same ones some lanes further on.
template <typename Lanes, int kTaps, int kVectors>
static inline void TakeEveryOther(const float* row, const typename Lanes::Mask* inside,
                                  typename Lanes::Vector (*taken)[kVectors]) {
  typename Lanes::Vector parted[2][kVectors + 1];
#pragma GCC unroll 3
  for (int v = 0; v <= kVectors; ++v) {
    const float* at = row + 2 * v * Lanes::kLanes;
    const typename Lanes::Vector low = Lanes::LoadPart(at, inside[2 * v]);
    const typename Lanes::Vector high =
        v == kVectors ? low : Lanes::LoadPart(at + Lanes::kLanes, inside[2 * v + 1]);
    parted[0][v] = Lanes::EvenOf(low, high);
    parted[1][v] = Lanes::OddOf(low, high);
  }
  const auto take = [&]<int... t>(std::integer_sequence<int, t...>) {
    for (int v = 0; v < kVectors; ++v) {
      ((taken[t][v] = Lanes::template After<t / 2>(parted[t % 2][v], parted[t % 2][v + 1])), ...);
    }
  };
  take(std::make_integer_sequence<int, kTaps>{});
}

// Takes one input row into one output row.
template <typename Lanes, int kTaps, int kVectors>
static inline void AddRow(const float* w, const typename Lanes::Vector (*taken)[kVectors],
                          typename Lanes::Vector* sum) {
#pragma GCC unroll 7
  for (int t = 0; t < kTaps; ++t) {
    const typename Lanes::Vector weight = Lanes::Fill(w[t]);
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[v] = Lanes::Fused(weight, taken[t][v], sum[v]);
  }
}

template <typename Lanes, int kVectors>
static inline void StoreRow(float* y, const typename Lanes::Mask* live,
                            const typename Lanes::Vector* sum) {
#pragma GCC unroll 2
  for (int v = 0; v < kVectors; ++v) {
    Lanes::StorePart(y + v * Lanes::kLanes, live[v], sum[v]);
  }
}

// By steps of 1: sum[i] belongs to the output row whose window began kTaps - 1 - i rows ago.
template <typename Lanes, int kTaps, int kVectors, bool kEdge>
void SlidingStrip(const Convolution& job, const Rectangle& part, int64_t column, const float* w,
                  float* y, const StripMasks<Lanes, 1, kVectors>& masks) {
  typename Lanes::Vector sum[kTaps][kVectors];
#pragma GCC unroll 7
  for (int i = 0; i < kTaps; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[i][v] = Lanes::Fill(0.0f);
  }
  for (int64_t row = part.top - kTaps + 1; row < part.bottom; ++row) {
    typename Lanes::Vector taken[kTaps][kVectors];
    const int64_t line = row - job.pad[1] + kTaps - 1;
    TakeRow<Lanes, kTaps, kVectors, kEdge>(job, line, column - job.pad[2], masks, taken);
#pragma GCC unroll 7
    for (int i = 0; i < kTaps; ++i) {
      AddRow<Lanes, kTaps, kVectors>(w + (kTaps - 1 - i) * kTaps, taken, sum[i]);
    }
    if (row >= part.top)
      StoreRow<Lanes, kVectors>(y + row * job.out[2] + column, masks.live, sum[0]);
#pragma GCC unroll 7
    for (int i = 0; i < kTaps; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        sum[i][v] = i + 1 < kTaps ? sum[i + 1][v] : Lanes::Fill(0.0f);
      }
    }
  }
}

// By steps of 2.
template <typename Lanes, int kTaps, int kVectors>
void SteppingStrip(const Convolution& job, const Rectangle& part, int64_t column, const float* w,
                   float* y) {
  const int64_t first = column * 2 - job.pad[2];
  typename Lanes::Mask inside[2 * kVectors + 1];
  typename Lanes::Mask live[kVectors];
  for (int v = 0; v <= 2 * kVectors; ++v) {
    const int64_t at = first + v * Lanes::kLanes;
    const int64_t end = v == 2 * kVectors ? Least(job.in[2] - at, kTaps - 2) : job.in[2] - at;
    inside[v] = Lanes::Between(-at, end);
  }
  for (int v = 0; v < kVectors; ++v)
    live[v] = Lanes::Below(part.right - column - v * Lanes::kLanes);
  for (int64_t row = part.top; row < part.bottom; ++row) {
    typename Lanes::Vector sum[kVectors];
    for (int v = 0; v < kVectors; ++v) sum[v] = Lanes::Fill(0.0f);
#pragma GCC unroll 7
    for (int h = 0; h < kTaps; ++h) {
      typename Lanes::Vector taken[kTaps][kVectors];
      const int64_t line = row * 2 - job.pad[1] + h;
      if (line >= 0 && line < job.in[1]) {
        const float* from = job.x + line * job.in[2] + first;
        TakeEveryOther<Lanes, kTaps, kVectors>(from, inside, taken);
      } else {
        for (int t = 0; t < kTaps; ++t) {
          for (int v = 0; v < kVectors; ++v) taken[t][v] = Lanes::Fill(0.0f);
        }
      }
      AddRow<Lanes, kTaps, kVectors>(w + h * kTaps, taken, sum);
    }
    StoreRow<Lanes, kVectors>(y + row * job.out[2] + column, live, sum);
  }
}

template <typename Lanes, int kStep, int kTaps, int kVectors>
void DepthwiseStrip(const Convolution& job, const Rectangle& part, int64_t column, const float* w,
                    float* y) {
  if constexpr (kStep == 2) {
    SteppingStrip<Lanes, kTaps, kVectors>(job, part, column, w, y);
  } else {
    const StripMasks<Lanes, 1, kVectors> masks(job, column, part.right);
    if (masks.edge) {
      return SlidingStrip<Lanes, kTaps, kVectors, true>(job, part, column, w, y, masks);
    }
    SlidingStrip<Lanes, kTaps, kVectors, false>(job, part, column, w, y, masks);
  }
}

template <typename Lanes, int kStep, int kTaps>
void DepthwiseRectangle(const Convolution& job, const Rectangle& part, const float* w, float* y) {
  constexpr int kVectors = kTaps == 3 && Lanes::kLanes == 16 ? 2 : 1;  // as registers allow
  constexpr int64_t kWidth = kVectors * Lanes::kLanes;
  int64_t column = part.left;
  for (; part.right - column > kWidth - Lanes::kLanes; column += kWidth) {
    DepthwiseStrip<Lanes, kStep, kTaps, kVectors>(job, part, column, w, y);
  }
  if (column < part.right) DepthwiseStrip<Lanes, kStep, kTaps, 1>(job, part, column, w, y);
}

template <typename Lanes, int kTaps>
void DepthwiseTaps(const Convolution& job, const Rectangle& part) {
  for (int64_t o = 0; o < job.out_channels; ++o) {
    const float* w = job.w + o * kTaps * kTaps;
    float* y = job.y + o * VolumeOf(job.out);
    if (job.stride[2] == 1) {
      DepthwiseRectangle<Lanes, 1, kTaps>(job, part, w, y);
    } else {
      DepthwiseRectangle<Lanes, 2, kTaps>(job, part, w, y);
    }
  }
}

template <typename Lanes>
void ConvolutionDepthwise(const Convolution& job) {
  ForRectangles(job, [&](const Rectangle& part) {
    if (job.kernel[2] == 3) {
      DepthwiseTaps<Lanes, 3>(job, part);
    } else if (job.kernel[2] == 5) {
      DepthwiseTaps<Lanes, 5>(job, part);
    } else {
      DepthwiseTaps<Lanes, 7>(job, part);
    }
  });
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_DEPTHWISE_H_
