// A decoded program: nothing in it can make a run read or write outside its memory.
#ifndef QUIPU_PROGRAM_PROGRAM_H_
#define QUIPU_PROGRAM_PROGRAM_H_

#include <cstdint>
#include <vector>

#include "program/format.h"
#include "quipu/status.h"
#include "quipu/views.h"
#include "support/aligned.h"

namespace quipu {

struct ProgramTensor {
  DType dtype = DType::kF32;
  Place place = Place::kArena;
  int32_t rank = 0;
  int64_t shape[kRankMax] = {};
  int64_t elements = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

struct ProgramOperator {
  Opcode opcode = Opcode::kAdd;
  uint32_t reads = 0;
  uint32_t writes = 0;
  uint32_t tensors[kOperandsMax] = {};
  int64_t attributes[kAttributesMax] = {};
};

struct Program {
  std::vector<ProgramTensor> tensors;
  std::vector<ProgramOperator> operators;
  std::vector<uint32_t> outputs;
  uint32_t input_count = 0;
  AlignedArray<uint8_t> constants;
  uint64_t constant_bytes = 0;
  uint64_t arena_bytes = 0;
};

// Checks every number again, whoever wrote it, and copies what it keeps. `memory_bytes_max` bounds
// the arena and each tensor. A program that is refused leaves `program` in an unspecified state.
Status DecodeProgram(ByteView bytes, uint64_t memory_bytes_max, Program* program);

// Shape rules of one operator and the kinds of its tensors; part of decoding.
Status CheckOperator(const std::vector<ProgramTensor>& tensors, const ProgramOperator& op);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_PROGRAM_H_
