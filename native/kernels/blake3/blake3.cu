// BLAKE3 on a device: one thread a chunk, then parents level after level, without a return to the
// host between levels. The compression function is the portable one.
#include <algorithm>
#include <utility>

#include "kernels/blake3/blake3.h"
#include "kernels/blake3/blake3_device.h"
#include "kernels/blake3/blake3_kernels.h"
#include "support/cuda_pipeline.h"

namespace quipu::blake3 {
namespace {

constexpr unsigned kWarp = 32;
constexpr unsigned kChunkThreads = 128;
constexpr unsigned kParentThreads = 256;
// Children that one block reduces to their common ancestor.
constexpr size_t kBlockChildren = 2 * kParentThreads;

struct Key {
  uint32_t words[8];
};

// `count` is a multiple of kChunkThreads. A warp reads the same block of its 32 chunks together, so
// that every byte of a sector that is fetched is used at once, and hands the rows out in shared
// memory.
__global__ void __launch_bounds__(kChunkThreads)
    ChunksKernel(const uint4* input, Key key, uint64_t counter, uint32_t flags, uint4* cvs) {
  __shared__ uint4 staged[kChunkThreads / kWarp][kWarp * kStagedRowQuads];
  const unsigned lane = threadIdx.x % kWarp;
  uint4* const rows = staged[threadIdx.x / kWarp];
  const size_t chunk = static_cast<size_t>(blockIdx.x) * kChunkThreads + threadIdx.x;
  const uint4* const warp_input = input + (chunk - lane) * kChunkQuads;
  uint32_t cv[8];
  QUIPU_UNROLL
  for (int w = 0; w < 8; ++w) cv[w] = key.words[w];
  uint4 next[kBlockQuads];
  QUIPU_UNROLL
  for (unsigned q = 0; q < kBlockQuads; ++q) next[q] = warp_input[FetchedQuad(lane, q, 0)];
  for (unsigned b = 0; b < kBlocksPerChunk; ++b) {
    __syncwarp();  // the rows of the block before have been read
    QUIPU_UNROLL
    for (unsigned q = 0; q < kBlockQuads; ++q) rows[StagedQuad(lane, q)] = next[q];
    __syncwarp();
    if (b + 1 < kBlocksPerChunk) {
      QUIPU_UNROLL
      for (unsigned q = 0; q < kBlockQuads; ++q) next[q] = warp_input[FetchedQuad(lane, q, b + 1)];
    }
    uint32_t m[16];
    QUIPU_UNROLL
    for (unsigned q = 0; q < kBlockQuads; ++q) {
      const uint4 words = rows[lane * kStagedRowQuads + q];  // both sides are little endian
      m[4 * q] = words.x;
      m[4 * q + 1] = words.y;
      m[4 * q + 2] = words.z;
      m[4 * q + 3] = words.w;
    }
    CompressInPlace(cv, m, kBlockBytes, counter + chunk, ChunkBlockFlags(b, flags));
  }
  cvs[2 * chunk] = make_uint4(cv[0], cv[1], cv[2], cv[3]);
  cvs[2 * chunk + 1] = make_uint4(cv[4], cv[5], cv[6], cv[7]);
}

// Each block reduces `children` (a power of two, at most kBlockChildren) to `keep`.
__global__ void __launch_bounds__(kParentThreads)
    ParentsKernel(const uint32_t* input, unsigned children, unsigned keep, Key key, uint32_t flags,
                  uint32_t* output) {
  __shared__ uint32_t level[kBlockChildren * 8];
  const size_t first = static_cast<size_t>(blockIdx.x) * children * 8;
  for (unsigned i = threadIdx.x; i < children * 8; i += kParentThreads) level[i] = input[first + i];
  for (unsigned count = children; count > keep; count /= 2) {
    __syncthreads();
    uint32_t cv[8], m[16];
    const bool works = threadIdx.x < count / 2;
    if (works) {
      QUIPU_UNROLL
      for (int w = 0; w < 8; ++w) cv[w] = key.words[w];
      QUIPU_UNROLL
      for (int w = 0; w < 16; ++w) m[w] = level[threadIdx.x * 16 + w];
      CompressInPlace(cv, m, kBlockBytes, 0, flags | kParent);
    }
    __syncthreads();  // all children have been read
    if (works) {
      QUIPU_UNROLL
      for (int w = 0; w < 8; ++w) level[threadIdx.x * 8 + w] = cv[w];
    }
  }
  __syncthreads();
  if (threadIdx.x < keep * 8) output[blockIdx.x * keep * 8 + threadIdx.x] = level[threadIdx.x];
}

// Reduces `count` chaining values (a power of two) at `cvs` to `keep`, into `output`. Uses the
// memory behind the values.
Status Reduce(uint32_t* cvs, size_t count, unsigned keep, const Key& key, uint32_t flags,
              uint32_t* output, cudaStream_t stream) {
  while (count > kBlockChildren) {
    const size_t blocks = count / kBlockChildren;
    uint32_t* const above = cvs + count * 8;
    QUIPU_CUDA_LAUNCH(ParentsKernel, blocks, kParentThreads, stream, cvs, kBlockChildren, 1, key,
                      flags, above);
    cvs = above;
    count = blocks;
  }
  QUIPU_CUDA_LAUNCH(ParentsKernel, 1, kParentThreads, stream, cvs, static_cast<unsigned>(count),
                    keep, key, flags, output);
  return Status{};
}

// A segment's chunks: as many as their memory holds, or their chaining values where the chunks are
// on the device already.
constexpr size_t kSegmentChunks = CudaPipeline::kSegmentBytes / kChunkBytes;
constexpr size_t kResidentChunks = CudaPipeline::kSegmentBytes / (2 * kCvBytes);

}  // namespace

Status SubtreeCuda(const Subtree& subtree, uint8_t pair[2 * kCvBytes]) {
  std::unique_lock<std::mutex> lock;
  CudaPipeline* pipeline = nullptr;
  Status status = CudaPipeline::Acquire(&lock, &pipeline);
  if (!status.ok()) return status;
  const uint8_t* const resident = subtree.source.on_device();
  const size_t chunks =
      std::min(subtree.chunks, resident != nullptr ? kResidentChunks : kSegmentChunks);
  const size_t segments = subtree.chunks / chunks;
  Key key;
  std::copy(subtree.key, subtree.key + 8, key.words);
  // One top for each segment, the memory to reduce them, and the pair.
  uint32_t* const tops = reinterpret_cast<uint32_t*>(pipeline->behind_scratch());
  const unsigned keep = segments == 1 ? 2 : 1;
  const auto work = [&](size_t segment, const uint8_t* bytes, CudaPipeline::Slot& slot) {
    QUIPU_CUDA_LAUNCH(ChunksKernel, chunks / kChunkThreads, kChunkThreads, slot.stream,
                      reinterpret_cast<const uint4*>(bytes), key,
                      subtree.counter + segment * chunks, subtree.flags,
                      reinterpret_cast<uint4*>(slot.scratch));
    return Reduce(reinterpret_cast<uint32_t*>(slot.scratch), chunks, keep, key, subtree.flags,
                  tops + segment * keep * 8, slot.stream);
  };
  const size_t bytes = chunks * kChunkBytes;
  if (resident != nullptr) {
    status = pipeline->RunResident(segments, [&](size_t s, CudaPipeline::Slot& slot) {
      return work(s, resident + subtree.offset + s * bytes, slot);
    });
  } else {
    const auto fill = [&](size_t s, uint8_t* pinned, size_t* filled) {
      *filled = bytes;
      return FillFrom(subtree.source, subtree.offset + s * bytes, bytes, pinned);
    };
    status = pipeline->Run(segments, fill, [&](size_t s, CudaPipeline::Slot& slot) {
      return work(s, slot.device, slot);
    });
  }
  uint32_t* result = tops;
  if (status.ok() && segments > 1) {
    result = tops + 2 * segments * 8;
    status = Reduce(tops, segments, 2, key, subtree.flags, result, nullptr);
  }
  if (status.ok()) {
    status =
        CudaError(cudaMemcpy(pair, result, 2 * kCvBytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
  }
  if (!status.ok()) (void)cudaStreamSynchronize(nullptr);  // the next call uses the same memory
  return status;
}

}  // namespace quipu::blake3
