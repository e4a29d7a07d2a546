/*
 * The arithmetic of the hashes without what surrounds it: the instructions of each in their
 * proportions, on registers that do not wait for each other. No loads, no schedule of registers, no
 * tree: what a kernel loses against this is all of those.
 */
#include "limits.h"

#if defined(__x86_64__)

enum { kRounds = 20000, kBlockBytes = 64 };

/* Instructions on register `r`, with register 31 (or 15) as the other operand. */
#define ADD512(r) "vpaddd %%zmm31, %%zmm" #r ", %%zmm" #r "\n\t"
#define XOR512(r) "vpxord %%zmm31, %%zmm" #r ", %%zmm" #r "\n\t"
#define ROR512(r) "vprord $7, %%zmm" #r ", %%zmm" #r "\n\t"
#define SHR512(r) "vpsrld $3, %%zmm" #r ", %%zmm" #r "\n\t"
#define TER512(r) "vpternlogd $150, %%zmm31, %%zmm30, %%zmm" #r "\n\t"
#define ADD256(r) "vpaddd %%ymm15, %%ymm" #r ", %%ymm" #r "\n\t"
#define XOR256(r) "vpxor %%ymm15, %%ymm" #r ", %%ymm" #r "\n\t"
#define OR256(r) "vpor %%ymm15, %%ymm" #r ", %%ymm" #r "\n\t"
#define SHR256(r) "vpsrld $7, %%ymm" #r ", %%ymm" #r "\n\t"
#define SHL256(r) "vpslld $25, %%ymm" #r ", %%ymm" #r "\n\t"
#define SHUF256(r) "vpshufb %%ymm15, %%ymm" #r ", %%ymm" #r "\n\t"

/*
 * BLAKE3: a mix is 6 additions, 4 XORs and 4 rotations; 56 mixes make a block, 16 lanes side by
 * side, and 8 XORs end it.
 */
#define MIX512(a, b, c, d, e, f, g, h, i, j, k, l, m, n)                                    \
  ADD512(a)                                                                                 \
  XOR512(b) ADD512(c) ROR512(d) ADD512(e) XOR512(f) ROR512(g) ADD512(h) XOR512(i) ADD512(j) \
      ROR512(k) ADD512(l) XOR512(m) ROR512(n)

__attribute__((target("avx512f"))) static double blake3_avx512(void* context, int thread) {
  (void)context, (void)thread;
  for (int i = 0; i < kRounds; i++) {
    __asm__ volatile(MIX512(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
                         MIX512(14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16",
                       "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24",
                       "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31");
  }
  return 28.0 * kRounds * (16 * kBlockBytes) / (56 * 14 + 8);
}

/* Eight lanes. Rotations by 16 and 8 are one shuffle each, those by 12 and 7 two shifts and an OR.
 */
__attribute__((target("avx2"))) static double blake3_avx2(void* context, int thread) {
  (void)context, (void)thread;
  for (int i = 0; i < kRounds; i++) {
    __asm__ volatile(ADD256(0) ADD256(1) XOR256(2) SHUF256(3) ADD256(4) XOR256(5) SHR256(6)
                         SHL256(7) OR256(8) ADD256(9) ADD256(10) XOR256(11) SHUF256(12) ADD256(13)
                             XOR256(14) SHR256(0) SHL256(1) OR256(2)
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  }
  return 18.0 * kRounds * (8 * kBlockBytes) / (56 * 18 + 8);
}

/*
 * SHA-256 in 16 lanes: a round is 6 rotations, 4 three-way operations and 7 additions; 48 of 64
 * rounds make a word of the schedule by 4 rotations, 2 shifts, 2 three-way operations and 3
 * additions; 8 additions end the block. In all 1,624 instructions, nearly 6 : 1 : 4 : 6.
 */
__attribute__((target("avx512f"))) static double sha256_avx512(void* context, int thread) {
  (void)context, (void)thread;
  for (int i = 0; i < kRounds; i++) {
    __asm__ volatile(
        ROR512(0) ADD512(1) TER512(2) ROR512(3) ADD512(4) ROR512(5) TER512(6) ADD512(7) ROR512(8)
            ADD512(9) TER512(10) ROR512(11) ADD512(12) SHR512(13) TER512(14) ADD512(15) ROR512(16)
        :
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
          "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm30", "xmm31");
  }
  return 17.0 * kRounds * (16 * kBlockBytes) / 1624;
}

#define RNDS2(r) "sha256rnds2 %%xmm0, %%xmm15, %%xmm" #r "\n\t"
#define MSG1(r) "sha256msg1 %%xmm15, %%xmm" #r "\n\t"
#define MSG2(r) "sha256msg2 %%xmm15, %%xmm" #r "\n\t"
#define PADD(r) "paddd %%xmm15, %%xmm" #r "\n\t"
#define ALIGN(r) "palignr $4, %%xmm15, %%xmm" #r "\n\t"
#define WIDE(r) "pshufd $14, %%xmm15, %%xmm" #r "\n\t"

/*
 * SHA extensions: a block is 32 double rounds, and 16 shuffles and 28 additions that feed them; 12
 * each of msg1, msg2 and palignr make the schedule. A quarter of all that, on four chains.
 */
__attribute__((target("sha,sse4.1"))) static double sha256_extensions(void* context, int thread) {
  (void)context, (void)thread;
  for (int i = 0; i < kRounds; i++) {
    __asm__ volatile(RNDS2(1) MSG1(5) PADD(6) WIDE(7) RNDS2(2) ALIGN(8) PADD(9) RNDS2(3) MSG2(10)
                         PADD(11) WIDE(12) RNDS2(4) PADD(13) MSG1(14) RNDS2(1) ALIGN(5) PADD(6)
                             WIDE(7) RNDS2(2) MSG2(8) PADD(9) RNDS2(3) MSG1(10) ALIGN(11) WIDE(12)
                                 RNDS2(4) MSG2(13) PADD(14)
                     :
                     :
                     : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
  }
  return 1.0 * kRounds * kBlockBytes / 4;
}

/* Each double round needs the two before it. */
__attribute__((target("sha,sse4.1"))) static double sha256_chain(void* context, int thread) {
  (void)context, (void)thread;
  for (int i = 0; i < kRounds; i++) {
    __asm__ volatile(
        "sha256rnds2 %%xmm0, %%xmm1, %%xmm2\n\tsha256rnds2 %%xmm0, %%xmm2, %%xmm1\n\t"
        "sha256rnds2 %%xmm0, %%xmm1, %%xmm2\n\tsha256rnds2 %%xmm0, %%xmm2, %%xmm1\n\t"
        :
        :
        : "xmm0", "xmm1", "xmm2");
  }
  return 4.0 * kRounds * kBlockBytes / 32;
}

/* No compiler names this feature of older ones alike: CPUID leaf 7, EBX bit 29. */
static int has_sha(void) {
  uint32_t a = 7, b = 0, c = 0, d = 0;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  return __builtin_cpu_supports("sse4.1") && ((b >> 29) & 1) != 0;
}

double limit_blake3(int threads, double seconds) {
  if (__builtin_cpu_supports("avx512f")) return limit_run(blake3_avx512, 0, threads, seconds);
  if (__builtin_cpu_supports("avx2")) return limit_run(blake3_avx2, 0, threads, seconds);
  return 0;
}

double limit_sha256(int threads, double seconds) {
  double best = 0;
  if (__builtin_cpu_supports("avx512f")) {
    best = limit_run(sha256_avx512, 0, threads, seconds / 2);
  }
  if (has_sha()) {
    const double rate = limit_run(sha256_extensions, 0, threads, seconds / 2);
    if (rate > best) best = rate;
  }
  return best;
}

double limit_sha256_stream(double seconds) {
  return has_sha() ? limit_run(sha256_chain, 0, 1, seconds) : 0;
}

#else /* no such instructions: no bound is known */

double limit_blake3(int threads, double seconds) { return (void)threads, (void)seconds, 0; }
double limit_sha256(int threads, double seconds) { return (void)threads, (void)seconds, 0; }
double limit_sha256_stream(double seconds) { return (void)seconds, 0; }

#endif
