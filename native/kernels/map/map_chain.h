// The commonest maps on a device: binary32 alone, of one or two inputs, to one output, where each
// step takes what the step before has given. See map_chain.cu.
#ifndef QUIPU_KERNELS_MAP_MAP_CHAIN_H_
#define QUIPU_KERNELS_MAP_MAP_CHAIN_H_

#include "kernels/map/map_plan.h"
#include "kernels/map/pairs.h"
#include "quipu/device.h"

namespace quipu {

constexpr int kChainInputsMax = 2, kChainStepsMax = 24;

// Functions of up to two operands that take little code.
QUIPU_HOST_DEVICE constexpr bool IsOfChain(int function) {
  return IsArithmetic(function) || function == kMapNegateF32 || function == kMapAbsoluteF32 ||
         function == kMapSqrtF32 || function == kMapReciprocalF32 || function == kMapExpF32 ||
         function == kMapTanhF32 || function == kMapSigmoidF32 || function == kMapErfF32 ||
         function == kMapGeluF32;
}

// Where an operand is. Without a second input its place is for a result that is read later.
enum class ChainPlace : uint8_t { kNone, kLast, kConstant, kFirstInput, kSecondInput };

struct ChainStep {
  uint8_t function;
  ChainPlace first, second;
  uint8_t keeps;      // 1: the result is read later
  uint32_t constant;  // bits of an operand that is one
};

struct ChainInput {
  const float* data;
  MapAccess access;  // kView: again and again so many elements, a multiple of four:
  Divisor period;
};

// Elements are a multiple of four; all begin at multiples of 16 bytes.
struct DeviceChain {
  uint32_t count;
  int32_t input_count, step_count;
  float* to;
  ChainInput inputs[kChainInputsMax];
  ChainStep steps[kChainStepsMax];
};

// False when the map is none.
bool FindChain(const Map& job, const DeviceMap& map, DeviceChain* chain);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_MAP_CHAIN_H_
