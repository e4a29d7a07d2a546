#include "kernels/map/map_plan.h"

#include "kernels/map/functions.h"

namespace quipu {
namespace {

class Planner {
 public:
  explicit Planner(const Map& job) : job_(job), first_(job.input_count + job.constant_count) {}

  DeviceMap Plan() {
    plan_.count = MapElements(job_);
    plan_.column_count = job_.slot_count;
    plan_.output_count = job_.output_count;
    for (int32_t i = 0; i < job_.constant_count; ++i) {
      plan_.constants[i] = job_.constants[i].bits;
      NoteType(job_.constants[i].dtype);
    }
    PlanAxes();
    for (int32_t i = 0; i < job_.input_count; ++i) PlanInput(i);
    for (int32_t i = 0; i < job_.output_count; ++i) PlanOutput(i);
    for (int32_t i = 0; i < job_.step_count; ++i) PlanStep(i);
    return plan_;
  }

 private:
  void NoteType(DType dtype) { plan_.is_wide = plan_.is_wide || DTypeBytes(dtype) == 8; }

  static bool IsAligned(const void* data) { return reinterpret_cast<uintptr_t>(data) % 16 == 0; }

  void PlanAxes() {
    for (int32_t axis = job_.rank - 1; axis >= 0; --axis) {
      const int64_t size = job_.shape[axis];
      if (size == 1) continue;
      plan_.axes[plan_.rank] = DivisorOf(size);
      axis_of_[plan_.rank++] = axis;
    }
    plan_.rows_are_whole = plan_.rank == 0 || plan_.axes[0].size % 4 == 0;
  }

  void PlanInput(int32_t number) {
    const MapInput& from = job_.inputs[number];
    DeviceInput& input = plan_.inputs[number];
    input.data = from.data;
    input.bytes = static_cast<uint8_t>(DTypeBytes(from.dtype));
    bool repeats = true, dense = true, fours = plan_.rows_are_whole;
    int64_t inside = 1;
    for (int32_t i = 0; i < plan_.rank; ++i) {
      const int64_t stride = from.stride[axis_of_[i]];
      input.stride[i] = stride;
      repeats = repeats && stride == 0;
      dense = dense && stride == inside;
      fours = fours && (i == 0 ? stride == 1 : stride % 4 == 0);
      inside *= plan_.axes[i].size;
    }
    input.access = repeats ? MapAccess::kRepeats : dense ? MapAccess::kDense : MapAccess::kView;
    input.is_aligned = (dense || fours) && input.bytes == 4 && IsAligned(from.data);
    NoteType(from.dtype);
  }

  // An input that is an output may lie where another output is written before: it is kept.
  void PlanOutput(int32_t number) {
    const MapOutput& to = job_.outputs[number];
    DeviceOutput& output = plan_.outputs[number];
    output.data = to.data;
    output.bytes = static_cast<uint8_t>(DTypeBytes(to.dtype));
    output.is_aligned = output.bytes == 4 && IsAligned(to.data);
    if (to.reg < job_.input_count) {
      const auto column = static_cast<uint8_t>(plan_.column_count++);
      plan_.steps[plan_.step_count++] = {0, 1, {to.reg, 0, 0}, column, {0, 0}};
      output.from = static_cast<uint8_t>(kFirstMapColumn + column);
    } else {
      output.from = Place(to.reg, job_.step_count);
    }
    NoteType(to.dtype);
  }

  // Where step `reader` finds a register; the outputs are read after the last step.
  uint8_t Place(int32_t reg, int32_t reader) const {
    if (reg < job_.input_count) return static_cast<uint8_t>(reg);
    if (reg < first_) return static_cast<uint8_t>(kFirstMapConstant + reg - job_.input_count);
    if (reg == first_ + reader - 1) return kMapLastResult;
    return static_cast<uint8_t>(kFirstMapColumn + job_.steps[reg - first_].slot);
  }

  bool IsReadLater(int32_t number) const {
    const int32_t reg = first_ + number;
    for (int32_t i = 0; i < job_.output_count; ++i) {
      if (job_.outputs[i].reg == reg && number + 1 < job_.step_count) return true;
    }
    for (int32_t i = number + 2; i < job_.step_count; ++i) {
      for (const uint8_t operand : job_.steps[i].operands) {
        if (operand == reg) return true;
      }
    }
    return false;
  }

  void PlanStep(int32_t number) {
    const MapStep& from = job_.steps[number];
    const MapSignature& signature = *MapSignatureOf(from.function);
    DeviceStep& step = plan_.steps[plan_.step_count++];
    step.function = static_cast<uint8_t>(from.function);
    while (step.operand_count < 3 && signature.operands[step.operand_count] != DType{}) {
      const uint8_t reg = from.operands[step.operand_count];
      step.operands[step.operand_count++] = Place(reg, number);
    }
    step.column = IsReadLater(number) ? from.slot : kMapNowhere;
    NoteType(signature.result);
  }

  const Map& job_;
  const int32_t first_;  // register of step 0
  DeviceMap plan_ = {};
  int32_t axis_of_[kRankMax];
};

}  // namespace

DeviceMap DeviceMapOf(const Map& job) { return Planner(job).Plan(); }

}  // namespace quipu
