// One step over one tile, for every function: the table that the instruction sets build each for
// themselves, every one in its own file and with its own copies.
#ifndef QUIPU_KERNELS_MAP_TILES_H_
#define QUIPU_KERNELS_MAP_TILES_H_

#include <utility>

#include "kernels/map/functions.h"
#include "kernels/map/map_run.h"
#include "kernels/math/basic.h"
#include "kernels/math/conversions.h"
#include "kernels/math/error_function.h"
#include "kernels/math/hyperbolic.h"
#include "kernels/math/integers.h"
#include "kernels/math/inverse_trigonometric.h"
#include "kernels/math/power.h"
#include "kernels/math/trigonometric.h"

namespace quipu {
namespace {

// A function over lanes. An operand that repeats becomes a vector of it, read again and again.
template <class L>
struct LaneOperand {
  explicit LaneOperand(const MapOperand& operand) {
    at = static_cast<const float*>(operand.data);
    step = operand.step;
    if (step != 0) return;
    for (float& lane : repeated) lane = *at;
    at = repeated;
  }
  LaneOperand(const LaneOperand&) = delete;
  LaneOperand& operator=(const LaneOperand&) = delete;

  typename L::Float At(int64_t i) const { return L::Load(at + i * step); }
  typename L::Float First(int64_t i, int64_t count) const {
    return step == 0 ? L::Load(at) : L::LoadFirst(at + i, count);
  }

  float repeated[L::kLanes];
  const float* at;
  int64_t step;
};

template <class L, class Function, int kOperands>
struct LaneTile {
  using Float = typename L::Float;

  QUIPU_LANES Float Apply(Float a, [[maybe_unused]] Float b, [[maybe_unused]] Float c) {
    if constexpr (kOperands == 1) {
      return Function::template Of<L>(a);
    } else if constexpr (kOperands == 2) {
      return Function::template Of<L>(a, b);
    } else {
      return Function::template Of<L>(a, b, c);
    }
  }

  static void Run(const MapOperand operands[3], void* result, int64_t count) {
    const LaneOperand<L> a(operands[0]), b(operands[kOperands > 1 ? 1 : 0]),
        c(operands[kOperands > 2 ? 2 : 0]);
    float* to = static_cast<float*>(result);
    int64_t i = 0;
    for (; i + L::kLanes <= count; i += L::kLanes) {
      L::Store(to + i, Apply(a.At(i), b.At(i), c.At(i)));
    }
    const int64_t rest = count - i;
    if (rest == 0) return;
    L::StoreFirst(to + i, Apply(a.First(i, rest), b.First(i, rest), c.First(i, rest)), rest);
  }
};

// The function of a number, over lanes; comparisons give a mask.
template <int kNumber>
struct LaneFunction;
#define QUIPU_LANE_FUNCTION(number, name, result, a, b, c) \
  template <>                                              \
  struct LaneFunction<number> : name {};
QUIPU_MAP_LANES(QUIPU_LANE_FUNCTION)
#undef QUIPU_LANE_FUNCTION
template <>
struct LaneFunction<50> {
  template <class L>
  QUIPU_LANES typename L::Mask Of(typename L::Float a, typename L::Float b) {
    return L::Equal(a, b);
  }
};
template <>
struct LaneFunction<51> {
  template <class L>
  QUIPU_LANES typename L::Mask Of(typename L::Float a, typename L::Float b) {
    return L::Less(a, b);
  }
};
template <>
struct LaneFunction<52> {
  template <class L>
  QUIPU_LANES typename L::Mask Of(typename L::Float a, typename L::Float b) {
    return L::LessOrEqual(a, b);
  }
};

// Operands: those of the first function, and the others of the second.
template <class L, int kPair>
QUIPU_LANES typename L::Float PairOver(typename L::Float a, typename L::Float b,
                                       typename L::Float c, typename L::Float d) {
  if constexpr (kPair >= kChoices) {
    using First = LaneFunction<kFirstComparison + kPair - kChoices>;
    return L::Select(First::template Of<L>(a, b), c, d);
  } else {
    using Second = LaneFunction<kFirstArithmetic + kPair % kArithmetic>;
    if constexpr (kPair >= kFusedPairs) {
      return Second::template Of<L>(LaneFunction<kMapFusedMultiplyAddF32>::template Of<L>(a, b, c),
                                    d);
    } else {
      using First = LaneFunction<kFirstArithmetic + kPair / kArithmetic>;
      return Second::template Of<L>(First::template Of<L>(a, b), d);
    }
  }
}

// Two functions over lanes. The third operand is there in some pairs only.
template <class L, int kPair>
struct PairTile {
  static constexpr bool kHasThird = kPair >= kFusedPairs;

  static void Run(const MapOperand operands[4], void* result, int64_t count) {
    const LaneOperand<L> a(operands[0]), b(operands[1]), d(operands[3]);
    const LaneOperand<L> c(operands[kHasThird ? 2 : 0]);
    float* to = static_cast<float*>(result);
    int64_t i = 0;
    for (; i + L::kLanes <= count; i += L::kLanes) {
      L::Store(to + i, PairOver<L, kPair>(a.At(i), b.At(i), c.At(i), d.At(i)));
    }
    const int64_t rest = count - i;
    if (rest == 0) return;
    L::StoreFirst(
        to + i,
        PairOver<L, kPair>(a.First(i, rest), b.First(i, rest), c.First(i, rest), d.First(i, rest)),
        rest);
  }
};

template <class L, int... kPair>
constexpr void FillPairs(MapTiles* tiles, std::integer_sequence<int, kPair...>) {
  ((tiles->pairs[kPair] = PairTile<L, kPair>::Run), ...);
}

// A function of single elements: a plain loop that the compiler makes vectors of. The result may be
// an operand's own memory, element for element, and overlaps nothing otherwise.
template <class Function, class R, class A, class B, class C>
struct PlainTile {
  template <int kSteps>  // bit i: operand i moves
  static void Loop(const MapOperand operands[3], void* result, int64_t count) {
    const auto* a = static_cast<const typename A::Element*>(operands[0].data);
    const auto* b = static_cast<const typename B::Element*>(operands[1].data);
    const auto* c = static_cast<const typename C::Element*>(operands[2].data);
    auto* to = static_cast<typename R::Element*>(result);
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (B::kDType == DType{}) {
        to[i] = Function::Of(a[kSteps & 1 ? i : 0]);
      } else if constexpr (C::kDType == DType{}) {
        to[i] = Function::Of(a[kSteps & 1 ? i : 0], b[kSteps & 2 ? i : 0]);
      } else {
        to[i] = Function::Of(a[kSteps & 1 ? i : 0], b[kSteps & 2 ? i : 0], c[kSteps & 4 ? i : 0]);
      }
    }
  }

  static void Run(const MapOperand operands[3], void* result, int64_t count) {
    using Looping = void (*)(const MapOperand[3], void*, int64_t);
    constexpr bool kTwo = B::kDType != DType{}, kThree = C::kDType != DType{};
    // What a function does not take never moves.
    static constexpr Looping kLoops[8] = {Loop<0>,
                                          Loop<1>,
                                          Loop < kTwo ? 2 : 0 >,
                                          Loop < kTwo ? 3 : 1 >,
                                          Loop < kThree ? 4 : 0 >,
                                          Loop < kThree ? 5 : 1 >
                                          , Loop < kThree ? 6 : 0 >, Loop < kThree ? 7 : 1 > };
    int steps = operands[0].step != 0 ? 1 : 0;
    if (kTwo && operands[1].step != 0) steps |= 2;
    if (kThree && operands[2].step != 0) steps |= 4;
    kLoops[steps](operands, result, count);
  }
};

template <class L>
constexpr MapTiles TilesOverLanes() {
  MapTiles tiles = {};
#define QUIPU_LANE_TILE(number, name, result, a, b, c) \
  tiles.of[number] =                                   \
      LaneTile<L, name, 1 + (Map##b::kDType != DType{}) + (Map##c::kDType != DType{})>::Run;
  QUIPU_MAP_LANES(QUIPU_LANE_TILE)
#undef QUIPU_LANE_TILE
#define QUIPU_PLAIN_TILE(number, name, result, a, b, c) \
  tiles.of[number] = PlainTile<name, Map##result, Map##a, Map##b, Map##c>::Run;
  QUIPU_MAP_PLAIN(QUIPU_PLAIN_TILE)
#undef QUIPU_PLAIN_TILE
  FillPairs<L>(&tiles, std::make_integer_sequence<int, kPairs>{});
  return tiles;
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_TILES_H_
