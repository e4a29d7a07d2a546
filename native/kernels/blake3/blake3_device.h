// Where a warp of a device reads its chunks from, and where it puts them for its threads: functions
// of the host too, so that CPU tests cover them.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_DEVICE_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_DEVICE_H_

#include "kernels/blake3/blake3.h"

namespace quipu::blake3 {

// A quad is sixteen bytes, the widest load.
constexpr unsigned kQuadBytes = 16;
constexpr unsigned kBlockQuads = kBlockBytes / kQuadBytes;
constexpr unsigned kChunkQuads = kChunkBytes / kQuadBytes;
// One quad of padding a row: eight threads that read their rows' quads then touch all banks once.
constexpr unsigned kStagedRowQuads = kBlockQuads + 1;

// In step `step` (0 to 3) lane 4r + q fetches quad q of row 8 * step + r.
QUIPU_HOST_DEVICE constexpr unsigned FetchedRow(unsigned lane, unsigned step) {
  return 8 * step + lane / kBlockQuads;
}

// Quad of the warp's 32 chunks, of block `block`.
QUIPU_HOST_DEVICE constexpr unsigned FetchedQuad(unsigned lane, unsigned step, unsigned block) {
  return FetchedRow(lane, step) * kChunkQuads + block * kBlockQuads + lane % kBlockQuads;
}

// Its place in shared memory: row i is lane i's.
QUIPU_HOST_DEVICE constexpr unsigned StagedQuad(unsigned lane, unsigned step) {
  return FetchedRow(lane, step) * kStagedRowQuads + lane % kBlockQuads;
}

}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_DEVICE_H_
