// The packed loop of the vector backends. A piece of B (256 × up to 1024) is copied into panels
// that the micro kernel reads in order, so that it streams from the second-level cache; a panel of
// A, a few rows of 256, waits in the first. One piece of k is exactly one block of the canonical
// dot product, so the kernel's registers are the block's accumulators and what it adds to C is the
// block's sum.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_MATMUL_MATMUL_PACKED_H_
#define QUIPU_KERNELS_MATMUL_MATMUL_PACKED_H_

#include <string.h>

#include "kernels/lanes/fetch.h"
#include "kernels/math/canonical.h"
#include "kernels/matmul/matmul.h"

namespace quipu {
namespace {

static inline int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }

// Where columns of B come from when B is a matrix in memory.
template <typename Isa>
struct MatrixColumns {
  static constexpr int64_t kPiece = 1024;
  const Matmul& job;

  const float* Panels(int64_t p, int64_t depth, int64_t j, int64_t columns, float* out) const {
    Isa::PackB(job.b + p * job.b_stride + j, job.b_stride, depth, columns, out);
    return out;
  }
};

// And when it has been copied into panels before.
struct PackedColumns {
  static constexpr int64_t kPiece = 512;
  const MatmulPanels& panels;

  const float* Panels(int64_t p, int64_t depth, int64_t j, int64_t, float*) const {
    return panels.data + p * panels.columns + (panels.first + j) * depth;
  }
};

template <typename Isa>
void MatmulPack(const Matmul& job, float* panels) {
  const int64_t columns = MatmulPanelsColumns(job.n);
  for (int64_t p = 0; p < job.k; p += kDotBlock) {
    const int64_t depth = Least(job.k - p, kDotBlock);
    Isa::PackB(job.b + p * job.b_stride, job.b_stride, depth, job.n, panels + p * columns);
  }
}

// Isa gives: kRows × kColumns of the micro tile; Tile, which computes one micro tile of C from two
// panels, that of A being rows kDotBlock apart. Columns gives Panels(p, depth, j, columns,
// scratch): those of B's rows p … p + depth - 1 and columns j … j + columns - 1; job.b is not read.
template <typename Isa, typename Columns>
void MatmulPacked(const Matmul& job, const Columns& source, float* scratch) {
  static_assert(Isa::kRows <= kMatmulPanelRows);
  float* packed_a = scratch;
  float* packed_b = scratch + kMatmulPanelRows * kDotBlock;
  if (job.k == 0) {
    for (int64_t i = 0; i < job.m; ++i) {
      for (int64_t j = 0; j < job.n; ++j) job.c[i * job.c_stride + j] = 0.0f;
    }
  }
  for (int64_t j = 0; j < job.n; j += Columns::kPiece) {
    const int64_t columns = Least(job.n - j, Columns::kPiece);
    for (int64_t p = 0; p < job.k; p += kDotBlock) {
      const int64_t depth = Least(job.k - p, kDotBlock);
      const float* panels = source.Panels(p, depth, j, columns, packed_b);
      for (int64_t i = 0; i < job.m; i += Isa::kRows) {
        const int64_t rows = Least(job.m - i, Isa::kRows);
        // Copied, because rows that lie a power of two apart would push each other out of the
        // cache.
        for (int64_t r = 0; r < rows; ++r) {
          memcpy(packed_a + r * kDotBlock, job.a + (i + r) * job.a_stride + p,
                 static_cast<size_t>(depth) * sizeof(float));
        }
        const int64_t tiles = (columns + Isa::kColumns - 1) / Isa::kColumns;
        for (int64_t x = 0; x < columns; x += Isa::kColumns) {
          // The next panel's rows are asked for early, some of them beside each tile.
          for (int64_t r = Isa::kRows + x / Isa::kColumns; r < 2 * Isa::kRows && i + r < job.m;
               r += tiles) {
            const float* row = job.a + (i + r) * job.a_stride + p;
            FetchLines(reinterpret_cast<const uint8_t*>(row),
                       static_cast<size_t>(depth) * sizeof(float));
          }
          Isa::Tile(packed_a, panels + x * depth, depth, job.c + i * job.c_stride + j + x,
                    job.c_stride, rows, Least(columns - x, Isa::kColumns), p == 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATMUL_MATMUL_PACKED_H_
