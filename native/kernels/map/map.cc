// What is checked and planned about a map before it runs.
#include "kernels/map/map.h"

#include <utility>

#include "kernels/map/functions.h"
#include "kernels/map/pairs.h"

namespace quipu {
namespace {

struct Signatures {
  MapSignature of[kMapFunctionsMax];
};

constexpr Signatures kSignatures = [] {
  Signatures signatures = {};
#define QUIPU_SIGNATURE(number, name, result, a, b, c) \
  signatures.of[number] = {Map##result::kDType, {Map##a::kDType, Map##b::kDType, Map##c::kDType}};
  QUIPU_MAP_LANES(QUIPU_SIGNATURE)
  QUIPU_MAP_PLAIN(QUIPU_SIGNATURE)
#undef QUIPU_SIGNATURE
  return signatures;
}();

bool CountsAreSound(const Map& job) {
  const auto within = [](int32_t count, int32_t max) { return count >= 0 && count <= max; };
  return within(job.input_count, kMapInputsMax) && within(job.constant_count, kMapConstantsMax) &&
         within(job.step_count, kMapStepsMax) && within(job.output_count, kMapOutputsMax) &&
         within(job.rank, kRankMax);
}

bool ShapeIsSound(const Map& job) {
  for (int32_t axis = 0; axis < job.rank; ++axis) {
    if (job.shape[axis] < 0) return false;
    for (int32_t i = 0; i < job.input_count; ++i) {
      if (job.inputs[i].stride[axis] < 0) return false;
    }
  }
  return true;
}

// Each type of registers as far as they are defined.
struct Types {
  DType of[kMapRegistersMax];
  int32_t count = 0;

  void Define(DType type) { of[count++] = type; }
  bool Has(uint8_t reg, DType type) const { return reg < count && of[reg] == type; }
};

bool IsElement(DType type) { return DTypeBytes(type) != 0 && type != DType::kF64; }

// Whether the next step is the only reader of what step i gives, and takes it as its first operand;
// operands that may change places do so for that.
bool JoinsNext(Map* job, int32_t i) {
  if (i + 1 == job->step_count) return false;
  MapStep& next = job->steps[i + 1];
  if (PairOf(job->steps[i].function, next.function) < 0) return false;
  const int32_t reg = job->input_count + job->constant_count + i;
  for (int32_t o = 0; o < job->output_count; ++o) {
    if (job->outputs[o].reg == reg) return false;
  }
  int32_t reads = 0;
  for (int32_t s = i + 1; s < job->step_count; ++s) {
    for (const uint8_t operand : job->steps[s].operands) reads += operand == reg;
  }
  if (reads != 1) return false;
  if (next.operands[1] == reg && IsCommutative(next.function)) {
    std::swap(next.operands[0], next.operands[1]);
  }
  return next.operands[0] == reg;
}

void FindPairs(Map* job) {
  for (int32_t i = 0; i < job->step_count; ++i) {
    MapStep& step = job->steps[i];
    step.with_next = (i == 0 || job->steps[i - 1].with_next == 0) && JoinsNext(job, i) ? 1 : 0;
  }
}

void AssignSlots(Map* job) {
  const int32_t first = job->input_count + job->constant_count;  // register of step 0
  int32_t last_use[kMapRegistersMax];                            // step that reads a register last
  for (int32_t i = 0; i < job->step_count; ++i) {
    last_use[first + i] = i;
    // What a function does not take names register 0, which no step writes.
    for (const uint8_t operand : job->steps[i].operands) last_use[operand] = i;
  }
  for (int32_t i = 0; i < job->output_count; ++i) last_use[job->outputs[i].reg] = kMapStepsMax;
  bool taken[kMapStepsMax] = {};
  job->slot_count = 0;
  for (int32_t i = 0; i < job->step_count; ++i) {
    MapStep& step = job->steps[i];
    step.slot = 0;
    while (taken[step.slot]) ++step.slot;
    taken[step.slot] = true;
    if (step.slot >= job->slot_count) job->slot_count = step.slot + 1;
    const auto drop_after = [&](int32_t reg) {
      if (reg >= first && last_use[reg] == i) taken[job->steps[reg - first].slot] = false;
    };
    for (const uint8_t operand : step.operands) drop_after(operand);
    drop_after(first + i);
  }
}

}  // namespace

const MapSignature* MapSignatureOf(int number) {
  if (number < 0 || number >= kMapFunctionsMax) return nullptr;
  const MapSignature& signature = kSignatures.of[number];
  return signature.result == DType{} ? nullptr : &signature;
}

bool MapIsSound(const Map& job) {
  if (!CountsAreSound(job) || !ShapeIsSound(job)) return false;
  Types types;
  for (int32_t i = 0; i < job.input_count; ++i) types.Define(job.inputs[i].dtype);
  for (int32_t i = 0; i < job.constant_count; ++i) types.Define(job.constants[i].dtype);
  for (int32_t i = 0; i < types.count; ++i) {
    if (!IsElement(types.of[i])) return false;
  }
  for (int32_t i = 0; i < job.step_count; ++i) {
    const MapSignature* signature = MapSignatureOf(job.steps[i].function);
    if (signature == nullptr) return false;
    for (int o = 0; o < 3; ++o) {
      const DType wanted = signature->operands[o];
      const uint8_t reg = job.steps[i].operands[o];
      if (wanted == DType{} ? reg != 0 : !types.Has(reg, wanted)) return false;
    }
    types.Define(signature->result);
  }
  for (int32_t i = 0; i < job.output_count; ++i) {
    if (!types.Has(job.outputs[i].reg, job.outputs[i].dtype)) return false;
  }
  return true;
}

void PlanMap(Map* job) {
  FindPairs(job);
  AssignSlots(job);
}

int64_t MapElements(const Map& job) {
  int64_t count = 1;
  for (int32_t axis = 0; axis < job.rank; ++axis) count *= job.shape[axis];
  return count;
}

}  // namespace quipu
