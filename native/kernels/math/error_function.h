// The error function of binary32 and what is made of it, over lanes.
#ifndef QUIPU_KERNELS_MATH_ERROR_FUNCTION_H_
#define QUIPU_KERNELS_MATH_ERROR_FUNCTION_H_

#include "kernels/math/exponential.h"

namespace quipu {
namespace {

// erf(x) = x · g(|x|), where g is a polynomial around one of sixteen centres, 65/256 apart but for
// a little: each lies where g is all but a binary32, so that the constant term has no error. From
// 3.92 on the result is 1; there the product gives that too.
struct ErfF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    using Float = typename L::Float;
    // Centres, then the coefficients of g from the lowest power up.
    static constexpr float kTable[7][16] = {
        {0x1.18p-4f, 0x1.06p-2f, 0x1.01p-1f, 0x1.8aep-1f, 0x1.021p+0f, 0x1.461p+0f, 0x1.87ep+0f,
         0x1.c7cp+0f, 0x1.04ep+1f, 0x1.23f8p+1f, 0x1.459p+1f, 0x1.66dp+1f, 0x1.86p+1f, 0x1.a6b8p+1f,
         0x1.c7a8p+1f, 0x1.e7e8p+1f},
        {0x1.206a6ep+0f, 0x1.1aaefcp+0f, 0x1.0a556p+0f, 0x1.e1088ep-1f, 0x1.adb30ep-1f,
         0x1.752d5cp-1f, 0x1.444e3cp-1f, 0x1.1c32eep-1f, 0x1.f472d8p-2f, 0x1.c05c62p-2f,
         0x1.9278d8p-2f, 0x1.6d4458p-2f, 0x1.501398p-2f, 0x1.36117p-2f, 0x1.1fa7c2p-2f,
         0x1.0ca44ap-2f},
        {-0x1.a41518p-5f, -0x1.7b0db6p-3f, -0x1.4d2372p-2f, -0x1.a4ee0ep-2f, -0x1.b59fep-2f,
         -0x1.96dba8p-2f, -0x1.5f3de8p-2f, -0x1.23ff28p-2f, -0x1.d94a22p-3f, -0x1.838da8p-3f,
         -0x1.3b115p-3f, -0x1.04494cp-3f, -0x1.b91132p-4f, -0x1.7787f4p-4f, -0x1.433892p-4f,
         -0x1.19e83ep-4f},
        {-0x1.7dec2ap-2f, -0x1.557e64p-2f, -0x1.d4dc0cp-3f, -0x1.6e96dap-4f, 0x1.fc0c62p-7f,
         0x1.6d25a4p-4f, 0x1.da0c24p-4f, 0x1.cdd14cp-4f, 0x1.87dcbap-4f, 0x1.3a63b6p-4f,
         0x1.e129cep-5f, 0x1.6fd5fcp-5f, 0x1.20a958p-5f, 0x1.c6816ap-6f, 0x1.6b219ep-6f,
         0x1.27d164p-6f},
        {0x1.f6b118p-6f, 0x1.b5693ap-4f, 0x1.565092p-3f, 0x1.5628ecp-3f, 0x1.fc0e22p-4f,
         0x1.f2c5d4p-5f, 0x1.74819p-7f, -0x1.04ec86p-6f, -0x1.a61cacp-6f, -0x1.9b8782p-6f,
         -0x1.4d859ep-6f, -0x1.f3d914p-7f, -0x1.745e22p-7f, -0x1.11d59ap-7f, -0x1.978232p-8f,
         -0x1.36612p-8f},
        {0x1.c5e6ccp-4f, 0x1.66a832p-4f, 0x1.052d52p-5f, -0x1.d2583p-6f, -0x1.d1732cp-5f,
         -0x1.d04214p-5f, -0x1.36322cp-5f, -0x1.1f282ep-6f, -0x1.9972d6p-9f, 0x1.b01ad2p-9f,
         0x1.4d34cap-8f, 0x1.28063ap-8f, 0x1.c5a98ap-9f, 0x1.442398p-9f, 0x1.c6308ep-10f,
         0x1.46da4cp-10f},
        {-0x1.55db2ap-7f, -0x1.27776ep-5f, -0x1.96b498p-5f, -0x1.2b7b6cp-5f, -0x1.65e15ep-7f,
         0x1.3e9b88p-7f, 0x1.1962fep-6f, 0x1.d805fep-7f, 0x1.091ff4p-7f, 0x1.7c213ep-9f,
         0x1.84ea4ep-13f, -0x1.a38e14p-11f, -0x1.bbdacap-11f, -0x1.5ba306p-11f, -0x1.ef65bp-12f,
         -0x1.308756p-12f},
    };
    const Float inside = L::LessOrSecond(L::Set(3.92f), L::GreaterOrSecond(L::Set(-3.92f), x));
    const Float size = L::Absolute(inside);
    const typename L::Int piece =
        L::Bits(L::Fma(size, L::Set(0x1.f81f82p+1f), L::Set(kRounder)));  // 256/65
    const Float d = size - L::Lookup(kTable[0], piece);
    Float p = L::Lookup(kTable[6], piece);
    p = L::Fma(p, d, L::Lookup(kTable[5], piece));
    p = L::Fma(p, d, L::Lookup(kTable[4], piece));
    p = L::Fma(p, d, L::Lookup(kTable[3], piece));
    p = L::Fma(p, d, L::Lookup(kTable[2], piece));
    return L::Fma(inside, L::Lookup(kTable[1], piece), (inside * d) * p);
  }
};

// (x · 0.5) · (1 + erf(x · 0x1.6a09e6p-1)), each operation as if it were a step by itself.
struct GeluF32 {
  template <class L>
  QUIPU_LANES typename L::Float Of(typename L::Float x) {
    const typename L::Float e = ErfF32::Of<L>(x * L::Set(0x1.6a09e6p-1f));
    return (x * L::Set(0.5f)) * (L::Set(1.0f) + e);
  }
};

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MATH_ERROR_FUNCTION_H_
