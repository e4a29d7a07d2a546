// The commonest maps on a device: binary32 alone, of one or two inputs, to one output, where each
// step takes what the step before has given. See map_chain.cu.
#ifndef QUIPU_KERNELS_MAP_MAP_CHAIN_H_
#define QUIPU_KERNELS_MAP_MAP_CHAIN_H_

#include "kernels/map/map_plan.h"
#include "quipu/device.h"

namespace quipu {

constexpr int kChainInputsMax = 2, kChainStepsMax = 24;

// Functions of up to two operands that take little code.
QUIPU_HOST_DEVICE constexpr bool IsOfChain(int function) {
  return (function >= 1 && function <= 4) || function == 10 || (function >= 14 && function <= 16) ||
         function == 29 || (function >= 40 && function <= 45);
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
  MapAccess access;      // kView: again and again, `period` elements
  uint32_t period;       // a multiple of four
  QuickDivisor divisor;  // by it
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
