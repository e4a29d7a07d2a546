#include "program/operator.h"

namespace quipu {
namespace {

const OperatorKind* const kKinds[] = {&kMatmulKind,
                                      &kMapKind,
                                      &kReduceKind,
                                      &kSoftmaxKind,
                                      &kTreesKind,
                                      &kNormaliseKind,
                                      &kCopyKind,
                                      &kGatherKind,
                                      &kGatherElementsKind,
                                      &kGatherNdKind,
                                      &kScatterElementsKind,
                                      &kScatterNdKind,
                                      &kScanKind,
                                      &kTopKKind,
                                      &kConvolutionKind,
                                      &kPoolKind};

bool Match(const Program& program, const std::vector<uint32_t>& operands,
           std::initializer_list<DType> types) {
  if (operands.size() != types.size()) return false;
  size_t i = 0;
  for (const DType type : types) {
    if (type != DType{} && program.tensors[operands[i]].dtype != type) return false;
    ++i;
  }
  return true;
}

}  // namespace

const OperatorKind* KindOf(Opcode opcode) {
  for (const OperatorKind* kind : kKinds) {
    if (kind->opcode == opcode) return kind;
  }
  return nullptr;
}

bool Takes(const Program& program, const ProgramOperator& op, std::initializer_list<DType> reads,
           std::initializer_list<DType> writes) {
  return Match(program, op.reads, reads) && Match(program, op.writes, writes);
}

}  // namespace quipu
