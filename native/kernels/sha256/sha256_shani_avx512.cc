// The SHA extensions with the registers of AVX-512.
#include "kernels/sha256/sha256_shani.h"

namespace quipu::sha256 {

void ManyShaniAvx512(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  HashMany<ShaniMachine>(messages, count, prefix, digests);
}

void RunShaniAvx512(const Run& run, int prefix, uint8_t* digests) {
  HashRun<ShaniMachine>(run, prefix, digests);
}

}  // namespace quipu::sha256
