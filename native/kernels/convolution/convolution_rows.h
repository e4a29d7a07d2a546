// Windows that are rows of a matrix: its product with the weights, which have been copied into
// panels before, has a row for each position and is written down by columns.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_ROWS_H_
#define QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_ROWS_H_

#include "kernels/convolution/convolution.h"
#include "kernels/matmul/matmul_packed.h"

namespace quipu {
namespace {

template <typename Isa>
void ConvolutionRows(const Convolution& job, float* scratch) {
  constexpr int64_t kPositions = 64, kChannels = 512;
  // Where MatmulPacked would copy the right-hand matrix to.
  float* block = scratch + kMatmulPanelRows * kDotBlock;
  static_assert((kMatmulPanelRows * kDotBlock + kPositions * kChannels) * sizeof(float) <=
                kConvolutionScratchBytes);
  const int64_t positions = job.out[2];
  for (int64_t j = job.begin; j < job.end; j += kPositions) {
    const int64_t rows = Least(job.end - j, kPositions);
    for (int64_t o = 0; o < job.out_channels; o += kChannels) {
      const int64_t columns = Least(job.out_channels - o, kChannels);
      MatmulPanels panels = job.panels;
      panels.first += o;
      const Matmul product = {job.x + j * job.stride[2],
                              nullptr,
                              block,
                              job.stride[2],
                              0,
                              columns,
                              rows,
                              columns,
                              job.kernel[2],
                              panels};
      MatmulPacked<Isa>(product, PackedColumns{panels}, scratch);
      for (int64_t column = 0; column < columns; ++column) {
        float* y = job.y + (o + column) * positions + j;
        for (int64_t row = 0; row < rows; ++row) y[row] = block[row * columns + column];
      }
    }
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_CONVOLUTION_CONVOLUTION_ROWS_H_
