// What a backend implements of SHA-256.
#ifndef QUIPU_KERNELS_SHA256_SHA256_KERNELS_H_
#define QUIPU_KERNELS_SHA256_SHA256_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "quipu/views.h"

namespace quipu::sha256 {

// No byte before the message.
constexpr int kNoPrefix = -1;

// Messages of equal size that lie one after another.
struct Run {
  const uint8_t* data;
  size_t size;
  size_t count;
};

struct Kernels {
  // Whole blocks of one message into its state.
  void (*blocks)(uint32_t state[8], const uint8_t* input, size_t count);
  // Digests of `count` messages of any lengths, each with the byte `prefix` before it unless that
  // is kNoPrefix.
  void (*many)(const ByteView* messages, size_t count, int prefix, uint8_t* digests);
  // The same of a run, which wastes no time on lanes that are out of step. `digests` may overlap
  // the messages when digest i ends before message i + 1 begins, as a tree level over its children
  // does.
  void (*run)(const Run& run, int prefix, uint8_t* digests);
  // Up to so many messages are faster one after another through `blocks` than side by side.
  size_t few = 0;
};

void BlocksPortable(uint32_t state[8], const uint8_t* input, size_t count);
void ManyPortable(const ByteView* messages, size_t count, int prefix, uint8_t* digests);
void RunPortable(const Run& run, int prefix, uint8_t* digests);

void BlocksShani(uint32_t state[8], const uint8_t* input, size_t count);
void ManyShani(const ByteView* messages, size_t count, int prefix, uint8_t* digests);
void RunShani(const Run& run, int prefix, uint8_t* digests);

void ManyShaniAvx512(const ByteView* messages, size_t count, int prefix, uint8_t* digests);
void RunShaniAvx512(const Run& run, int prefix, uint8_t* digests);

void ManyAvx2(const ByteView* messages, size_t count, int prefix, uint8_t* digests);
void RunAvx2(const Run& run, int prefix, uint8_t* digests);

void ManyAvx512(const ByteView* messages, size_t count, int prefix, uint8_t* digests);
void RunAvx512(const Run& run, int prefix, uint8_t* digests);

}  // namespace quipu::sha256

#endif  // QUIPU_KERNELS_SHA256_SHA256_KERNELS_H_
