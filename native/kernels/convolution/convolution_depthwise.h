// One input channel a group and a square kernel of 3, 5 or 7: kernel columns are written out, and
// by steps of 1 a strip goes down the rows once, every input row taking part in all the outputs
// that see it while it is at hand. Each output still takes its taps row by row, in order.
//
// Rows of the padding are not walked: fma(w, +0, sum) is sum + w · 0, and several such steps are
// one addition of all w · 0 together, since that is a zero whose sign only a sum of -0 sees, or
// NaN.
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
         job.pad[1] < taps && job.dilation[1] == 1 && job.dilation[2] == 1 && job.stride[2] <= 2;
}

// What a channel's kernel rows add where they lie in the padding.
template <int kTaps>
struct PaddedRows {
  explicit PaddedRows(const float* w) {
    for (int h = 0; h < kTaps; ++h) row[h] = w[h * kTaps] * 0.0f;
    for (int t = 1; t < kTaps; ++t) {
      for (int h = 0; h < kTaps; ++h) row[h] += w[h * kTaps + t] * 0.0f;
    }
  }

  // A sum that has only taken the first `count` rows.
  float First(int64_t count) const {
    float sum = 0.0f;
    for (int64_t h = 0; h < kTaps && h < count; ++h) sum += row[h];
    return sum;
  }
  // What the last `count` rows, at least one, add to any sum.
  float Last(int64_t count) const {
    float sum = row[kTaps - 1];
    for (int64_t h = 1; h < kTaps && h < count; ++h) sum += row[kTaps - 1 - h];
    return sum;
  }

  float row[kTaps];
};

// The inputs of one row that a strip sees by steps of 1, for each kernel column.
template <typename Lanes, int kTaps, int kVectors, bool kEdge>
static inline void TakeRow(const float* row, const StripMasks<Lanes, 1, kVectors>& masks,
                           typename Lanes::Vector (*taken)[kVectors]) {
#pragma GCC unroll 7
  for (int t = 0; t < kTaps; ++t) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const float* at = row + t + v * Lanes::kLanes;
      if constexpr (kEdge) {
        taken[t][v] = Lanes::template Take<1>(at, masks.inside[t][v], 1, Lanes::Fill(0.0f));
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

// Sums of kTaps output rows, the first of which comes to its end first.
template <typename Lanes, int kTaps, int kVectors>
struct SlidingSums {
  void Next() {
#pragma GCC unroll 7
    for (int i = 0; i < kTaps; ++i) {
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        of[i][v] = i + 1 < kTaps ? of[i + 1][v] : Lanes::Fill(0.0f);
      }
    }
  }

  typename Lanes::Vector of[kTaps][kVectors];
};

// By steps of 1. x: the plane, from the strip's first kernel column on.
template <typename Lanes, int kTaps, int kVectors, bool kEdge>
void SlidingStrip(const Convolution& job, const Rectangle& part, const float* x, const float* w,
                  float* y, const StripMasks<Lanes, 1, kVectors>& masks) {
  const PaddedRows<kTaps> padded(w);
  const int64_t pad = job.pad[1];
  int64_t line = part.top < pad ? 0 : part.top - pad;
  int64_t row = line + pad - kTaps + 1;  // of the first sum
  const int64_t last = Least(part.bottom - pad + kTaps - 1, job.in[1]);
  SlidingSums<Lanes, kTaps, kVectors> sums;
#pragma GCC unroll 7
  for (int i = 0; i < kTaps; ++i) {
    const float start = row + i < pad ? padded.First(pad - row - i) : 0.0f;
    for (int v = 0; v < kVectors; ++v) sums.of[i][v] = Lanes::Fill(start);
  }
  for (; line < last; ++line, ++row) {
    typename Lanes::Vector taken[kTaps][kVectors];
    TakeRow<Lanes, kTaps, kVectors, kEdge>(x + line * job.in[2], masks, taken);
    const bool all = row >= part.top && row + kTaps <= part.bottom;
#pragma GCC unroll 7
    for (int i = 0; i < kTaps; ++i) {
      if (!all && (row + i < part.top || row + i >= part.bottom)) continue;
      AddRow<Lanes, kTaps, kVectors>(w + (kTaps - 1 - i) * kTaps, taken, sums.of[i]);
    }
    if (row >= part.top) StoreRow<Lanes, kVectors>(y + row * job.out[2], masks.live, sums.of[0]);
    sums.Next();
  }
  for (; row < part.bottom; ++row, sums.Next()) {
    if (row < part.top) continue;
    const float rest = padded.Last(row - pad + kTaps - job.in[1]);
    for (int v = 0; v < kVectors; ++v) {
      sums.of[0][v] = Lanes::Add(sums.of[0][v], Lanes::Fill(rest));
    }
    StoreRow<Lanes, kVectors>(y + row * job.out[2], masks.live, sums.of[0]);
  }
}

// Masks of a strip by steps of 2 to the right: of its inputs, one behind the other, and of its
// outputs.
template <typename Lanes, int kTaps, int kVectors>
struct SteppingMasks {
  SteppingMasks(const Convolution& job, int64_t column, int64_t right) {
    for (int v = 0; v <= 2 * kVectors; ++v) {
      const int64_t at = column * 2 - job.pad[2] + v * Lanes::kLanes;
      const int64_t end = v == 2 * kVectors ? Least(job.in[2] - at, kTaps - 2) : job.in[2] - at;
      inside[v] = Lanes::Between(-at, end);
    }
    for (int v = 0; v < kVectors; ++v) live[v] = Lanes::Below(right - column - v * Lanes::kLanes);
  }

  typename Lanes::Mask inside[2 * kVectors + 1];
  typename Lanes::Mask live[kVectors];
};

// Output row by output row. Take(line, taken) gives the inputs of one row that the strip sees, for
// each kernel column.
template <typename Lanes, int kTaps, int kVectors, typename Take>
static inline void SteppingStrip(const Convolution& job, const Rectangle& part, const float* w,
                                 float* y, const typename Lanes::Mask* live, const Take& take) {
  const PaddedRows<kTaps> padded(w);
  for (int64_t row = part.top; row < part.bottom; ++row) {
    typename Lanes::Vector sum[kVectors];
    for (int v = 0; v < kVectors; ++v) sum[v] = Lanes::Fill(0.0f);
#pragma GCC unroll 7
    for (int h = 0; h < kTaps; ++h) {
      const int64_t line = row * job.stride[1] - job.pad[1] + h;
      if (line >= 0 && line < job.in[1]) {
        typename Lanes::Vector taken[kTaps][kVectors];
        take(line, taken);
        AddRow<Lanes, kTaps, kVectors>(w + h * kTaps, taken, sum);
      } else {
        for (int v = 0; v < kVectors; ++v) {
          sum[v] = Lanes::Add(sum[v], Lanes::Fill(padded.row[h]));
        }
      }
    }
    StoreRow<Lanes, kVectors>(y + row * job.out[2], live, sum);
  }
}

// A strip of every channel, for which the masks are the same.
template <typename Lanes, int kStep, int kTaps, int kVectors>
void DepthwiseStrip(const Convolution& job, const Rectangle& part, int64_t column) {
  const auto channels = [&](const auto& strip) {
    const int64_t first = column * kStep - job.pad[2];
    for (int64_t c = 0; c < job.groups * job.out_channels; ++c) {
      strip(job.x + c / job.out_channels * VolumeOf(job.in) + first, job.w + c * kTaps * kTaps,
            job.y + c * VolumeOf(job.out) + column);
    }
  };
  if constexpr (kStep == 2) {
    const SteppingMasks<Lanes, kTaps, kVectors> masks(job, column, part.right);
    channels([&](const float* x, const float* w, float* y) {
      const auto take = [&](int64_t line, typename Lanes::Vector(*taken)[kVectors]) {
        TakeEveryOther<Lanes, kTaps, kVectors>(x + line * job.in[2], masks.inside, taken);
      };
      SteppingStrip<Lanes, kTaps, kVectors>(job, part, w, y, masks.live, take);
    });
  } else {
    const StripMasks<Lanes, 1, kVectors> masks(job, column, part.right);
    channels([&](const float* x, const float* w, float* y) {
      if (job.stride[1] != 1) {
        const auto take = [&](int64_t line, typename Lanes::Vector(*taken)[kVectors]) {
          TakeRow<Lanes, kTaps, kVectors, true>(x + line * job.in[2], masks, taken);
        };
        SteppingStrip<Lanes, kTaps, kVectors>(job, part, w, y, masks.live, take);
      } else if (masks.edge) {
        SlidingStrip<Lanes, kTaps, kVectors, true>(job, part, x, w, y, masks);
      } else {
        SlidingStrip<Lanes, kTaps, kVectors, false>(job, part, x, w, y, masks);
      }
    });
  }
}

template <typename Lanes, int kStep, int kTaps>
void DepthwiseRectangle(const Convolution& job, const Rectangle& part) {
  constexpr int kVectors = kTaps == 3 && Lanes::kLanes == 16 ? 2 : 1;  // as registers allow
  constexpr int64_t kWidth = kVectors * Lanes::kLanes;
  int64_t column = part.left;
  for (; part.right - column > kWidth - Lanes::kLanes; column += kWidth) {
    DepthwiseStrip<Lanes, kStep, kTaps, kVectors>(job, part, column);
  }
  if (column < part.right) DepthwiseStrip<Lanes, kStep, kTaps, 1>(job, part, column);
}

template <typename Lanes, int kTaps>
void DepthwiseTaps(const Convolution& job, const Rectangle& part) {
  if (job.stride[2] == 1) {
    DepthwiseRectangle<Lanes, 1, kTaps>(job, part);
  } else {
    DepthwiseRectangle<Lanes, 2, kTaps>(job, part);
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
