// The matrix of inputs, k × output positions, as panels for the packed matmul loop. Neighbours in
// an output row read neighbours of an input row, so a panel is filled by loads under masks: a lane
// whose tap lies in the padding is +0.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_COLUMNS_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_COLUMNS_H_

#include "kernels/convolution/convolution.h"
#include "kernels/lanes/inside.h"
#include "kernels/matmul/matmul_packed.h"

namespace quipu {
namespace {

// Rows of taps that a block of the dot product touches: those that differ in their kernel column
// only. Tap p of the block lies in row (p + skip) / kernel width.
struct TapRows {
  TapRows(const Convolution& job, int64_t p, int64_t block_depth)
      : width(job.kernel[2]), skip(p % job.kernel[2]), depth(block_depth) {
    count = (skip + depth + width - 1) / width;
    ConvolutionPlace tap = TapAt(job, p - skip);
    const int64_t reach[2] = {job.kernel[0] * job.dilation[0], job.kernel[1] * job.dilation[1]};
    for (int64_t i = 0; i < count; ++i) {  // counting up, since divisions are slow
      offset[i] = ((tap.channel * job.in[0] + tap.at[0]) * job.in[1] + tap.at[1]) * job.in[2];
      down[i] = tap.at[1];
      deep[i] = tap.at[0];
      if ((tap.at[1] += job.dilation[1]) < reach[1]) continue;
      tap.at[1] = 0;
      if ((tap.at[0] += job.dilation[0]) < reach[0]) continue;
      tap.at[0] = 0;
      ++tap.channel;
    }
  }

  const int64_t width;
  const int64_t skip;
  const int64_t depth;
  int64_t count;
  int64_t offset[kDotBlock];  // of the row in x, from the window's corner
  int64_t down[kDotBlock];
  int64_t deep[kDotBlock];
};

// Outputs that are neighbours in a row: lanes first … last - 1 of a vector.
struct Run {
  int64_t corner[3];  // of the window of the output that lane 0 has or would have
  int64_t first;
  int64_t last;

  bool HasRow(const Convolution& job, const TapRows& taps, int64_t i) const {
    return static_cast<uint64_t>(corner[1] + taps.down[i]) < static_cast<uint64_t>(job.in[1]) &&
           static_cast<uint64_t>(corner[0] + taps.deep[i]) < static_cast<uint64_t>(job.in[0]);
  }

  // Whether every tap has a row in the image.
  bool HasAllRows(const Convolution& job) const {
    return corner[1] >= 0 && corner[1] + (job.kernel[1] - 1) * job.dilation[1] < job.in[1] &&
           corner[0] >= 0 && corner[0] + (job.kernel[0] - 1) * job.dilation[0] < job.in[0];
  }

  int64_t Offset(const Convolution& job) const {
    return (corner[0] * job.in[1] + corner[1]) * job.in[2] + corner[2];
  }
};

// Lanes of a run that lie inside an input row for the tap `right` columns from the corner. A step
// of 1 or 2 is known when this is compiled; 0 stands for any other.
template <typename Lanes, int kStep>
static inline auto InsideRow(const Convolution& job, const Run& run, int64_t right) {
  const int64_t step = kStep == 0 ? job.stride[2] : kStep;
  const Inside lanes = InsideOf(run.corner[2] + right, step, run.last, job.in[2]);
  return Lanes::template Prepare<kStep>(
      Lanes::Between(lanes.begin > run.first ? lanes.begin : run.first, lanes.end));
}

// Fills the lanes of kRuns runs of one vector of a panel, for every tap of the block; all other
// lanes are +0, or what they were when the vector holds runs before these. Kernel column by kernel
// column, so that a mask is made once for many rows. What the loops need is in variables of their
// own: a compiler must believe that a vector's store changes the job.
template <typename Lanes, int64_t kColumns, int kStep, int kRuns, bool kMerge>
void PackRuns(const Convolution& job, const TapRows& taps, const Run* runs, float* out) {
  const int64_t width = taps.width, skip = taps.skip, depth = taps.depth, step = job.stride[2];
  const typename Lanes::Vector zero = Lanes::Fill(0.0f);
  bool all_rows = true;
  for (int r = 0; r < kRuns; ++r) all_rows = all_rows && runs[r].HasAllRows(job);
  for (int64_t t = 0; t < width; ++t) {
    const int64_t right = t * job.dilation[2];
    const float* corner[kRuns];
    typename Lanes::template Ready<kStep> inside[kRuns];
    for (int r = 0; r < kRuns; ++r) {
      corner[r] = job.x + runs[r].Offset(job) + right;
      inside[r] = InsideRow<Lanes, kStep>(job, runs[r], right);
    }
    const int64_t begin = t < skip ? 1 : 0;
    const int64_t end = (depth + skip - t + width - 1) / width;
    float* at = out + (begin * width + t - skip) * kColumns;
    const int64_t apart = width * kColumns;
    for (int64_t i = begin; i < end && all_rows; ++i, at += apart) {
      typename Lanes::Vector value = kMerge ? Lanes::Load(at) : zero;
#pragma GCC unroll 2
      for (int r = 0; r < kRuns; ++r) {
        value = Lanes::template Take<kStep>(corner[r] + taps.offset[i], inside[r], step, value);
      }
      Lanes::Store(at, value);
    }
    for (int64_t i = begin; i < end && !all_rows; ++i, at += apart) {
      typename Lanes::Vector value = kMerge ? Lanes::Load(at) : zero;
#pragma GCC unroll 2
      for (int r = 0; r < kRuns; ++r) {
        if (!runs[r].HasRow(job, taps, i)) continue;
        value = Lanes::template Take<kStep>(corner[r] + taps.offset[i], inside[r], step, value);
      }
      Lanes::Store(at, value);
    }
  }
}

// The source of B for MatmulPacked.
template <typename Isa, typename Lanes>
struct WindowColumns {
  static constexpr int64_t kPiece = 256;
  const Convolution& job;

  const float* Panels(int64_t p, int64_t depth, int64_t j, int64_t columns, float* out) const {
    const TapRows taps(job, p, depth);
    ConvolutionPlace corner = CornerAt(job, job.begin + j);
    int64_t left = job.out[2] - (job.begin + j) % job.out[2];  // in this row of outputs
    for (int64_t x = 0; x < columns; x += Lanes::kLanes) {
      float* vector = out + x / Isa::kColumns * Isa::kColumns * depth + x % Isa::kColumns;
      const int64_t lanes = Least(columns - x, Lanes::kLanes);
      Run runs[Lanes::kLanes];
      int count = 0;
      for (int64_t lane = 0; lane < lanes; lane = runs[count++].last) {
        const int64_t last = Least(lanes, lane + left);
        runs[count] = {
            {corner.at[0], corner.at[1], corner.at[2] - lane * job.stride[2]}, lane, last};
        corner.at[2] += (last - lane) * job.stride[2];
        left -= last - lane;
        if (left > 0) continue;
        corner = CornerAt(job, job.begin + j + x + last);
        left = job.out[2];
      }
      PackOfStep<false>(taps, runs, count, vector);
      for (int done = 2; done < count; done += 2) {
        PackOfStep<true>(taps, runs + done, count - done, vector);
      }
    }
    return out;
  }

 private:
  template <bool kMerge>
  void PackOfStep(const TapRows& taps, const Run* runs, int count, float* out) const {
    switch (job.stride[2]) {
      case 1:
        return PackOneOrTwo<1, kMerge>(taps, runs, count, out);
      case 2:
        return PackOneOrTwo<2, kMerge>(taps, runs, count, out);
      default:
        return PackOneOrTwo<0, kMerge>(taps, runs, count, out);
    }
  }

  template <int kStep, bool kMerge>
  void PackOneOrTwo(const TapRows& taps, const Run* runs, int count, float* out) const {
    if (count == 1) return PackRuns<Lanes, Isa::kColumns, kStep, 1, kMerge>(job, taps, runs, out);
    PackRuns<Lanes, Isa::kColumns, kStep, 2, kMerge>(job, taps, runs, out);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_COLUMNS_H_
