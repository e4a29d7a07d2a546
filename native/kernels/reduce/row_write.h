// A row written vector by vector, into the caches or past them. F is RowLanes8 or RowLanes16.
//
// In an unnamed namespace: each includer compiles it with its own instruction set.
#ifndef QUIPU_KERNELS_REDUCE_ROW_WRITE_H_
#define QUIPU_KERNELS_REDUCE_ROW_WRITE_H_

#include <immintrin.h>

#include <cstdint>

#include "kernels/lanes/fetch.h"
#include "kernels/lanes/inline.h"

namespace quipu {
namespace {

// Elements up to the next line of memory.
QUIPU_LANES int64_t ToNextLine(const float* at) {
  return static_cast<int64_t>(-reinterpret_cast<uintptr_t>(at) % kLineBytes / sizeof(float));
}

// Element at + l of the row is lane l of value(at); value(at, live) reads no more than `live`.
template <class F, class Value>
QUIPU_LANES void WriteRow(float* to, int64_t length, bool stream, const Value& value) {
  int64_t at = 0;
  const auto write = [&](int64_t end) {
    for (; at + F::kLanes <= end; at += F::kLanes) F::Store(to + at, value(at));
    if (at < end) F::StoreFirst(to + at, value(at, end - at), end - at);
    at = end;
  };
  if (stream) {
    const int64_t lead = ToNextLine(to);
    write(lead < length ? lead : length);
    for (; at + F::kLanes <= length; at += F::kLanes) F::Stream(to + at, value(at));
  }
  write(length);
}

// What was written past the caches is in its place before another thread is told so.
QUIPU_LANES void EndStream(bool stream) {
  if (stream) _mm_sfence();
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_ROW_WRITE_H_
