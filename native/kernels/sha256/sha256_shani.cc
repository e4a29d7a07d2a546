#include "kernels/sha256/sha256_shani.h"

namespace quipu::sha256 {

void BlocksShani(uint32_t state[8], const uint8_t* input, size_t count) {
  Packed packed[1] = {Pack(state)};
  for (; count > 0; --count, input += kBlockBytes) CompressPacked<1>(packed, &input, kNoPrefix);
  __m128i words[2];
  Unpack(packed[0], words);
  for (int i = 0; i < 2; ++i) Store(words[i], state + 4 * i);
}

void ManyShani(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  HashMany<ShaniMachine>(messages, count, prefix, digests);
}

void RunShani(const Run& run, int prefix, uint8_t* digests) {
  HashRun<ShaniMachine>(run, prefix, digests);
}

}  // namespace quipu::sha256
