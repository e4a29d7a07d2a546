// Sixteen lanes of a row: what rows need beyond floats16.h. For files compiled for AVX-512 only;
// copies as in lanes16.h.
#ifndef QUIPU_KERNELS_REDUCE_ROW_LANES16_H_
#define QUIPU_KERNELS_REDUCE_ROW_LANES16_H_

#include "kernels/lanes/floats16.h"

namespace quipu {
namespace {

struct RowLanes16 : Floats16 {
  // The first `count` lanes, and `others` in those beyond.
  QUIPU_LANES Float LoadFirstOr(const float* from, int64_t count, Float others) {
    return _mm512_mask_loadu_ps(others, Live(count), from);
  }
  QUIPU_LANES Float First(Float x, int64_t count) { return _mm512_maskz_mov_ps(Live(count), x); }
  // Past the caches; `to` is aligned to a vector.
  QUIPU_LANES void Stream(float* to, Float x) { _mm512_stream_ps(to, x); }
  QUIPU_LANES Mask EitherIsNan(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q); }

  // A bit a lane.
  QUIPU_LANES unsigned LanesOf(Mask mask) { return mask; }

  // Lane l with lane l + 8, then l + 4, l + 2, l + 1.
  template <class Join>
  QUIPU_LANES float JoinHalves(Float x, const Join& join) {
    x = join(x, _mm512_shuffle_f32x4(x, x, 0x4e));
    x = join(x, _mm512_shuffle_f32x4(x, x, 0xb1));
    x = join(x, _mm512_permute_ps(x, 0x4e));
    x = join(x, _mm512_permute_ps(x, 0xb1));
    return _mm512_cvtss_f32(x);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_REDUCE_ROW_LANES16_H_
