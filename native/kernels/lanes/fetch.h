// Bytes on their way into the second cache before they are asked for: lanes that read rows a
// kilobyte apart are a pattern that no prefetcher of a processor follows.
#ifndef QUIPU_KERNELS_LANES_FETCH_H_
#define QUIPU_KERNELS_LANES_FETCH_H_

#include <cstddef>
#include <cstdint>

namespace quipu {
namespace {

constexpr size_t kLineBytes = 64;

// By volatile assembler, which stays where it is put: compilers gather fetches in one place, where
// they queue, and drop functions that do nothing else. Never past the end of what is there: an
// address that is not mapped is looked up again and again.
inline void FetchLine(const uint8_t* at) { __asm__ volatile("prefetcht1 %0" : : "m"(*at)); }

// Into the first cache: what is small and asked for at once.
inline void FetchLineNear(const uint8_t* at) { __asm__ volatile("prefetcht0 %0" : : "m"(*at)); }

inline void FetchLines(const uint8_t* at, size_t bytes) {
  for (size_t i = 0; i < bytes; i += kLineBytes) FetchLine(at + i);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_LANES_FETCH_H_
