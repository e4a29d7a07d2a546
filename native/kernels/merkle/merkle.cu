// RFC 6962 on a device: one thread a leaf, then one thread a node, level after level.
#include <algorithm>
#include <cstring>

#include "kernels/merkle/merkle.h"
#include "kernels/merkle/merkle_device.h"
#include "support/cuda_memory.h"
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

unsigned Grid(size_t count) { return static_cast<unsigned>((count + kThreads - 1) / kThreads); }

// Nodes of levels 1 to `height` over 2^height digests at `digests`, each level behind the one
// before it; copies out those that are wanted. levels[k] has room for all segments; this is number
// `segment`.
Status Levels(uint8_t* digests, int height, uint8_t* const levels[], size_t segment,
              cudaStream_t stream, uint8_t** top) {
  size_t count = size_t{1} << height;
  for (int level = 0;; ++level, count /= 2) {
    if (levels[level] != nullptr) {
      QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpyAsync(levels[level] + segment * count * kDigestBytes,
                                                 digests, count * kDigestBytes,
                                                 cudaMemcpyDeviceToHost, stream));
    }
    if (level == height) break;
    uint8_t* const above = digests + count * kDigestBytes;
    NodesKernel<<<Grid(count / 2), kThreads, 0, stream>>>(digests, count / 2, above);
    QUIPU_CUDA_RETURN_IF_ERROR(cudaGetLastError());
    digests = above;
  }
  *top = digests;
  return Status{};
}

// Height of the subtrees that fit a segment, bytes, ends and digests; negative when a leaf does
// not.
int SegmentHeight(const Messages& leaves, size_t first, int height) {
  constexpr size_t kLeavesMax = CudaPipeline::kSegmentBytes / (2 * kDigestBytes);
  for (; height >= 0; --height) {
    const size_t count = size_t{1} << height;
    if (count > kLeavesMax) continue;
    if (leaves.on_device) return height;  // only their digests need room
    const uint64_t ends = leaves.ends == nullptr ? 0 : count * sizeof(uint64_t) + 8;
    bool fits = true;
    // Leaves of one size are all alike, so the first segment speaks for the others.
    const size_t segments = leaves.ends == nullptr ? 1 : leaves.count / count;
    for (size_t s = 0; fits && s < segments && first + (s + 1) * count <= leaves.count; ++s) {
      fits = leaves.Bytes(first + s * count, count) + ends <= CudaPipeline::kSegmentBytes;
    }
    if (fits) return height;
  }
  return -1;
}

struct Segment {
  const uint8_t* data;
  const uint64_t* ends;
  uint64_t base;
};

Status HashLeaves(const Messages& leaves, const Segment& segment, size_t count, uint8_t* digests,
                  cudaStream_t stream) {
  const bool aligned = leaves.ends == nullptr && leaves.size % 4 == 0 &&
                       reinterpret_cast<uintptr_t>(segment.data) % 4 == 0;
  const auto kernel = aligned ? LeavesKernel<true> : LeavesKernel<false>;
  kernel<<<Grid(count), kThreads, 0, stream>>>(segment.data, segment.ends, segment.base,
                                               leaves.size, count, digests);
  QUIPU_CUDA_RETURN_IF_ERROR(cudaGetLastError());
  return Status{};
}

}  // namespace

Status SubtreeCuda(const Messages& leaves, size_t first, int height, uint8_t* const levels[]) {
  std::unique_lock<std::mutex> lock;
  CudaPipeline* pipeline = nullptr;
  Status status = CudaPipeline::Acquire(&lock, &pipeline);
  if (!status.ok()) return status;
  const int low = SegmentHeight(leaves, first, height);
  if (low < 0) return Error(Code::kDeviceMemory, "a leaf is too long for the device's buffers");
  const size_t count = size_t{1} << low;  // leaves of a segment
  const size_t segments = size_t{1} << (height - low);
  DeviceArray<uint8_t> tops;
  status = tops.Allocate(2 * segments * kDigestBytes);
  if (!status.ok()) return status;
  const auto work = [&](size_t s, const Segment& segment, CudaPipeline::Slot& slot) {
    Status worked = HashLeaves(leaves, segment, count, slot.scratch, slot.stream);
    uint8_t* top = nullptr;
    if (worked.ok()) worked = Levels(slot.scratch, low, levels, s, slot.stream, &top);
    if (!worked.ok()) return worked;
    return CudaError(cudaMemcpyAsync(tops.get() + s * kDigestBytes, top, kDigestBytes,
                                     cudaMemcpyDeviceToDevice, slot.stream),
                     "cudaMemcpyAsync");
  };
  if (leaves.on_device) {
    if (leaves.ends != nullptr) {
      return Error(Code::kInvalidArgument, "leaves on a device must all have the same size");
    }
    status = pipeline->RunResident(segments, [&](size_t s, CudaPipeline::Slot& slot) {
      return work(s, Segment{leaves.data + leaves.Begin(first + s * count), nullptr, 0}, slot);
    });
  } else {
    // Bytes of the leaves, and at the next multiple of eight their ends.
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
    status = pipeline->Run(segments, fill, [&](size_t s, CudaPipeline::Slot& slot) {
      const auto* const ends = reinterpret_cast<const uint64_t*>(slot.device + ends_at(s));
      return work(s,
                  Segment{slot.device, leaves.ends == nullptr ? nullptr : ends,
                          leaves.Begin(first + s * count)},
                  slot);
    });
  }
  if (!status.ok()) return status;
  // The levels above the segments; their own copies of level `low` have been made.
  uint8_t* above[kDeviceHeightMax + 1] = {};
  for (int level = low + 1; level <= height; ++level) above[level - low] = levels[level];
  uint8_t* top = nullptr;
  status = Levels(tops.get(), height - low, above, 0, nullptr, &top);
  if (!status.ok()) return status;
  QUIPU_CUDA_RETURN_IF_ERROR(cudaDeviceSynchronize());
  return status;
}

}  // namespace quipu::merkle
