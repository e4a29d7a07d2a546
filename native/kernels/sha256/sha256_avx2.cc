// SHA-256 of many messages, eight at a time, for processors without the SHA extensions.
#include "kernels/lanes/lanes8.h"
#include "kernels/sha256/sha256_lanes.h"

namespace quipu::sha256 {

void ManyAvx2(const ByteView* messages, size_t count, int prefix, uint8_t* digests) {
  HashMany<VectorMachine<Lanes8>>(messages, count, prefix, digests);
}

void RunAvx2(const Run& run, int prefix, uint8_t* digests) {
  HashRun<VectorMachine<Lanes8>>(run, prefix, digests);
}

}  // namespace quipu::sha256
