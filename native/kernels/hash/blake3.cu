// BLAKE3 on a device: one thread a chunk, then one thread a parent, level after level without a
// return to the host. The compression function is the portable one.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/hash/blake3.h"
#include "kernels/hash/blake3_kernels.h"
#include "kernels/hash/byte_order.h"
#include "support/cuda_memory.h"

namespace quipu::blake3 {
namespace {

constexpr unsigned kThreads = 128;
// Chunks on the device at a time: 256 MiB of input.
constexpr size_t kSegmentChunks = size_t{1} << 18;

struct Key {
  uint32_t words[8];
};

// Device memory comes aligned to 256 bytes and chunks are whole, so words load as they are: both
// sides are little endian.
__global__ void ChunksKernel(const uint4* input, size_t count, Key key, uint64_t counter,
                             uint32_t flags, uint32_t* cvs) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  uint32_t cv[8];
  for (int w = 0; w < 8; ++w) cv[w] = key.words[w];
  const uint4* block = input + i * (kChunkBytes / sizeof(uint4));
  for (size_t b = 0; b < kBlocksPerChunk; ++b, block += kBlockBytes / sizeof(uint4)) {
    uint32_t m[16];
    QUIPU_UNROLL
    for (int q = 0; q < 4; ++q) {
      const uint4 words = block[q];
      m[4 * q] = words.x;
      m[4 * q + 1] = words.y;
      m[4 * q + 2] = words.z;
      m[4 * q + 3] = words.w;
    }
    CompressInPlace(cv, m, kBlockBytes, counter + i, ChunkBlockFlags(b, flags));
  }
  for (int w = 0; w < 8; ++w) cvs[i * 8 + w] = cv[w];
}

__global__ void ParentsKernel(const uint32_t* children, size_t count, Key key, uint32_t flags,
                              uint32_t* cvs) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  uint32_t cv[8], m[16];
  for (int w = 0; w < 8; ++w) cv[w] = key.words[w];
  for (int w = 0; w < 16; ++w) m[w] = children[i * 16 + w];
  CompressInPlace(cv, m, kBlockBytes, 0, flags | kParent);
  for (int w = 0; w < 8; ++w) cvs[i * 8 + w] = cv[w];
}

unsigned Grid(size_t count) { return static_cast<unsigned>((count + kThreads - 1) / kThreads); }

// Leaves and parents of one segment; levels alternate between two arrays, because threads of a
// level run in any order.
Status Segment(const uint8_t* input, size_t chunks, const Key& key, uint64_t counter,
               uint32_t flags, size_t keep, DeviceArray<uint4>& data, DeviceArray<uint32_t>& even,
               DeviceArray<uint32_t>& odd, uint8_t* cvs) {
  QUIPU_CUDA_RETURN_IF_ERROR(
      cudaMemcpy(data.get(), input, chunks * kChunkBytes, cudaMemcpyHostToDevice));
  ChunksKernel<<<Grid(chunks), kThreads>>>(data.get(), chunks, key, counter, flags, even.get());
  QUIPU_CUDA_RETURN_IF_ERROR(cudaGetLastError());
  uint32_t* from = even.get();
  uint32_t* to = odd.get();
  size_t count = chunks;
  for (; count > keep; count /= 2, std::swap(from, to)) {
    ParentsKernel<<<Grid(count / 2), kThreads>>>(from, count / 2, key, flags, to);
    QUIPU_CUDA_RETURN_IF_ERROR(cudaGetLastError());
  }
  QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpy(cvs, from, count * kCvBytes, cudaMemcpyDeviceToHost));
  return Status{};
}

}  // namespace

Status SubtreeCuda(const uint8_t* input, size_t chunks, const uint32_t key[8], uint64_t counter,
                   uint32_t flags, size_t keep, uint8_t* cvs) {
  ForgetCudaError();
  Key device_key;
  std::copy(key, key + 8, device_key.words);
  const size_t segment = std::min(chunks, kSegmentChunks);
  const size_t segments = chunks / segment;
  DeviceArray<uint4> data;
  DeviceArray<uint32_t> even, odd;
  Status status = data.Allocate(segment * (kChunkBytes / sizeof(uint4)));
  if (status.ok()) status = even.Allocate(segment * 8);
  if (status.ok()) status = odd.Allocate(segment * 8);
  if (!status.ok()) return status;
  if (segments == 1) {
    return Segment(input, chunks, device_key, counter, flags, keep, data, even, odd, cvs);
  }
  std::vector<uint8_t> tops(segments * kCvBytes);
  for (size_t s = 0; s < segments; ++s) {
    status = Segment(input + s * segment * kChunkBytes, segment, device_key, counter + s * segment,
                     flags, 1, data, even, odd, tops.data() + s * kCvBytes);
    if (!status.ok()) return status;
  }
  size_t count = segments;
  for (; count > keep; count /= 2) {
    ParentsPortable(tops.data(), count / 2, key, flags, tops.data());
  }
  std::copy(tops.data(), tops.data() + count * kCvBytes, cvs);
  return Status{};
}

}  // namespace quipu::blake3
