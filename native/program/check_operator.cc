// Shape and type rules of the operators, as docs/arithmetic.md states them.
#include <string>

#include "kernels/topk/topk.h"
#include "program/program.h"

namespace quipu {
namespace {

Status Bad(const std::string& what) {
  return Error(Code::kShapeMismatch, "tensor program refused: " + what,
               "compile the model again with this version");
}

int64_t AxisFromEnd(const ProgramTensor& tensor, int32_t from_end) {
  return from_end < tensor.rank ? tensor.shape[tensor.rank - 1 - from_end] : 1;
}

// Axes from `skip` (counted from the end) on must broadcast: equal, or 1 in one of the two.
bool BroadcastsTo(const ProgramTensor& a, const ProgramTensor& b, const ProgramTensor& out,
                  int32_t skip) {
  if (out.rank != (a.rank > b.rank ? a.rank : b.rank)) return false;
  for (int32_t axis = skip; axis < out.rank; ++axis) {
    const int64_t x = AxisFromEnd(a, axis);
    const int64_t y = AxisFromEnd(b, axis);
    if (x != y && x != 1 && y != 1) return false;
    if (AxisFromEnd(out, axis) != (x == 1 ? y : x)) return false;
  }
  return true;
}

Status CheckMatmul(const ProgramTensor& a, const ProgramTensor& b, const ProgramTensor& c) {
  if (a.rank < 2 || b.rank < 2) return Bad("a matmul operand with fewer than two axes");
  if (!BroadcastsTo(a, b, c, 2)) return Bad("matmul operands whose leading axes do not broadcast");
  if (AxisFromEnd(a, 0) != AxisFromEnd(b, 1) || AxisFromEnd(c, 1) != AxisFromEnd(a, 1) ||
      AxisFromEnd(c, 0) != AxisFromEnd(b, 0)) {
    return Bad("matmul operands whose inner sizes differ");
  }
  return Status{};
}

Status CheckTopK(const ProgramTensor& rows, const ProgramTensor& values,
                 const ProgramTensor& indices, const ProgramOperator& op) {
  if (rows.rank < 1 || values.rank != rows.rank || indices.rank != rows.rank) {
    return Bad("top-k of tensors with different numbers of axes");
  }
  for (int32_t axis = 0; axis < rows.rank; ++axis) {
    const bool last = axis == rows.rank - 1;
    if (values.shape[axis] != indices.shape[axis] ||
        (last ? values.shape[axis] > rows.shape[axis] : values.shape[axis] != rows.shape[axis])) {
      return Bad("top-k results that do not fit its rows");
    }
  }
  if (AxisFromEnd(rows, 0) > kTopKLengthMax) return Bad("top-k of rows of 2^32 elements or more");
  if (op.attributes[0] != 0 && op.attributes[0] != 1) return Bad("top-k in an unknown direction");
  return Status{};
}

}  // namespace

Status CheckOperator(const std::vector<ProgramTensor>& tensors, const ProgramOperator& op) {
  const ProgramTensor& a = tensors[op.tensors[0]];
  const ProgramTensor& b = tensors[op.tensors[1]];
  const ProgramTensor& c = tensors[op.tensors[2]];
  const DType third = op.opcode == Opcode::kTopK ? DType::kI64 : DType::kF32;
  if (a.dtype != DType::kF32 || b.dtype != DType::kF32 || c.dtype != third) {
    return Bad("an operator on a type that it does not compute");
  }
  switch (op.opcode) {
    case Opcode::kMatmul:
      return CheckMatmul(a, b, c);
    case Opcode::kAdd:
    case Opcode::kMultiply:
      return BroadcastsTo(a, b, c, 0) ? Status{} : Bad("operands that do not broadcast");
    case Opcode::kTopK:
      return CheckTopK(a, b, c, op);
  }
  return Bad("an unknown operator");
}

}  // namespace quipu
