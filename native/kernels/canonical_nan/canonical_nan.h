// Copies binary32 bits and makes each NaN the canonical one: what an output goes through.
#ifndef QUIPU_KERNELS_CANONICAL_NAN_CANONICAL_NAN_H_
#define QUIPU_KERNELS_CANONICAL_NAN_CANONICAL_NAN_H_

#include <stdint.h>

namespace quipu {

// `to` may be `from`.
using CanonicalNanF32 = void (*)(const uint32_t* from, uint32_t* to, int64_t count);

void CanonicalNanF32Portable(const uint32_t* from, uint32_t* to, int64_t count);
void CanonicalNanF32Avx2(const uint32_t* from, uint32_t* to, int64_t count);
void CanonicalNanF32Avx512(const uint32_t* from, uint32_t* to, int64_t count);

}  // namespace quipu

#endif  // QUIPU_KERNELS_CANONICAL_NAN_CANONICAL_NAN_H_
