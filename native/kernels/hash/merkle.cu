// RFC 6962 on a device: one thread a leaf, then one thread a node, level after level.
#include <algorithm>
#include <utility>

#include "kernels/hash/merkle.h"
#include "kernels/hash/sha256.h"
#include "support/cuda_memory.h"

namespace quipu::merkle {
namespace {

using sha256::kBlockBytes;
using sha256::kDigestBytes;

constexpr unsigned kThreads = 128;

__constant__ uint32_t device_constants[sha256::kRounds] = QUIPU_SHA256_CONSTANTS;

// Digest of `prefix` and the message.
__device__ void HashPrefixed(uint8_t prefix, const uint8_t* message, size_t size, uint8_t* digest) {
  uint32_t state[8] = QUIPU_SHA256_INITIAL;
  uint8_t block[2 * kBlockBytes];
  block[0] = prefix;
  size_t fill = 1;
  uint32_t words[16];
  for (size_t i = 0; i < size; ++i) {
    block[fill++] = message[i];
    if (fill == kBlockBytes) {
      LoadBigEndian(block, 16, words);
      sha256::CompressWords(state, words, device_constants);
      fill = 0;
    }
  }
  const size_t blocks = sha256::Pad(block, fill, uint64_t{size} + 1);
  for (size_t b = 0; b < blocks; ++b) {
    LoadBigEndian(block + b * kBlockBytes, 16, words);
    sha256::CompressWords(state, words, device_constants);
  }
  StoreBigEndian(state, 8, digest);
}

__global__ void LeavesKernel(const uint8_t* data, const uint64_t* ends, size_t count,
                             uint8_t* digests) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const uint64_t begin = i == 0 ? 0 : ends[i - 1];
  HashPrefixed(kLeafPrefix, data + begin, ends[i] - begin, digests + i * kDigestBytes);
}

// Node i over children 2i and 2i + 1; an odd last child is carried up.
__global__ void NodesKernel(const uint8_t* children, size_t count, uint8_t* nodes) {
  const size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (2 * i >= count) return;
  const uint8_t* pair = children + 2 * i * kDigestBytes;
  uint8_t* node = nodes + i * kDigestBytes;
  if (2 * i + 1 < count) {
    HashPrefixed(kNodePrefix, pair, 2 * kDigestBytes, node);
  } else {
    for (size_t b = 0; b < kDigestBytes; ++b) node[b] = pair[b];
  }
}

unsigned Grid(size_t count) { return static_cast<unsigned>((count + kThreads - 1) / kThreads); }

}  // namespace

// At least one leaf; all leaves and two levels must fit on the device.
Status RootCuda(Leaves leaves, uint8_t root[kDigestBytes]) {
  ForgetCudaError();
  const size_t bytes = leaves.ends[leaves.count - 1];
  DeviceArray<uint8_t> data, even, odd;
  DeviceArray<uint64_t> ends;
  Status status = data.Allocate(std::max<size_t>(bytes, 1));
  if (status.ok()) status = ends.Allocate(leaves.count);
  if (status.ok()) status = even.Allocate(leaves.count * kDigestBytes);
  if (status.ok()) status = odd.Allocate((leaves.count + 1) / 2 * kDigestBytes);
  if (!status.ok()) return status;
  QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpy(data.get(), leaves.data, bytes, cudaMemcpyHostToDevice));
  QUIPU_CUDA_RETURN_IF_ERROR(
      cudaMemcpy(ends.get(), leaves.ends, leaves.count * sizeof(uint64_t), cudaMemcpyHostToDevice));
  LeavesKernel<<<Grid(leaves.count), kThreads>>>(data.get(), ends.get(), leaves.count, even.get());
  QUIPU_CUDA_RETURN_IF_ERROR(cudaGetLastError());
  uint8_t* from = even.get();
  uint8_t* to = odd.get();
  for (size_t count = leaves.count; count > 1; count = (count + 1) / 2, std::swap(from, to)) {
    NodesKernel<<<Grid((count + 1) / 2), kThreads>>>(from, count, to);
    QUIPU_CUDA_RETURN_IF_ERROR(cudaGetLastError());
  }
  QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpy(root, from, kDigestBytes, cudaMemcpyDeviceToHost));
  return Status{};
}

}  // namespace quipu::merkle
