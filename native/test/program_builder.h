// Builds the program that the encoder would write, piece by piece.
#ifndef QUIPU_TEST_PROGRAM_BUILDER_H_
#define QUIPU_TEST_PROGRAM_BUILDER_H_

#include <utility>

#include "program/operator.h"

namespace quipu::test {

class ProgramBuilder {
 public:
  uint32_t Add(Place place, int64_t elements, DType dtype = DType::kF32) {
    ProgramTensor tensor;
    tensor.dtype = dtype;
    tensor.place = place;
    tensor.elements = elements;
    tensor.bytes = static_cast<uint64_t>(elements) * DTypeBytes(dtype);
    uint64_t& end = place == Place::kConstant   ? program.constant_bytes
                    : place == Place::kPrepared ? program.prepared_bytes
                                                : program.arena_bytes;
    tensor.offset = place == Place::kInput ? 0 : end;
    if (place != Place::kInput) end += (tensor.bytes + 63) / 64 * 64;
    program.tensors.push_back(tensor);
    return static_cast<uint32_t>(program.tensors.size() - 1);
  }

  // Whether it is sound.
  bool Do(Opcode opcode, std::vector<uint32_t> reads, std::vector<uint32_t> writes,
          std::vector<int64_t> words) {
    ProgramOperator op;
    op.opcode = opcode;
    op.reads = std::move(reads);
    op.writes = std::move(writes);
    op.words = std::move(words);
    if (!KindOf(opcode)->check(&program, &op).ok()) return false;
    program.operators.push_back(std::move(op));
    return true;
  }

  Program program;
};

}  // namespace quipu::test

#endif  // QUIPU_TEST_PROGRAM_BUILDER_H_
