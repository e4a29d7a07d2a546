// Decoder of flat programs. Input is hostile until proved otherwise: sizes are multiplied and added
// with overflow checks, and every number is compared with its bound before anything is kept.
#include <cstring>
#include <map>
#include <string>
#include <tuple>

#include "program/liveness.h"
#include "program/operator.h"
#include "program/program.h"

namespace quipu {
namespace {

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

struct Counts {
  uint32_t tensors, operators, inputs, outputs;
  uint64_t words;
  uint64_t words_at, outputs_at, constants_at;
};

Status TooMuch(uint64_t bytes, uint64_t allowed) {
  return Error(Code::kLimitExceeded,
               "the program needs " + std::to_string(bytes) + " bytes of working memory and " +
                   std::to_string(allowed) + " are allowed",
               "use a smaller batch");
}

Status DecodeCounts(ByteView bytes, Counts* counts, Program* program) {
  const uint8_t* h = bytes.data;
  counts->tensors = Read32(h + kHeaderTensorCount);
  counts->operators = Read32(h + kHeaderOperatorCount);
  counts->inputs = Read32(h + kHeaderInputCount);
  counts->outputs = Read32(h + kHeaderOutputCount);
  counts->words = Read64(h + kHeaderWordCount);
  program->prelude_count = Read32(h + kHeaderPreludeCount);
  program->input_count = counts->inputs;
  if (counts->tensors > kTensorsMax) return Refused("too many tensors");
  if (counts->operators > kOperatorsMax) return Refused("too many operators");
  if (counts->outputs > kOutputsMax) return Refused("too many outputs");
  if (counts->words > kWordsMax) return Refused("too many words");
  if (counts->inputs > counts->tensors) return Refused("more inputs than tensors");
  if (program->prelude_count > counts->operators) return Refused("a prelude beyond its operators");
  // Each term is bounded above: cannot overflow.
  counts->words_at = kHeaderBytes + uint64_t{counts->tensors} * kTensorRecordBytes +
                     uint64_t{counts->operators} * kOperatorRecordBytes;
  counts->outputs_at = counts->words_at + counts->words * 8;
  const uint64_t records = counts->outputs_at + uint64_t{counts->outputs} * 4;
  counts->constants_at = (records + kPlacementBytes - 1) / kPlacementBytes * kPlacementBytes;
  return bytes.size < counts->constants_at ? Refused("cut short") : Status{};
}

Status DecodeHeader(ByteView bytes, uint64_t memory_bytes_max, Program* program, Counts* counts) {
  if (bytes.size < kHeaderBytes) return Refused("shorter than its header");
  const uint8_t* h = bytes.data;
  if (Read32(h + kHeaderMagic) != kProgramMagic) return Refused("not a tensor program");
  if (Read32(h + kHeaderVersion) != kProgramVersion) return Refused("unknown version");
  if (Read32(h + kHeaderArithmetic) != kArithmeticVersion) return Refused("unknown arithmetic");
  if (Read32(h + kHeaderFlags) > kOneByOne) return Refused("unknown flags");
  if (Status s = DecodeCounts(bytes, counts, program); !s.ok()) return s;
  program->constant_bytes = Read64(h + kHeaderConstantBytes);
  program->arena_bytes = Read64(h + kHeaderArenaBytes);
  program->prepared_bytes = Read64(h + kHeaderPreparedBytes);
  if (program->constant_bytes != bytes.size - counts->constants_at ||
      Read64(h + kHeaderTotalBytes) != bytes.size) {
    return Refused("its length is not what its header says");
  }
  for (const uint64_t needed : {program->arena_bytes, program->prepared_bytes}) {
    if (needed > memory_bytes_max) return TooMuch(needed, memory_bytes_max);
  }
  // Each is bounded above: cannot overflow.
  const uint64_t needed = program->arena_bytes + program->prepared_bytes;
  program->spare_bytes = needed < memory_bytes_max ? memory_bytes_max - needed : 0;
  return Status{};
}

bool IsKnown(uint32_t dtype) { return dtype < 32 && DTypeBytes(static_cast<DType>(dtype)) != 0; }

Status DecodeTensor(const uint8_t* record, bool is_input, uint64_t memory_bytes_max,
                    const Program& program, ProgramTensor* tensor) {
  const uint32_t dtype = Read32(record + kTensorDType);
  if (!IsKnown(dtype)) return Refused("a tensor of unknown type");
  tensor->dtype = static_cast<DType>(dtype);
  const uint64_t elements = Read64(record + kTensorElements);
  const uint64_t size = DTypeBytes(tensor->dtype);
  if (elements > memory_bytes_max / size) {
    return Error(Code::kLimitExceeded,
                 "a tensor of " + std::to_string(elements) + " elements is more than the " +
                     std::to_string(memory_bytes_max) + " bytes that are allowed",
                 "use a smaller batch");
  }
  tensor->elements = static_cast<int64_t>(elements);
  tensor->bytes = elements * size;
  tensor->offset = Read64(record + kTensorOffset);
  tensor->place = static_cast<Place>(Read32(record + kTensorPlace));
  if (is_input != (tensor->place == Place::kInput)) return Refused("an input out of its place");
  uint64_t room = 0;
  switch (tensor->place) {
    case Place::kInput:
      return tensor->offset == 0 ? Status{} : Refused("an input with an offset");
    case Place::kConstant:
      room = program.constant_bytes;
      break;
    case Place::kArena:
      room = program.arena_bytes;
      break;
    case Place::kPrepared:
      room = program.prepared_bytes;
      break;
    default:
      return Refused("a tensor in an unknown place");
  }
  if (tensor->offset % kPlacementBytes != 0) return Refused("a misaligned tensor");
  if (tensor->offset > room || tensor->bytes > room - tensor->offset) {
    return Refused("a tensor that ends outside its memory");
  }
  return Status{};
}

Status DecodeOperator(const uint8_t* record, ByteView bytes, const Counts& counts,
                      ProgramOperator* op) {
  op->opcode = static_cast<Opcode>(Read32(record + kOperatorOpcode));
  const uint32_t reads = Read32(record + kOperatorReads);
  const uint32_t writes = Read32(record + kOperatorWrites);
  const uint32_t words = Read32(record + kOperatorWords);
  const uint64_t at = Read64(record + kOperatorWordsAt);
  if (reads > kOperandsMax || writes > kOperandsMax) return Refused("too many operands");
  if (words < reads + writes) return Refused("an operator without its operands");
  if (at > counts.words || words > counts.words - at) return Refused("words that are not there");
  const uint8_t* word = bytes.data + counts.words_at + at * 8;
  for (uint32_t i = 0; i < words; ++i, word += 8) {
    const uint64_t value = Read64(word);
    if (i >= reads + writes) {
      op->words.push_back(static_cast<int64_t>(value));
    } else if (value >= counts.tensors) {
      return Refused("an operand that names no tensor");
    } else {
      (i < reads ? op->reads : op->writes).push_back(static_cast<uint32_t>(value));
    }
  }
  return Status{};
}

Status DecodeOperators(ByteView bytes, const Counts& counts, Program* program, Liveness* liveness) {
  const uint8_t* at = bytes.data + kHeaderBytes + counts.tensors * kTensorRecordBytes;
  program->operators.assign(counts.operators, ProgramOperator{});
  uint64_t words = 0;  // operators that shared their words would be copied into far more memory
  for (uint32_t i = 0; i < counts.operators; ++i, at += kOperatorRecordBytes) {
    ProgramOperator& op = program->operators[i];
    words += Read32(at + kOperatorWords);
    if (words > counts.words) return Refused("operators of more words than there are");
    if (Status s = DecodeOperator(at, bytes, counts, &op); !s.ok()) return s;
    const OperatorKind* kind = KindOf(op.opcode);
    if (kind == nullptr) return Refused("an unknown operator");
    if (Status s = kind->check(program, &op); !s.ok()) return s;
    if (Status s = liveness->Take(op, i < program->prelude_count); !s.ok()) return s;
  }
  return Status{};
}

// Can the map run on each part of what `op` computes as soon as that is done? All else that it
// reads is there by then; it must not write over what `op` still reads. A map of fewer elements,
// which sees only the first of them, has no place for the others.
bool IsEpilogue(const Program& program, const ProgramOperator& map, const ProgramOperator& op) {
  if (op.opcode != Opcode::kMatmul && op.opcode != Opcode::kConvolution) return false;
  if (map.opcode != Opcode::kMap) return false;
  if (program.Written(map, 0).elements != program.Written(op, 0).elements) return false;
  bool reads_it = false;
  for (size_t i = 0; i < map.reads.size(); ++i) {
    if (map.reads[i] != op.writes[0]) continue;
    if (!IsReadInPlace(program.maps[map.map], i)) return false;
    reads_it = true;
  }
  for (size_t w = 0; w < map.writes.size(); ++w) {
    for (size_t r = 0; r < op.reads.size(); ++r) {
      if (Overlap(program.Written(map, w), program.Read(op, r))) return false;
    }
  }
  return reads_it;
}

void FindEpilogues(Program* program) {
  for (size_t i = program->prelude_count; i + 1 < program->operators.size(); ++i) {
    ProgramOperator& op = program->operators[i];
    op.has_epilogue = IsEpilogue(*program, program->operators[i + 1], op);
  }
}

// What lies in the arena where an output lies, in elements of the same size, is written into the
// output's own memory and need not be copied out. Two outputs share no bytes, so nothing comes to
// overlap that did not before. An output's memory is aligned to its own elements, not to larger
// ones.
void PlaceInOutputs(Program* program) {
  const auto key = [](const ProgramTensor& tensor) {
    return std::tuple(tensor.offset, tensor.bytes, DTypeBytes(tensor.dtype));
  };
  std::map<std::tuple<uint64_t, uint64_t, size_t>, int32_t> outputs;
  for (size_t i = 0; i < program->outputs.size(); ++i) {
    const ProgramTensor& tensor = program->tensors[program->outputs[i]];
    if (tensor.place != Place::kArena || tensor.bytes == 0) continue;
    outputs.try_emplace(key(tensor), static_cast<int32_t>(i));
  }
  for (ProgramTensor& tensor : program->tensors) {
    if (tensor.place != Place::kArena) continue;
    const auto found = outputs.find(key(tensor));
    if (found != outputs.end()) tensor.output = found->second;
  }
}

}  // namespace

Status Refused(const std::string& what) {
  return Error(Code::kInvalidArgument, "tensor program refused: " + what,
               "compile the model again with this version");
}

Status DecodeProgram(ByteView bytes, uint64_t memory_bytes_max, Program* program) {
  if (memory_bytes_max > uint64_t{1} << 47) memory_bytes_max = uint64_t{1} << 47;
  Counts counts;
  if (Status s = DecodeHeader(bytes, memory_bytes_max, program, &counts); !s.ok()) return s;
  const uint8_t* at = bytes.data + kHeaderBytes;
  program->tensors.assign(counts.tensors, ProgramTensor{});
  for (uint32_t i = 0; i < counts.tensors; ++i, at += kTensorRecordBytes) {
    Status s =
        DecodeTensor(at, i < counts.inputs, memory_bytes_max, *program, &program->tensors[i]);
    if (!s.ok()) return s;
  }
  program->constants = AllocateAligned<uint8_t>(program->constant_bytes);
  if (program->constants == nullptr) return OutOfMemory();
  if (program->constant_bytes != 0) {
    std::memcpy(program->constants.get(), bytes.data + counts.constants_at,
                program->constant_bytes);
  }
  Liveness liveness(*program);
  if (Status s = DecodeOperators(bytes, counts, program, &liveness); !s.ok()) return s;
  if ((Read32(bytes.data + kHeaderFlags) & kOneByOne) == 0) FindEpilogues(program);
  program->outputs.assign(counts.outputs, 0);
  at = bytes.data + counts.outputs_at;
  for (uint32_t i = 0; i < counts.outputs; ++i, at += 4) {
    program->outputs[i] = Read32(at);
    if (program->outputs[i] >= counts.tensors) return Refused("an output that names no tensor");
    if (!liveness.Holds(program->outputs[i])) return Refused("an output that is never computed");
  }
  PlaceInOutputs(program);
  return Status{};
}

}  // namespace quipu
