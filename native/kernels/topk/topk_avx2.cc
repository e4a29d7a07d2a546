// AVX2: eight elements are put in order-preserving form and compared with the list's last key.
#include <immintrin.h>

#include "kernels/topk/topk_list.h"

namespace quipu {
namespace {

// OrderF32 of eight lanes with the sign bit flipped, so that a signed comparison orders them.
static inline __m256i SignedOrder(__m256i bits) {
  const __m256 value = _mm256_castsi256_ps(bits);
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  bits = _mm256_blendv_epi8(bits, _mm256_set1_epi32(kCanonicalNan), is_nan);
  const __m256i sign = _mm256_set1_epi32(static_cast<int>(0x80000000u));
  bits = _mm256_andnot_si256(_mm256_cmpeq_epi32(bits, sign), bits);
  const __m256i negative = _mm256_srai_epi32(bits, 31);
  return _mm256_xor_si256(bits, _mm256_srli_epi32(negative, 1));
}

}  // namespace

void TopKF32Avx2(const TopK& job, uint64_t* scratch) {
  if (job.k > kListMax) return TopKF32Portable(job, scratch);
  if (job.k == 0) return;
  const __m256i flip = _mm256_set1_epi32(job.largest ? 0 : -1);
  for (int64_t row = 0; row < job.row_count; ++row) {
    const float* from = job.rows + row * job.length;
    StartList(job, from, scratch);
    int64_t i = job.k;
    for (; i + 8 <= job.length; i += 8) {
      const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i));
      const __m256i order = _mm256_xor_si256(SignedOrder(bits), flip);
      const uint32_t last = static_cast<uint32_t>(scratch[job.k - 1] >> 32) ^ 0x80000000u;
      const __m256i better = _mm256_cmpgt_epi32(order, _mm256_set1_epi32(static_cast<int>(last)));
      unsigned lanes = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(better)));
      for (; lanes != 0; lanes &= lanes - 1) {
        Offer(job, from, i + __builtin_ctz(lanes), scratch);
      }
    }
    for (; i < job.length; ++i) Offer(job, from, i, scratch);
    WriteList(job, row, from, scratch);
  }
}

}  // namespace quipu
