// What a backend implements of BLAKE3. The tree over it (blake3_hasher.h) is the same for all.
#ifndef QUIPU_KERNELS_BLAKE3_BLAKE3_KERNELS_H_
#define QUIPU_KERNELS_BLAKE3_BLAKE3_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "kernels/blake3/blake3.h"
#include "quipu/status.h"
#include "support/byte_source.h"

namespace quipu::blake3 {

// A chunk of any length, anywhere in memory: a short message (flags kRoot), or part of a longer
// one.
struct Input {
  const uint8_t* data;
  size_t size;  // 0 to kChunkBytes
  uint64_t counter;
  uint32_t flags;
  uint8_t* cv;  // kCvBytes; of a root they are its digest
};

// A complete subtree of `chunks` chunks, a power of two and at least 2; the first of them lies at
// `offset` of the source and is chunk number `counter` of the message.
struct Subtree {
  const ByteSource& source;
  uint64_t offset;
  size_t chunks;
  const uint32_t* key;
  uint64_t counter;
  uint32_t flags;
};

struct Kernels {
  // Chaining values of `count` whole chunks that lie in a row; chunk i has number `counter` + i.
  void (*chunks)(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                 uint32_t flags, uint8_t* cvs);
  // Chaining values of `count` parents; children 2i and 2i + 1 lie in a row. `cvs` may be
  // `children`: a parent is written only when its children have been read.
  void (*parents)(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                  uint8_t* cvs);
  // `count` inputs, each with `flags` besides its own.
  void (*inputs)(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags);
  // `count` whole blocks of one open chunk into its chaining value; the first of them is block
  // number `first` of the chunk.
  void (*blocks)(uint32_t cv[8], const uint8_t* input, size_t count, size_t first, uint64_t counter,
                 uint32_t flags);
  // One block of 64 bytes (zero-padded; `length` of them count). Writes all 16 words of the
  // extended output; the first eight are the next chaining value.
  void (*compress)(const uint32_t cv[8], const uint8_t block[64], uint32_t length, uint64_t counter,
                   uint32_t flags, uint32_t out[16]);
  // Null, or the same as SubtreePair on a device.
  Status (*device_subtree)(const Subtree& subtree, uint8_t pair[2 * kCvBytes]);
};

void ChunksPortable(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                    uint32_t flags, uint8_t* cvs);
void ParentsPortable(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                     uint8_t* cvs);
void InputsPortable(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags);
void BlocksPortable(uint32_t cv[8], const uint8_t* input, size_t count, size_t first,
                    uint64_t counter, uint32_t flags);
void CompressPortable(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                      uint64_t counter, uint32_t flags, uint32_t out[16]);

void ChunksAvx2(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                uint32_t flags, uint8_t* cvs);
void ParentsAvx2(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                 uint8_t* cvs);

void InputsAvx2(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags);
void BlocksAvx2(uint32_t cv[8], const uint8_t* input, size_t count, size_t first, uint64_t counter,
                uint32_t flags);
void CompressAvx2(const uint32_t cv[8], const uint8_t block[64], uint32_t length, uint64_t counter,
                  uint32_t flags, uint32_t out[16]);

void ChunksAvx512(const uint8_t* input, size_t count, const uint32_t key[8], uint64_t counter,
                  uint32_t flags, uint8_t* cvs);
void ParentsAvx512(const uint8_t* children, size_t count, const uint32_t key[8], uint32_t flags,
                   uint8_t* cvs);
void InputsAvx512(const Input* inputs, size_t count, const uint32_t key[8], uint32_t flags);
void BlocksAvx512(uint32_t cv[8], const uint8_t* input, size_t count, size_t first,
                  uint64_t counter, uint32_t flags);
void CompressAvx512(const uint32_t cv[8], const uint8_t block[64], uint32_t length,
                    uint64_t counter, uint32_t flags, uint32_t out[16]);

#if QUIPU_CUDA
Status SubtreeCuda(const Subtree& subtree, uint8_t pair[2 * kCvBytes]);
#endif

}  // namespace quipu::blake3

#endif  // QUIPU_KERNELS_BLAKE3_BLAKE3_KERNELS_H_
