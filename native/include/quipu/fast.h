// Arithmetic that a run may ask for instead of the canonical one: faster, and not the same bits
// everywhere.
#ifndef QUIPU_FAST_H_
#define QUIPU_FAST_H_

namespace quipu {

// What matrix products round their operands to; sums stay binary32.
enum class Fast { kNone, kTf32, kBf16 };

inline const char* FastName(Fast fast) {
  return fast == Fast::kTf32 ? "tf32" : fast == Fast::kBf16 ? "bf16" : "none";
}

}  // namespace quipu

#endif  // QUIPU_FAST_H_
