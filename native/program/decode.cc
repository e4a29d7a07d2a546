// Decoder of flat programs. Input is hostile until proved otherwise: sizes are multiplied and added
// with overflow checks, and every tensor number, offset and shape is compared with its bound before
// anything is kept.
#include <cstring>
#include <string>

#include "program/program.h"

namespace quipu {
namespace {

constexpr uint64_t kPlacementBytes = 64;

uint32_t Read32(const uint8_t* at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

uint64_t Read64(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

Status Bad(const std::string& what) {
  return Error(Code::kInvalidArgument, "tensor program refused: " + what,
               "compile the model again with this version");
}

struct Counts {
  uint32_t tensors, operators, inputs, outputs;
  uint64_t constants_at;
};

Status DecodeHeader(ByteView bytes, uint64_t memory_bytes_max, Program* program, Counts* counts) {
  if (bytes.size < kHeaderBytes) return Bad("shorter than its header");
  const uint8_t* h = bytes.data;
  if (Read32(h + kHeaderMagic) != kProgramMagic) return Bad("not a tensor program");
  if (Read32(h + kHeaderVersion) != kProgramVersion) return Bad("unknown version");
  if (Read32(h + kHeaderArithmetic) != kArithmeticVersion) return Bad("unknown arithmetic");
  counts->tensors = Read32(h + kHeaderTensorCount);
  counts->operators = Read32(h + kHeaderOperatorCount);
  counts->inputs = Read32(h + kHeaderInputCount);
  counts->outputs = Read32(h + kHeaderOutputCount);
  if (counts->tensors > kTensorsMax) return Bad("too many tensors");
  if (counts->operators > kOperatorsMax) return Bad("too many operators");
  if (counts->outputs > kOutputsMax) return Bad("too many outputs");
  if (counts->inputs > counts->tensors) return Bad("more inputs than tensors");
  // At most 64 + 16,384 · (88 + 64) + 4,096 bytes: cannot overflow.
  const uint64_t records = kHeaderBytes + uint64_t{counts->tensors} * kTensorRecordBytes +
                           uint64_t{counts->operators} * kOperatorRecordBytes +
                           uint64_t{counts->outputs} * 4;
  counts->constants_at = (records + kPlacementBytes - 1) / kPlacementBytes * kPlacementBytes;
  if (bytes.size < counts->constants_at) return Bad("cut short");
  program->constant_bytes = Read64(h + kHeaderConstantBytes);
  program->arena_bytes = Read64(h + kHeaderArenaBytes);
  if (program->constant_bytes != bytes.size - counts->constants_at ||
      Read64(h + kHeaderTotalBytes) != bytes.size) {
    return Bad("its length is not what its header says");
  }
  if (program->arena_bytes > memory_bytes_max) {
    return Error(Code::kLimitExceeded,
                 "the program needs " + std::to_string(program->arena_bytes) +
                     " bytes of working memory and " + std::to_string(memory_bytes_max) +
                     " are allowed",
                 "use a smaller batch");
  }
  program->input_count = counts->inputs;
  return Status{};
}

bool IsKnown(uint32_t dtype) { return dtype < 32 && DTypeBytes(static_cast<DType>(dtype)) != 0; }

Status DecodeTensor(const uint8_t* record, bool is_input, uint64_t memory_bytes_max,
                    const Program& program, ProgramTensor* tensor) {
  const uint32_t dtype = Read32(record + kTensorDType);
  const uint32_t rank = Read32(record + kTensorRank);
  if (!IsKnown(dtype)) return Bad("a tensor of unknown type");
  if (rank > static_cast<uint32_t>(kRankMax)) return Bad("a tensor of too many axes");
  tensor->dtype = static_cast<DType>(dtype);
  tensor->rank = static_cast<int32_t>(rank);
  uint64_t bytes = DTypeBytes(tensor->dtype);
  bool empty = false;
  for (uint32_t axis = 0; axis < static_cast<uint32_t>(kRankMax); ++axis) {
    const uint64_t size = Read64(record + kTensorShape + axis * 8);
    if (axis >= rank) {
      if (size != 0) return Bad("a shape longer than its rank");
      continue;
    }
    if (size > memory_bytes_max) return Bad("an axis longer than the memory allowed");
    tensor->shape[axis] = static_cast<int64_t>(size);
    if (size == 0) empty = true;
    // Zero-sized axes are left out of the product, so that the others are bounded all the same.
    if (size != 0 && __builtin_mul_overflow(bytes, size, &bytes)) return Bad("a size overflows");
    if (bytes > memory_bytes_max) return Bad("a tensor larger than the memory allowed");
  }
  tensor->bytes = empty ? 0 : bytes;
  tensor->elements = static_cast<int64_t>(tensor->bytes / DTypeBytes(tensor->dtype));
  tensor->offset = Read64(record + kTensorOffset);
  tensor->place = static_cast<Place>(Read32(record + kTensorPlace));
  if (is_input != (tensor->place == Place::kInput)) return Bad("an input out of its place");
  uint64_t room = 0;
  switch (tensor->place) {
    case Place::kInput:
      return tensor->offset == 0 ? Status{} : Bad("an input with an offset");
    case Place::kConstant:
      room = program.constant_bytes;
      break;
    case Place::kArena:
      room = program.arena_bytes;
      break;
    default:
      return Bad("a tensor in an unknown place");
  }
  if (tensor->offset % kPlacementBytes != 0) return Bad("a misaligned tensor");
  if (tensor->offset > room || tensor->bytes > room - tensor->offset) {
    return Bad("a tensor that ends outside its memory");
  }
  return Status{};
}

Status DecodeOperator(const uint8_t* record, size_t tensor_count, ProgramOperator* op) {
  op->opcode = static_cast<Opcode>(Read32(record + kOperatorOpcode));
  switch (op->opcode) {
    case Opcode::kMatmul:
    case Opcode::kAdd:
    case Opcode::kMultiply:
      op->reads = 2;
      op->writes = 1;
      break;
    case Opcode::kTopK:
      op->reads = 1;
      op->writes = 2;
      break;
    default:
      return Bad("an unknown operator");
  }
  const uint32_t operands = op->reads + op->writes;
  if (Read32(record + kOperatorOperands) != operands) return Bad("a wrong number of operands");
  for (uint32_t i = 0; i < kOperandsMax; ++i) {
    op->tensors[i] = Read32(record + kOperatorTensors + i * 4);
    if (i < operands ? op->tensors[i] >= tensor_count : op->tensors[i] != 0) {
      return Bad("an operand that names no tensor");
    }
  }
  for (uint32_t i = 0; i < kAttributesMax; ++i) {
    op->attributes[i] = static_cast<int64_t>(Read64(record + kOperatorAttributes + i * 8));
  }
  return Status{};
}

bool Overlap(const ProgramTensor& a, const ProgramTensor& b) {
  return a.place == Place::kArena && b.place == Place::kArena && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

// Elementwise operators may write over an operand that they read at the same position.
bool MayShare(const ProgramOperator& op, const ProgramTensor& read, const ProgramTensor& written) {
  return (op.opcode == Opcode::kAdd || op.opcode == Opcode::kMultiply) &&
         read.offset == written.offset && read.bytes == written.bytes;
}

// Which tensors hold their value at this point of the program.
class Liveness {
 public:
  explicit Liveness(const Program& program)
      : tensors_(program.tensors), holds_(program.tensors.size()) {
    for (size_t i = 0; i < holds_.size(); ++i) holds_[i] = tensors_[i].place != Place::kArena;
  }

  bool Holds(uint32_t tensor) const { return holds_[tensor]; }

  // Writing a tensor destroys whatever shares its bytes.
  void Write(uint32_t tensor) {
    std::vector<uint32_t> kept;
    for (const uint32_t other : live_) {
      if (other != tensor && Overlap(tensors_[other], tensors_[tensor])) holds_[other] = false;
      if (holds_[other] && other != tensor) kept.push_back(other);
    }
    live_.swap(kept);
    live_.push_back(tensor);
    holds_[tensor] = true;
  }

 private:
  const std::vector<ProgramTensor>& tensors_;
  std::vector<bool> holds_;
  std::vector<uint32_t> live_;
};

Status CheckMemory(const Program& program, const ProgramOperator& op, Liveness* liveness) {
  const auto& tensors = program.tensors;
  for (uint32_t w = op.reads; w < op.reads + op.writes; ++w) {
    const ProgramTensor& written = tensors[op.tensors[w]];
    if (written.place != Place::kArena) return Bad("an operator that writes outside the arena");
    for (uint32_t other = 0; other < op.reads + op.writes; ++other) {
      if (other == w) continue;
      const ProgramTensor& tensor = tensors[op.tensors[other]];
      if (op.tensors[other] == op.tensors[w] && other >= op.reads) {
        return Bad("an operator that writes one tensor twice");
      }
      if (Overlap(tensor, written) && !(other < op.reads && MayShare(op, tensor, written))) {
        return Bad("an operator that overwrites what it reads");
      }
    }
  }
  for (uint32_t r = 0; r < op.reads; ++r) {
    if (!liveness->Holds(op.tensors[r])) return Bad("an operator that reads what is not there");
  }
  for (uint32_t w = op.reads; w < op.reads + op.writes; ++w) liveness->Write(op.tensors[w]);
  return Status{};
}

}  // namespace

Status DecodeProgram(ByteView bytes, uint64_t memory_bytes_max, Program* program) {
  if (memory_bytes_max > uint64_t{1} << 60) memory_bytes_max = uint64_t{1} << 60;
  Counts counts;
  if (Status s = DecodeHeader(bytes, memory_bytes_max, program, &counts); !s.ok()) return s;
  const uint8_t* at = bytes.data + kHeaderBytes;
  program->tensors.assign(counts.tensors, ProgramTensor{});
  for (uint32_t i = 0; i < counts.tensors; ++i, at += kTensorRecordBytes) {
    Status s =
        DecodeTensor(at, i < counts.inputs, memory_bytes_max, *program, &program->tensors[i]);
    if (!s.ok()) return s;
  }
  Liveness liveness(*program);
  program->operators.assign(counts.operators, ProgramOperator{});
  for (uint32_t i = 0; i < counts.operators; ++i, at += kOperatorRecordBytes) {
    ProgramOperator& op = program->operators[i];
    if (Status s = DecodeOperator(at, counts.tensors, &op); !s.ok()) return s;
    if (Status s = CheckOperator(program->tensors, op); !s.ok()) return s;
    if (Status s = CheckMemory(*program, op, &liveness); !s.ok()) return s;
  }
  program->outputs.assign(counts.outputs, 0);
  for (uint32_t i = 0; i < counts.outputs; ++i, at += 4) {
    program->outputs[i] = Read32(at);
    if (program->outputs[i] >= counts.tensors) return Bad("an output that names no tensor");
    if (!liveness.Holds(program->outputs[i])) return Bad("an output that is never computed");
  }
  program->constants = AllocateAligned<uint8_t>(program->constant_bytes);
  if (program->constants == nullptr) return Error(Code::kLimitExceeded, "out of memory");
  if (program->constant_bytes != 0) {
    std::memcpy(program->constants.get(), bytes.data + counts.constants_at,
                program->constant_bytes);
  }
  return Status{};
}

}  // namespace quipu
