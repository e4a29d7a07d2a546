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
    for (int64_t i = 0; i < count; ++i) {
      const ConvolutionPlace tap = TapAt(job, p - skip + i * width);
      offset[i] = ((tap.channel * job.in[0] + tap.at[0]) * job.in[1] + tap.at[1]) * job.in[2];
      down[i] = tap.at[1];
      deep[i] = tap.at[0];
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

  int64_t Offset(const Convolution& job) const {
    return (corner[0] * job.in[1] + corner[1]) * job.in[2] + corner[2];
  }
};

// Lanes of a run that lie inside an input row for the tap `right` columns from the corner. A step
// of 1 or 2 is known when this is compiled; 0 stands for any other.
template <typename Lanes, int kStep>
static inline typename Lanes::Mask InsideRow(const Convolution& job, const Run& run,
                                             int64_t right) {
  const int64_t step = kStep == 0 ? job.stride[2] : kStep;
  const Inside lanes = InsideOf(run.corner[2] + right, step, run.last, job.in[2]);
  return Lanes::Between(lanes.begin > run.first ? lanes.begin : run.first, lanes.end);
}

// Fills the run's lanes of one vector of a panel, for every tap of the block. The first run of a
// vector clears the others' lanes.
template <typename Lanes, int64_t kColumns, int kStep>
void PackRun(const Convolution& job, const TapRows& taps, const Run& run, bool clear, float* out) {
  const typename Lanes::Mask lanes = Lanes::Between(run.first, run.last);
  const float* corner = job.x + run.Offset(job);
  for (int64_t t = 0; t < taps.width; ++t) {
    const int64_t right = t * job.dilation[2];
    const typename Lanes::Mask inside = InsideRow<Lanes, kStep>(job, run, right);
    for (int64_t i = t < taps.skip ? 1 : 0, p = i * taps.width + t - taps.skip; p < taps.depth;
         ++i, p += taps.width) {
      typename Lanes::Vector value = Lanes::Fill(0.0f);
      if (run.HasRow(job, taps, i)) {
        value = Lanes::template Take<kStep>(corner + taps.offset[i] + right, inside, job.stride[2],
                                            value);
      }
      if (clear) {
        Lanes::Store(out + p * kColumns, value);
      } else {
        Lanes::Merge(out + p * kColumns, lanes, value);
      }
    }
  }
}

// The source of B for MatmulPacked.
template <typename Isa, typename Lanes>
struct WindowColumns {
  const Convolution& job;

  void Pack(int64_t p, int64_t depth, int64_t j, int64_t columns, float* out) const {
    const TapRows taps(job, p, depth);
    for (int64_t x = 0; x < columns; x += Lanes::kLanes) {
      float* vector = out + x / Isa::kColumns * Isa::kColumns * depth + x % Isa::kColumns;
      const int64_t lanes = Least(columns - x, Lanes::kLanes);
      for (int64_t lane = 0; lane < lanes;) {
        const int64_t position = job.begin + j + x + lane;
        const ConvolutionPlace corner = CornerAt(job, position);
        Run run = {{corner.at[0], corner.at[1], corner.at[2] - lane * job.stride[2]}, lane, 0};
        run.last = Least(lanes, lane + job.out[2] - position % job.out[2]);
        PackRunOfStep(taps, run, vector);
        lane = run.last;
      }
    }
  }

 private:
  void PackRunOfStep(const TapRows& taps, const Run& run, float* out) const {
    const bool clear = run.first == 0;
    switch (job.stride[2]) {
      case 1:
        return PackRun<Lanes, Isa::kColumns, 1>(job, taps, run, clear, out);
      case 2:
        return PackRun<Lanes, Isa::kColumns, 2>(job, taps, run, clear, out);
      default:
        return PackRun<Lanes, Isa::kColumns, 0>(job, taps, run, clear, out);
    }
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_COLUMNS_H_
