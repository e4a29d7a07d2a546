// The readable truth: every other BLAKE3 backend must give these bits.
#include <cstring>

#include "kernels/blake3/blake3.h"
#include "kernels/blake3/blake3_kernels.h"
#include "support/byte_order.h"

namespace quipu::blake3 {
namespace {

void Compress(uint32_t cv[8], const uint8_t* block, uint64_t counter, uint32_t flags) {
  uint32_t words[16];
  LoadLittleEndian(block, 16, words);
  CompressInPlace(cv, words, kBlockBytes, counter, flags);
}

}  // namespace

void ChunksPortable(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                    uint32_t flags, uint8_t* cvs) {
  for (size_t i = 0; i < count; ++i) {
    uint32_t cv[8];
    std::memcpy(cv, key, sizeof(cv));
    BlocksPortable(cv, input + i * kChunkBytes, kBlocksPerChunk, 0, counter + i, flags);
    StoreLittleEndian(cv, 8, cvs + i * kCvBytes);
  }
}

void ParentsPortable(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                     uint8_t* cvs) {
  for (size_t i = 0; i < count; ++i) {
    uint32_t cv[8];
    std::memcpy(cv, key, sizeof(cv));
    Compress(cv, children + i * 2 * kCvBytes, 0, flags | kParent);
    StoreLittleEndian(cv, 8, cvs + i * kCvBytes);
  }
}

void InputsPortable(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags) {
  for (size_t i = 0; i < count; ++i) {
    const Input& input = inputs[i];
    uint32_t cv[8];
    std::memcpy(cv, key, sizeof(cv));
    const size_t whole = WholeBlocks(input.size);
    BlocksPortable(cv, input.data, whole, 0, input.counter, flags);
    uint8_t last[kBlockBytes] = {};
    const size_t rest = input.size - whole * kBlockBytes;
    if (rest > 0) std::memcpy(last, input.data + whole * kBlockBytes, rest);
    uint32_t words[16];
    LoadLittleEndian(last, 16, words);
    CompressInPlace(cv, words, static_cast<uint32_t>(rest), input.counter,
                    flags | input.flags | (whole == 0 ? kChunkStart : 0) | kChunkEnd);
    StoreLittleEndian(cv, 8, input.cv);
  }
}

void BlocksPortable(uint32_t cv[8], const uint8_t* input, size_t count, size_t first,
                    uint64_t counter, uint32_t flags) {
  for (size_t i = 0; i < count; ++i) {
    Compress(cv, input + i * kBlockBytes, counter, ChunkBlockFlags(first + i, flags));
  }
}

void CompressPortable(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                      uint64_t counter, uint32_t flags, uint32_t out[16]) {
  uint32_t words[16];
  LoadLittleEndian(block, 16, words);
  InitialState(cv, length, counter, flags, out);
  Rounds(out, words);
  for (int i = 0; i < 8; ++i) {
    out[i] ^= out[i + 8];
    out[i + 8] ^= cv[i];
  }
}

}  // namespace quipu::blake3
