#include "kernels/map/map_chain.h"

#include <utility>

namespace quipu {
namespace {

bool FindInput(const DeviceMap& map, const DeviceInput& from, ChainInput* input) {
  *input = {static_cast<const float*>(from.data), from.access, {}};
  if (from.access == MapAccess::kRepeats) return true;
  if (!from.is_aligned) return false;
  if (from.access == MapAccess::kDense) return true;
  // Dense axes, and only repeating ones around them.
  int64_t period = 1;
  int32_t axis = 0;
  while (axis < map.rank && from.stride[axis] == period) period *= map.axes[axis++].size;
  for (; axis < map.rank; ++axis) {
    if (from.stride[axis] != 0) return false;
  }
  input->period = DivisorOf(period);
  return period % 4 == 0;
}

class Finder {
 public:
  Finder(const DeviceMap& map, DeviceChain* chain) : map_(map), chain_(chain) {}

  bool AddStep(const DeviceStep& from) {
    if (!IsOfChain(from.function)) return false;
    ChainStep& step = chain_->steps[chain_->step_count++];
    step = {from.function, ChainPlace::kNone, ChainPlace::kNone, from.column != kMapNowhere, 0};
    step.first = Place(from.operands[0], &step);
    if (from.operand_count == 2) {
      step.second = Place(from.operands[1], &step);
      if (step.first == ChainPlace::kConstant && step.second == step.first) return false;
      if (step.second == ChainPlace::kLast && IsCommutative(step.function)) {
        std::swap(step.first, step.second);
      }
    }
    if (step.keeps == 0) return true;
    if (column_ != kMapNowhere && column_ != from.column) return false;
    column_ = from.column;
    return chain_->input_count < 2;
  }

 private:
  ChainPlace Place(uint8_t place, ChainStep* step) const {
    if (place == kMapLastResult) return ChainPlace::kLast;
    if (place < kFirstMapConstant) {
      return place == 0 ? ChainPlace::kFirstInput : ChainPlace::kSecondInput;
    }
    if (place >= kFirstMapColumn) return ChainPlace::kSecondInput;
    step->constant = static_cast<uint32_t>(map_.constants[place - kFirstMapConstant]);
    return ChainPlace::kConstant;
  }

  const DeviceMap& map_;
  DeviceChain* chain_;
  uint8_t column_ = kMapNowhere;
};

}  // namespace

bool FindChain(const Map& job, const DeviceMap& map, DeviceChain* chain) {
  const DeviceOutput& output = map.outputs[0];
  if (map.count > INT32_MAX || map.count % 4 != 0 || map.output_count != 1 || !output.is_aligned ||
      output.from != kMapLastResult || job.input_count < 1 || job.input_count > kChainInputsMax ||
      map.step_count > kChainStepsMax) {
    return false;
  }
  *chain = {static_cast<uint32_t>(map.count),
            job.input_count,
            0,
            static_cast<float*>(output.data),
            {},
            {}};
  for (int32_t i = 0; i < job.input_count; ++i) {
    if (job.inputs[i].dtype != DType::kF32 || !FindInput(map, map.inputs[i], &chain->inputs[i])) {
      return false;
    }
  }
  Finder finder(map, chain);
  for (int32_t i = 0; i < map.step_count; ++i) {
    if (!finder.AddStep(map.steps[i])) return false;
  }
  return true;
}

}  // namespace quipu
