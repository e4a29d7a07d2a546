#include "support/cpu_features.h"

#if QUIPU_X86
#include <cpuid.h>

#include <cstdint>
#endif

namespace quipu {
namespace {

#if QUIPU_X86

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers Cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return Registers{};
  return r;
}

uint64_t EnabledState() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

constexpr bool Bit(uint32_t word, int bit) { return ((word >> bit) & 1) != 0; }

CpuFeatures Probe() {
  // Intel SDM volume 2A, CPUID; volume 1 §13.3 for the state-component bits.
  constexpr uint64_t kAvxState = 0x06;     // XMM and YMM
  constexpr uint64_t kAvx512State = 0xe6;  // and opmask, upper ZMM, ZMM16-31
  const Registers one = Cpuid(1, 0);
  const Registers seven = Cpuid(7, 0);
  const Registers seven_one = Cpuid(7, 1);
  const uint64_t state = Bit(one.c, 27) ? EnabledState() : 0;  // OSXSAVE

  CpuFeatures f;
  f.ssse3 = Bit(one.c, 9);
  f.sse41 = Bit(one.c, 19);
  f.sha = f.ssse3 && f.sse41 && Bit(seven.b, 29);
  const bool avx = Bit(one.c, 28) && (state & kAvxState) == kAvxState;
  const bool fma = Bit(one.c, 12);
  const bool f16c = Bit(one.c, 29);
  const bool bmi2 = Bit(seven.b, 8);
  f.avx2 = avx && fma && f16c && bmi2 && Bit(seven.b, 5);
  const bool foundation = Bit(seven.b, 16) && Bit(seven.b, 17) && Bit(seven.b, 30) &&
                          Bit(seven.b, 31);  // F, DQ, BW, VL
  f.avx512 = f.avx2 && foundation && (state & kAvx512State) == kAvx512State;
  f.avx512_vnni = f.avx512 && Bit(seven.c, 11);
  f.avx512_bf16 = f.avx512 && Bit(seven_one.a, 5);
  return f;
}

#else

CpuFeatures Probe() { return CpuFeatures{}; }

#endif

}  // namespace

const CpuFeatures& Cpu() {
  static const CpuFeatures features = Probe();
  return features;
}

}  // namespace quipu
