// A decoded program: nothing in it can make a run read or write outside its memory.
#ifndef QUIPU_PROGRAM_PROGRAM_H_
#define QUIPU_PROGRAM_PROGRAM_H_

#include <cstdint>
#include <vector>

#include "kernels/map/map.h"
#include "program/format.h"
#include "quipu/status.h"
#include "quipu/views.h"
#include "support/aligned.h"

namespace quipu {

struct ProgramTensor {
  DType dtype = DType::kF32;
  Place place = Place::kArena;
  int64_t elements = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  int32_t output = -1;  // on the CPU it lies in the memory of this output, not in the arena
};

// Whether it is the same in every run.
inline bool Lasts(const ProgramTensor& tensor) {
  return tensor.place == Place::kConstant || tensor.place == Place::kPrepared;
}

struct ProgramOperator {
  Opcode opcode = Opcode::kMap;
  std::vector<uint32_t> reads;
  std::vector<uint32_t> writes;
  std::vector<int64_t> words;  // without the operands
  size_t map = 0;              // of a map: its number in Program::maps
  // The next operator is a map of what this one writes: it may run on each part as it is done.
  bool has_epilogue = false;
};

struct Program {
  std::vector<ProgramTensor> tensors;
  std::vector<ProgramOperator> operators;
  std::vector<Map> maps;  // sound, with slots, without pointers
  std::vector<uint32_t> outputs;
  uint32_t input_count = 0;
  uint32_t prelude_count = 0;
  AlignedArray<uint8_t> constants;
  uint64_t constant_bytes = 0;
  uint64_t arena_bytes = 0;
  uint64_t prepared_bytes = 0;
  uint64_t spare_bytes = 0;  // of what it may take, beside the arena and what is prepared

  const ProgramTensor& Read(const ProgramOperator& op, size_t i) const {
    return tensors[op.reads[i]];
  }
  const ProgramTensor& Written(const ProgramOperator& op, size_t i) const {
    return tensors[op.writes[i]];
  }
};

// Checks every number again, whoever wrote it, and copies what it keeps. `memory_bytes_max` bounds
// the arena, the prepared memory and each tensor. A program that is refused leaves `program` in an
// unspecified state.
Status DecodeProgram(ByteView bytes, uint64_t memory_bytes_max, Program* program);

// Of a program that asks for what no program may.
Status Refused(const std::string& what);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_PROGRAM_H_
