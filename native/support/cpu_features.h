// What this processor and its operating system offer. Asked by CPUID feature bits, never by
// family, and by XGETBV: a register that the kernel does not save is not there.
#ifndef QUIPU_SUPPORT_CPU_FEATURES_H_
#define QUIPU_SUPPORT_CPU_FEATURES_H_

namespace quipu {

struct CpuFeatures {
  bool ssse3 = false;
  bool sse41 = false;
  bool avx2 = false;    // and FMA, F16C, BMI2: everything that the _avx2 files are compiled with
  bool avx512 = false;  // F, BW, DQ, VL and everything of avx2
  bool sha = false;     // SHA-NI with what the _shani files are compiled with
  bool avx512_bf16 = false;
  bool avx512_vnni = false;
};

// Probed once.
const CpuFeatures& Cpu();

}  // namespace quipu

#endif  // QUIPU_SUPPORT_CPU_FEATURES_H_
