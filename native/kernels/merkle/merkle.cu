// RFC 6962 on a device: one thread a leaf, then one thread a node, level after level.
#include <algorithm>
#include <cstring>

#include "kernels/merkle/merkle.h"
#include "kernels/merkle/merkle_device.h"
#include "support/cuda_pipeline.h"

namespace quipu::merkle {
namespace {

constexpr unsigned kThreads = 128;

__constant__ uint32_t device_constants[sha256::kRounds] = QUIPU_SHA256_CONSTANTS;

// Leaf i ends at ends[i] - base, or each has `size` bytes.
template <bool kAligned>
__global__ void __launch_bounds__(kThreads)
    LeavesKernel(const uint8_t* data, const uint64_t* ends, uint64_t base, size_t size,
                 size_t count, uint8_t* digests) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  size_t begin = i * size;
  if (ends != nullptr) {
    begin = i == 0 ? 0 : ends[i - 1] - base;
    size = ends[i] - base - begin;
  }
  HashPrefixed<kAligned>(kLeafPrefix, data + begin, size, device_constants,
                         digests + i * kDigestBytes);
}

__global__ void __launch_bounds__(kThreads)
    NodesKernel(const uint8_t* children, size_t count, uint8_t* nodes) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  HashPrefixed<true>(kNodePrefix, children + i * 2 * kDigestBytes, 2 * kDigestBytes,
                     device_constants, nodes + i * kDigestBytes);
}

size_t Blocks(size_t count) { return (count + kThreads - 1) / kThreads; }

// A digest for each leaf, and behind them those of each level above.
static_assert((size_t{2} << kDeviceHeightMax) * kDigestBytes <= CudaPipeline::kWorkspaceBytes);

// Leaves in the device's memory; `ends` and `base` as LeavesKernel has them.
struct DeviceLeaves {
  const uint8_t* data;
  const uint64_t* ends;
  uint64_t base;
  size_t size;
};

Status HashLeaves(const DeviceLeaves& leaves, size_t count, uint8_t* digests, cudaStream_t stream) {
  const bool aligned = leaves.ends == nullptr && leaves.size % 4 == 0 &&
                       reinterpret_cast<uintptr_t>(leaves.data) % 4 == 0;
  const auto kernel = aligned ? LeavesKernel<true> : LeavesKernel<false>;
  QUIPU_CUDA_LAUNCH(kernel, Blocks(count), kThreads, stream, leaves.data, leaves.ends, leaves.base,
                    leaves.size, count, digests);
  return Status{};
}

// Height of the subtrees whose leaves, and their ends, fit a segment; negative when a leaf does
// not.
int SegmentHeight(const Messages& leaves, size_t first, int height) {
  for (int low = height; low >= 0; --low) {
    const size_t count = size_t{1} << low;
    const uint64_t ends = leaves.ends == nullptr ? 0 : count * sizeof(uint64_t) + 8;
    // Leaves of one size are all alike, so the first segment speaks for the others.
    const size_t segments = leaves.ends == nullptr ? 1 : size_t{1} << (height - low);
    bool fits = true;
    for (size_t s = 0; fits && s < segments; ++s) {
      fits = leaves.Bytes(first + s * count, count) + ends <= CudaPipeline::kSegmentBytes;
    }
    if (fits) return low;
  }
  return -1;
}

// Leaves of the host: bytes of a segment, and at the next multiple of eight their ends.
Status HashHostLeaves(CudaPipeline& pipeline, const Messages& leaves, size_t first, int height,
                      uint8_t* digests) {
  const int low = SegmentHeight(leaves, first, height);
  if (low < 0) return Error(Code::kLimitExceeded, "a leaf is too long for the device's buffers");
  const size_t count = size_t{1} << low;  // leaves of a segment
  const auto bytes_of = [&](size_t s) { return leaves.Bytes(first + s * count, count); };
  const auto ends_at = [&](size_t s) { return (bytes_of(s) + 7) / 8 * 8; };
  const auto fill = [&](size_t s, uint8_t* pinned, size_t* filled) {
    const size_t at = first + s * count;
    *filled = bytes_of(s);
    if (leaves.ends != nullptr) {
      std::memcpy(pinned + ends_at(s), leaves.ends + at, count * sizeof(uint64_t));
      *filled = ends_at(s) + count * sizeof(uint64_t);
    }
    return FillFrom(MemorySource(leaves.data), leaves.Begin(at), bytes_of(s), pinned);
  };
  return pipeline.Run(size_t{1} << (height - low), fill, [&](size_t s, CudaPipeline::Slot& slot) {
    const auto* const ends = reinterpret_cast<const uint64_t*>(slot.device + ends_at(s));
    const DeviceLeaves here{slot.device, leaves.ends == nullptr ? nullptr : ends,
                            leaves.Begin(first + s * count), leaves.size};
    return HashLeaves(here, count, digests + s * count * kDigestBytes, slot.stream);
  });
}

Status HashResidentLeaves(const Messages& leaves, size_t first, int height, uint8_t* digests) {
  if (leaves.ends != nullptr) {
    return Error(Code::kInvalidArgument, "leaves on a device must all have the same size",
                 "hash them where they came from");
  }
  const DeviceLeaves here{leaves.data + leaves.Begin(first), nullptr, 0, leaves.size};
  return HashLeaves(here, size_t{1} << height, digests, nullptr);
}

// Digests of each level above the leaves', behind those below them.
Status HashLevels(uint8_t* digests[], int height) {
  for (int level = 1; level <= height; ++level) {
    const size_t count = size_t{1} << (height - level);
    digests[level] = digests[level - 1] + 2 * count * kDigestBytes;
    QUIPU_CUDA_LAUNCH(NodesKernel, Blocks(count), kThreads, nullptr, digests[level - 1], count,
                      digests[level]);
  }
  return Status{};
}

}  // namespace

Status SubtreeCuda(const Messages& leaves, size_t first, int height, uint8_t* const levels[]) {
  std::unique_lock<std::mutex> lock;
  CudaPipeline* pipeline = nullptr;
  Status status = CudaPipeline::Acquire(&lock, &pipeline);
  if (!status.ok()) return status;
  uint8_t* digests[kDeviceHeightMax + 1] = {pipeline->workspace()};  // of each level
  status = leaves.on_device ? HashResidentLeaves(leaves, first, height, digests[0])
                            : HashHostLeaves(*pipeline, leaves, first, height, digests[0]);
  if (status.ok()) status = HashLevels(digests, height);
  for (int level = 0; status.ok() && level <= height; ++level) {
    if (levels[level] == nullptr) continue;
    // The first of them waits for all of the above.
    status = CudaError(cudaMemcpy(levels[level], digests[level], kDigestBytes << (height - level),
                                  cudaMemcpyDeviceToHost),
                       "cudaMemcpy");
  }
  if (!status.ok()) (void)cudaStreamSynchronize(nullptr);  // the next call uses the same memory
  return status;
}

}  // namespace quipu::merkle
