// Kernels that move elements without looking into them take the word of their size. Include only
// from .cu files.
#ifndef QUIPU_SUPPORT_CUDA_WORDS_H_
#define QUIPU_SUPPORT_CUDA_WORDS_H_

#include <cuda_runtime_api.h>
#include <stdint.h>

namespace quipu {

// launch(Word{}) with the word of 1, 2, 4 or 8 bytes.
template <class Launch>
static inline cudaError_t WithWord(int32_t bytes, const Launch& launch) {
  switch (bytes) {
    case 1:
      return launch(uint8_t{});
    case 2:
      return launch(uint16_t{});
    case 4:
      return launch(uint32_t{});
    default:
      return launch(uint64_t{});
  }
}

// Or of 16.
template <class Launch>
static inline cudaError_t WithWideWord(int32_t bytes, const Launch& launch) {
  return bytes == sizeof(uint4) ? launch(uint4{}) : WithWord(bytes, launch);
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_CUDA_WORDS_H_
