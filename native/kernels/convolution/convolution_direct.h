// Few output channels (of a group): every input is used only a few times, so copying it into panels
// would cost as much as the sums. Inputs are read where they lie, a vector of output columns at a
// time, under masks where a strip touches the edge of a row.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_DIRECT_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_DIRECT_H_

#include "kernels/convolution/convolution_columns.h"

namespace quipu {
namespace {

constexpr int64_t kDirectChannelsMax = 8;
constexpr int64_t kDirectWidthMax = 64;  // of a kernel: masks of a strip are kept

// Outputs rows × [left, right): a part of a range of positions.
struct Rectangle {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;
};

// Masks of a strip of kVectors vectors at `column`, for each kernel column; whether they are
// needed.
template <typename Lanes, int kStep, int kVectors>
struct StripMasks {
  StripMasks(const Convolution& job, int64_t column, int64_t right) : edge(false) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t start = column + v * Lanes::kLanes;
      const int64_t lanes = Least(right - start, Lanes::kLanes);
      live[v] = Lanes::Between(0, lanes);
      Run run = {{0, 0, start * job.stride[2] - job.pad[2]}, 0, lanes};
      const int64_t end = run.corner[2] + (lanes - 1) * job.stride[2];
      edge = edge || lanes < Lanes::kLanes || run.corner[2] < 0 ||
             end + (job.kernel[2] - 1) * job.dilation[2] >= job.in[2];
      for (int64_t t = 0; t < job.kernel[2]; ++t) {
        inside[t][v] = InsideRow<Lanes, kStep>(job, run, t * job.dilation[2]);
      }
    }
  }

  bool edge;
  typename Lanes::Mask live[kVectors];
  typename Lanes::template Ready<kStep> inside[kDirectWidthMax][kVectors];
};

// One block of the dot products of kRows output channels × kVectors vectors of one output row.
template <typename Lanes, int kStep, int kRows, int kVectors, bool kEdge>
static inline void DirectSums(const Convolution& job, const TapRows& taps, const Run& run,
                              const float* w, int64_t w_stride,
                              const StripMasks<Lanes, kStep, kVectors>& masks,
                              typename Lanes::Vector (*sum)[kVectors]) {
  const float* corner = job.x + run.Offset(job);
  const int64_t step = kStep == 0 ? job.stride[2] : kStep;
  int64_t t = taps.skip;
  int64_t p = 0;
  for (int64_t i = 0; i < taps.count; ++i, t = 0) {
    const bool has_row = run.HasRow(job, taps, i);
    const int64_t end = Least(taps.width, t + taps.depth - p);
    const float* row = corner + taps.offset[i];
    for (; t < end; ++t, ++p) {
      typename Lanes::Vector value[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) {
        const float* at = row + t * job.dilation[2] + v * Lanes::kLanes * step;
        value[v] = Lanes::Fill(0.0f);
        if (!has_row) continue;
        if constexpr (kStep == 1 && !kEdge) {
          value[v] = Lanes::Load(at);
        } else {
          const auto all = Lanes::template Prepare<kStep>(Lanes::Below(Lanes::kLanes));
          const auto inside = kEdge ? masks.inside[t][v] : all;
          value[v] = Lanes::template Take<kStep>(at, inside, step, value[v]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const typename Lanes::Vector weight = Lanes::Fill(w[r * w_stride + p]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sum[r][v] = Lanes::Fused(weight, value[v], sum[r][v]);
      }
    }
  }
}

// A strip of kVectors vectors of all rows of a rectangle.
template <typename Lanes, int kStep, int kRows, int kVectors>
void DirectStrip(const Convolution& job, const TapRows& taps, const Rectangle& part, int64_t column,
                 const float* w, float* y, bool first) {
  const int64_t positions = VolumeOf(job.out);
  const int64_t k = DepthOf(job);
  const StripMasks<Lanes, kStep, kVectors> masks(job, column, part.right);
  for (int64_t row = part.top; row < part.bottom; ++row) {
    const int64_t position = row * job.out[2] + column;
    const ConvolutionPlace corner = CornerAt(job, position);
    const Run run = {{corner.at[0], corner.at[1], corner.at[2]}, 0, Lanes::kLanes};
    typename Lanes::Vector sum[kRows][kVectors];
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Lanes::Fill(0.0f);
    }
    if (masks.edge) {
      DirectSums<Lanes, kStep, kRows, kVectors, true>(job, taps, run, w, k, masks, sum);
    } else {
      DirectSums<Lanes, kStep, kRows, kVectors, false>(job, taps, run, w, k, masks, sum);
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        float* out = y + r * positions + position + v * Lanes::kLanes;
        typename Lanes::Vector total = sum[r][v];
        if (!first) total = Lanes::Add(Lanes::LoadPart(out, masks.live[v]), total);
        Lanes::StorePart(out, masks.live[v], total);
      }
    }
  }
}

template <typename Lanes, int kStep, int kRows>
void DirectRectangle(const Convolution& job, const TapRows& taps, const Rectangle& part,
                     const float* w, float* y, bool first) {
  constexpr int64_t kWide = 4 * Lanes::kLanes;
  int64_t column = part.left;
  for (; part.right - column > kWide / 2; column += kWide) {
    DirectStrip<Lanes, kStep, kRows, 4>(job, taps, part, column, w, y, first);
  }
  for (; part.right - column > Lanes::kLanes; column += 2 * Lanes::kLanes) {
    DirectStrip<Lanes, kStep, kRows, 2>(job, taps, part, column, w, y, first);
  }
  if (column < part.right)
    DirectStrip<Lanes, kStep, kRows, 1>(job, taps, part, column, w, y, first);
}

template <typename Lanes, int kStep>
void DirectRows(const Convolution& job, const TapRows& taps, const Rectangle& part, const float* w,
                bool first) {
  const int64_t positions = VolumeOf(job.out);
  const int64_t k = DepthOf(job);
  int64_t o = 0;
  for (; o + 4 <= job.out_channels; o += 4) {
    DirectRectangle<Lanes, kStep, 4>(job, taps, part, w + o * k, job.y + o * positions, first);
  }
  if (o + 2 <= job.out_channels) {
    DirectRectangle<Lanes, kStep, 2>(job, taps, part, w + o * k, job.y + o * positions, first);
    o += 2;
  }
  if (o < job.out_channels) {
    DirectRectangle<Lanes, kStep, 1>(job, taps, part, w + o * k, job.y + o * positions, first);
  }
}

// The range of positions as at most three rectangles: the end of a row, whole rows, a beginning.
template <typename Body>
static inline void ForRectangles(const Convolution& job, const Body& body) {
  const int64_t width = job.out[2];
  for (int64_t at = job.begin; at < job.end;) {
    const int64_t row = at / width;
    const int64_t left = at % width;
    Rectangle part = {row, row + 1, left, Least(width, left + job.end - at)};
    if (left == 0 && job.end - at > width) part.bottom = job.end / width;
    at += (part.bottom - part.top) * (part.right - part.left);
    body(part);
  }
}

template <typename Lanes>
void ConvolutionDirect(const Convolution& job) {
  const int64_t k = DepthOf(job);
  for (int64_t start = 0; start < k; start += kDotBlock) {
    const TapRows taps(job, start, Least(k - start, kDotBlock));
    const float* w = job.w + start;
    ForRectangles(job, [&](const Rectangle& part) {
      if (job.stride[2] == 1) {
        DirectRows<Lanes, 1>(job, taps, part, w, start == 0);
      } else if (job.stride[2] == 2) {
        DirectRows<Lanes, 2>(job, taps, part, w, start == 0);
      } else {
        DirectRows<Lanes, 0>(job, taps, part, w, start == 0);
      }
    });
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_DIRECT_H_
