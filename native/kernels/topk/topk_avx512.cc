// AVX-512: sixteen elements are put in order-preserving form and compared with the list's last key.
#include <immintrin.h>

#include "kernels/topk/topk_list.h"

namespace quipu {
namespace {

// OrderF32 of sixteen lanes.
static inline __m512i Order(__m512i bits) {
  const __m512 value = _mm512_castsi512_ps(bits);
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  bits = _mm512_mask_mov_epi32(bits, is_nan, _mm512_set1_epi32(kCanonicalNan));
  const __m512i sign = _mm512_set1_epi32(static_cast<int>(0x80000000u));
  const __mmask16 is_minus_zero = _mm512_cmpeq_epi32_mask(bits, sign);
  bits = _mm512_mask_mov_epi32(bits, is_minus_zero, _mm512_setzero_si512());
  const __mmask16 is_negative = _mm512_movepi32_mask(bits);
  const __m512i ones = _mm512_set1_epi32(-1);
  return _mm512_mask_xor_epi32(_mm512_or_si512(bits, sign), is_negative, bits, ones);
}

}  // namespace

void TopKF32Avx512(const TopK& job, uint64_t* scratch) {
  if (job.k > kListMax) return TopKF32Portable(job, scratch);
  if (job.k == 0) return;
  const __m512i flip = _mm512_set1_epi32(job.largest ? 0 : -1);
  for (int64_t row = 0; row < job.row_count; ++row) {
    const float* from = job.rows + row * job.length;
    StartList(job, from, scratch);
    int64_t i = job.k;
    for (; i + 16 <= job.length; i += 16) {
      const __m512i order = _mm512_xor_si512(Order(_mm512_loadu_si512(from + i)), flip);
      const __m512i last = _mm512_set1_epi32(static_cast<int>(scratch[job.k - 1] >> 32));
      unsigned better = _mm512_cmpgt_epu32_mask(order, last);
      for (; better != 0; better &= better - 1) {
        Offer(job, from, i + __builtin_ctz(better), scratch);
      }
    }
    for (; i < job.length; ++i) Offer(job, from, i, scratch);
    WriteList(job, row, from, scratch);
  }
}

}  // namespace quipu
