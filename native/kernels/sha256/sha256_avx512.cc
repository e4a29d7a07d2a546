// SHA-256 of many messages, sixteen at a time.
#include "kernels/lanes/lanes16.h"
#include "kernels/sha256/sha256_lanes.h"

namespace quipu::sha256 {

void ManyAvx512(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  HashMany<VectorMachine<Lanes16>>(messages, count, prefix, digests);
}

void RunAvx512(const Run& run, int prefix, uint8_t* digests) {
  HashRun<VectorMachine<Lanes16>>(run, prefix, digests);
}

}  // namespace quipu::sha256
