// A map as a device takes it: each step says where its operands are, so that what only the next
// step reads stays in registers, and divisions by the shape have become multiplications.
#ifndef QUIPU_KERNELS_MAP_MAP_PLAN_H_
#define QUIPU_KERNELS_MAP_MAP_PLAN_H_

#include "kernels/map/map.h"
#include "support/quick_division.h"

namespace quipu {

// Results that are read later than by the next step, and inputs that are outputs as they are.
constexpr int kMapColumnsMax = kMapStepsMax + kMapOutputsMax;
// Where an operand is: an input, a constant, a column, or what the step before has given.
constexpr int kFirstMapConstant = kMapInputsMax;
constexpr int kFirstMapColumn = kFirstMapConstant + kMapConstantsMax;
constexpr uint8_t kMapLastResult = 255, kMapNowhere = 255;

struct DeviceStep {
  uint8_t function;  // 0: its operand as it is
  uint8_t operand_count;
  uint8_t operands[3];
  uint8_t column;  // of the result; kMapNowhere if nobody reads it there
  uint8_t padding[2];
};

enum class MapAccess : uint8_t {
  kDense,    // as the output
  kRepeats,  // one element
  kView,     // by strides
};

struct DeviceInput {
  const void* data;
  uint8_t bytes;  // of an element
  MapAccess access;
  bool is_aligned;           // four elements that begin at a multiple of four are one load
  int64_t stride[kRankMax];  // innermost axis first
};

struct DeviceOutput {
  void* data;
  uint8_t bytes;
  bool is_aligned;
  uint8_t from;
};

struct DeviceMap {
  int64_t count;
  int32_t rank, step_count, output_count, column_count;
  bool is_wide;            // some element takes 8 bytes
  bool rows_are_whole;     // four elements that begin at a multiple of four lie in one row
  Divisor axes[kRankMax];  // innermost first, none of size 1
  DeviceInput inputs[kMapInputsMax];
  uint64_t constants[kMapConstantsMax];
  DeviceStep steps[kMapColumnsMax];
  DeviceOutput outputs[kMapOutputsMax];
};

// Of a planned map that has elements.
DeviceMap DeviceMapOf(const Map& job);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_MAP_PLAN_H_
