// Borrowed memory: who calls keeps it alive. Plain data only, so that host and device code and
// every instruction-set build may include this.
#ifndef QUIPU_VIEWS_H_
#define QUIPU_VIEWS_H_

#include <cstddef>
#include <cstdint>

#include "quipu/device.h"

namespace quipu {

struct ByteView {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

// Numbers are frozen: they cross from TypeScript and stand in flat programs.
enum class DType : int32_t {
  kF32 = 1,
  kU8 = 2,
  kI8 = 3,
  kI32 = 6,
  kI64 = 7,
  kBool = 9,
  kF16 = 10,
  kF64 = 11,
  kBf16 = 16,
};

QUIPU_HOST_DEVICE constexpr size_t DTypeBytes(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF16:
    case DType::kBf16:
      return 2;
    case DType::kU8:
    case DType::kI8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

constexpr int kRankMax = 8;

// Strides count elements, not bytes; `data` points at element (0, 0, ...).
struct TensorView {
  DType dtype = DType::kF32;
  int32_t rank = 0;
  int64_t shape[kRankMax] = {};
  int64_t strides[kRankMax] = {};
  void* data = nullptr;
};

}  // namespace quipu

#endif  // QUIPU_VIEWS_H_
