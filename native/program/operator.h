// What the program knows of each kind of operator: how its words are checked and how it runs. One
// kind a file in program/operators; the table that lists them is operators.cc.
#ifndef QUIPU_PROGRAM_OPERATOR_H_
#define QUIPU_PROGRAM_OPERATOR_H_

#include "program/program.h"

namespace quipu {

class CpuRun;

struct OperatorKind {
  Opcode opcode;
  // Refuses everything that could make a run leave its memory or depend on what was there before.
  Status (*check)(Program* program, ProgramOperator* op);
  // Working memory of one piece; null: none.
  size_t (*scratch_bytes)(const Program& program, const ProgramOperator& op);
  Status (*run)(const CpuRun& run, const ProgramOperator& op);
  // What run reads faster than a constant operand, made of it once for all runs, and by operators
  // alike in all but their other operands: how many elements, 0 where it is not worth them; null:
  // never.
  int64_t (*prepared_elements)(const Program& program, const ProgramOperator& op) = nullptr;
  // False where there is no memory to make it in.
  bool (*prepare)(const CpuRun& run, const ProgramOperator& op, float* prepared) = nullptr;
};

// Null for a number that no operator has.
const OperatorKind* KindOf(Opcode opcode);

extern const OperatorKind kMatmulKind, kMapKind, kReduceKind, kSoftmaxKind, kNormaliseKind,
    kCopyKind, kGatherKind, kGatherElementsKind, kGatherNdKind, kScatterElementsKind,
    kScatterNdKind, kScanKind, kTopKKind, kConvolutionKind, kPoolKind, kTreesKind;

// Counts of operands, and the type of each; DType{} stands for any.
bool Takes(const Program& program, const ProgramOperator& op, std::initializer_list<DType> reads,
           std::initializer_list<DType> writes);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATOR_H_
