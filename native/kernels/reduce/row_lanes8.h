// Eight lanes of a row: what rows need beyond floats8.h. For files compiled for AVX2 and FMA only;
// copies as in lanes16.h.
#ifndef QUIPU_KERNELS_REDUCE_ROW_LANES8_H_
#define QUIPU_KERNELS_REDUCE_ROW_LANES8_H_

#include "kernels/lanes/floats8.h"

namespace quipu {
namespace {

struct RowLanes8 : Floats8 {
  // The first `count` lanes, and `others` in those beyond.
  QUIPU_LANES Float LoadFirstOr(const float* from, int64_t count, Float others) {
    const __m256i live = Live(count);
    return _mm256_blendv_ps(others, _mm256_maskload_ps(from, live), _mm256_castsi256_ps(live));
  }
  QUIPU_LANES Float First(Float x, int64_t count) {
    return _mm256_and_ps(x, _mm256_castsi256_ps(Live(count)));
  }
  // Past the caches; `to` is aligned to a vector.
  QUIPU_LANES void Stream(float* to, Float x) { _mm256_stream_ps(to, x); }
  QUIPU_LANES Mask EitherIsNan(Float a, Float b) { return _mm256_cmp_ps(a, b, _CMP_UNORD_Q); }

  // A bit a lane.
  QUIPU_LANES unsigned LanesOf(Mask mask) {
    return static_cast<unsigned>(_mm256_movemask_ps(mask));
  }

  // Lane l with lane l + 4, then l + 2, l + 1.
  template <class Join>
  QUIPU_LANES float JoinHalves(Float x, const Join& join) {
    x = join(x, _mm256_permute2f128_ps(x, x, 0x01));
    x = join(x, _mm256_permute_ps(x, 0x4e));
    x = join(x, _mm256_permute_ps(x, 0xb1));
    return _mm256_cvtss_f32(x);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_ROW_LANES8_H_
