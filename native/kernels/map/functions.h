// All functions of a map, with the numbers that stand in flat programs (frozen) and the types of
// what they give and take: X(number, name, result, operand, operand, operand). What each computes:
// docs/arithmetic.md; its code: the struct of that name in kernels/math and in this folder.
#ifndef QUIPU_KERNELS_MAP_FUNCTIONS_H_
#define QUIPU_KERNELS_MAP_FUNCTIONS_H_

#include <stdint.h>

#include "quipu/device.h"
#include "quipu/views.h"

// binary32 to binary32, over lanes.
#define QUIPU_MAP_LANES(X)                  \
  X(1, NegateF32, F32, F32, None, None)     \
  X(2, AbsoluteF32, F32, F32, None, None)   \
  X(3, SqrtF32, F32, F32, None, None)       \
  X(4, ReciprocalF32, F32, F32, None, None) \
  X(5, FloorF32, F32, F32, None, None)      \
  X(6, CeilF32, F32, F32, None, None)       \
  X(7, RoundEvenF32, F32, F32, None, None)  \
  X(8, TruncateF32, F32, F32, None, None)   \
  X(9, SignF32, F32, F32, None, None)       \
  X(10, ExpF32, F32, F32, None, None)       \
  X(11, Expm1F32, F32, F32, None, None)     \
  X(12, LogF32, F32, F32, None, None)       \
  X(13, Log1pF32, F32, F32, None, None)     \
  X(14, TanhF32, F32, F32, None, None)      \
  X(15, SigmoidF32, F32, F32, None, None)   \
  X(16, ErfF32, F32, F32, None, None)       \
  X(17, SinF32, F32, F32, None, None)       \
  X(18, CosF32, F32, F32, None, None)       \
  X(19, TanF32, F32, F32, None, None)       \
  X(20, AsinF32, F32, F32, None, None)      \
  X(21, AcosF32, F32, F32, None, None)      \
  X(22, AtanF32, F32, F32, None, None)      \
  X(23, SinhF32, F32, F32, None, None)      \
  X(24, CoshF32, F32, F32, None, None)      \
  X(25, AsinhF32, F32, F32, None, None)     \
  X(26, AcoshF32, F32, F32, None, None)     \
  X(27, AtanhF32, F32, F32, None, None)     \
  X(28, SoftplusF32, F32, F32, None, None)  \
  X(29, GeluF32, F32, F32, None, None)      \
  X(40, AddF32, F32, F32, F32, None)        \
  X(41, SubtractF32, F32, F32, F32, None)   \
  X(42, MultiplyF32, F32, F32, F32, None)   \
  X(43, DivideF32, F32, F32, F32, None)     \
  X(44, MinimumF32, F32, F32, F32, None)    \
  X(45, MaximumF32, F32, F32, F32, None)    \
  X(46, PowerF32, F32, F32, F32, None)      \
  X(60, FusedMultiplyAddF32, F32, F32, F32, F32)

// Everything else, one element at a time.
#define QUIPU_MAP_PLAIN(X)                     \
  X(47, RemainderF32, F32, F32, F32, None)     \
  X(50, EqualF32, Bool, F32, F32, None)        \
  X(51, LessF32, Bool, F32, F32, None)         \
  X(52, LessOrEqualF32, Bool, F32, F32, None)  \
  X(53, IsNanF32, Bool, F32, None, None)       \
  X(54, IsInfiniteF32, Bool, F32, None, None)  \
  X(61, SelectF32, F32, Bool, F32, F32)        \
  X(100, NegateI64, I64, I64, None, None)      \
  X(101, AbsoluteI64, I64, I64, None, None)    \
  X(102, SignI64, I64, I64, None, None)        \
  X(103, AddI64, I64, I64, I64, None)          \
  X(104, SubtractI64, I64, I64, I64, None)     \
  X(105, MultiplyI64, I64, I64, I64, None)     \
  X(106, DivideI64, I64, I64, I64, None)       \
  X(107, RemainderI64, I64, I64, I64, None)    \
  X(108, ModuloI64, I64, I64, I64, None)       \
  X(109, MinimumI64, I64, I64, I64, None)      \
  X(110, MaximumI64, I64, I64, I64, None)      \
  X(111, PowerI64, I64, I64, I64, None)        \
  X(112, EqualI64, Bool, I64, I64, None)       \
  X(113, LessI64, Bool, I64, I64, None)        \
  X(114, LessOrEqualI64, Bool, I64, I64, None) \
  X(115, SelectI64, I64, Bool, I64, I64)       \
  X(130, NegateI32, I32, I32, None, None)      \
  X(131, AbsoluteI32, I32, I32, None, None)    \
  X(132, SignI32, I32, I32, None, None)        \
  X(133, AddI32, I32, I32, I32, None)          \
  X(134, SubtractI32, I32, I32, I32, None)     \
  X(135, MultiplyI32, I32, I32, I32, None)     \
  X(136, DivideI32, I32, I32, I32, None)       \
  X(137, RemainderI32, I32, I32, I32, None)    \
  X(138, ModuloI32, I32, I32, I32, None)       \
  X(139, MinimumI32, I32, I32, I32, None)      \
  X(140, MaximumI32, I32, I32, I32, None)      \
  X(141, PowerI32, I32, I32, I32, None)        \
  X(142, EqualI32, Bool, I32, I32, None)       \
  X(143, LessI32, Bool, I32, I32, None)        \
  X(144, LessOrEqualI32, Bool, I32, I32, None) \
  X(145, SelectI32, I32, Bool, I32, I32)       \
  X(160, AndBool, Bool, Bool, Bool, None)      \
  X(161, OrBool, Bool, Bool, Bool, None)       \
  X(162, XorBool, Bool, Bool, Bool, None)      \
  X(163, NotBool, Bool, Bool, None, None)      \
  X(164, EqualBool, Bool, Bool, Bool, None)    \
  X(165, SelectBool, Bool, Bool, Bool, Bool)   \
  X(180, F32ToI64, I64, F32, None, None)       \
  X(181, F32ToI32, I32, F32, None, None)       \
  X(182, F32ToBool, Bool, F32, None, None)     \
  X(183, I64ToF32, F32, I64, None, None)       \
  X(184, I32ToF32, F32, I32, None, None)       \
  X(185, BoolToF32, F32, Bool, None, None)     \
  X(186, I64ToI32, I32, I64, None, None)       \
  X(187, I32ToI64, I64, I32, None, None)       \
  X(188, I64ToBool, Bool, I64, None, None)     \
  X(189, I32ToBool, Bool, I32, None, None)     \
  X(190, BoolToI64, I64, Bool, None, None)     \
  X(191, BoolToI32, I32, Bool, None, None)     \
  X(192, F16ToF32, F32, F16, None, None)       \
  X(193, F32ToF16, F16, F32, None, None)       \
  X(194, Bf16ToF32, F32, Bf16, None, None)     \
  X(195, F32ToBf16, Bf16, F32, None, None)     \
  X(196, U8ToI32, I32, U8, None, None)         \
  X(197, I32ToU8, U8, I32, None, None)         \
  X(198, I8ToI32, I32, I8, None, None)         \
  X(199, I32ToI8, I8, I32, None, None)

namespace quipu {

constexpr int kMapFunctionsMax = 200;  // numbers are below

// The numbers by name, such as kMapAddF32.
enum MapFunction : int {
#define QUIPU_MAP_NUMBER(number, name, result, first, second, third) kMap##name = number,
  QUIPU_MAP_LANES(QUIPU_MAP_NUMBER) QUIPU_MAP_PLAIN(QUIPU_MAP_NUMBER)
#undef QUIPU_MAP_NUMBER
};

// How one kind of element lies in memory and what stands for no operand.
struct MapNone {
  using Element = uint8_t;
  static constexpr DType kDType = DType{};
};
struct MapF32 {
  using Element = float;
  static constexpr DType kDType = DType::kF32;
};
struct MapF16 {
  using Element = uint16_t;
  static constexpr DType kDType = DType::kF16;
};
struct MapBf16 {
  using Element = uint16_t;
  static constexpr DType kDType = DType::kBf16;
};
struct MapI64 {
  using Element = int64_t;
  static constexpr DType kDType = DType::kI64;
};
struct MapI32 {
  using Element = int32_t;
  static constexpr DType kDType = DType::kI32;
};
struct MapI8 {
  using Element = int8_t;
  static constexpr DType kDType = DType::kI8;
};
struct MapU8 {
  using Element = uint8_t;
  static constexpr DType kDType = DType::kU8;
};
struct MapBool {  // one byte, 0 or 1
  using Element = uint8_t;
  static constexpr DType kDType = DType::kBool;
};

// What a function gives and takes; DType{} (no type) where it takes less.
struct MapSignature {
  DType result;
  DType operands[3];
};

// Null when no function has this number.
const MapSignature* MapSignatureOf(int number);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_FUNCTIONS_H_
