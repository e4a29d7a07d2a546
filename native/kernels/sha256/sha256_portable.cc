// The readable truth: every other SHA-256 backend must give these bits.
#include "kernels/sha256/sha256_one.h"

namespace quipu::sha256 {

void BlocksPortable(uint32_t state[8], const uint8_t* input, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint32_t words[16];
    LoadBigEndian(input + i * kBlockBytes, 16, words);
    CompressWords(state, words, kConstants);
  }
}

void ManyPortable(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  for (size_t i = 0; i < count; ++i) {
    HashOne(BlocksPortable, messages[i], prefix, digests + i * kDigestBytes);
  }
}

void RunPortable(const Run& run, int prefix, uint8_t* digests) {
  for (size_t i = 0; i < run.count; ++i) {
    HashOne(BlocksPortable, ByteView{run.data + i * run.size, run.size}, prefix,
            digests + i * kDigestBytes);
  }
}

}  // namespace quipu::sha256
