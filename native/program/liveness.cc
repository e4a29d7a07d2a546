#include "program/liveness.h"

namespace quipu {
namespace {

bool IsWritable(const ProgramTensor& tensor) {
  return tensor.place == Place::kArena || tensor.place == Place::kPrepared;
}

// A map may write over an operand that it reads at the very position that it writes.
bool MayShare(const Program& program, const ProgramOperator& op, size_t read, size_t write) {
  if (op.opcode != Opcode::kMap) return false;
  const ProgramTensor& from = program.Read(op, read);
  const ProgramTensor& to = program.Written(op, write);
  return from.offset == to.offset && DTypeBytes(from.dtype) == DTypeBytes(to.dtype) &&
         IsReadInPlace(program.maps[op.map], read);
}

}  // namespace

bool Overlap(const ProgramTensor& a, const ProgramTensor& b) {
  return a.place == b.place && IsWritable(a) && a.offset < b.offset + b.bytes &&
         b.offset < a.offset + a.bytes;
}

bool IsReadInPlace(const Map& map, size_t read) {
  int64_t dense = 1;
  for (int32_t axis = map.rank - 1; axis >= 0; --axis) {
    if (map.shape[axis] != 1 && map.inputs[read].stride[axis] != dense) return false;
    dense *= map.shape[axis];
  }
  return true;
}

Liveness::Liveness(const Program& program) : program_(program), holds_(program.tensors.size()) {
  for (size_t i = 0; i < holds_.size(); ++i) holds_[i] = !IsWritable(program.tensors[i]);
}

Status Liveness::CheckWrite(const ProgramOperator& op, size_t index, bool in_prelude) const {
  const ProgramTensor& written = program_.Written(op, index);
  if (written.place != (in_prelude ? Place::kPrepared : Place::kArena)) {
    return Refused("an operator that writes where it may not");
  }
  for (size_t other = 0; other < op.writes.size(); ++other) {
    if (other != index &&
        (op.writes[other] == op.writes[index] || Overlap(program_.Written(op, other), written))) {
      return Refused("an operator that writes one place twice");
    }
  }
  for (size_t read = 0; read < op.reads.size(); ++read) {
    if (Overlap(program_.Read(op, read), written) && !MayShare(program_, op, read, index)) {
      return Refused("an operator that overwrites what it reads");
    }
  }
  return Status{};
}

Status Liveness::Take(const ProgramOperator& op, bool in_prelude) {
  for (const uint32_t read : op.reads) {
    if (!holds_[read]) return Refused("an operator that reads what is not there");
    if (in_prelude && program_.tensors[read].place == Place::kInput) {
      return Refused("a prelude that reads an input");
    }
  }
  for (size_t i = 0; i < op.writes.size(); ++i) {
    if (Status s = CheckWrite(op, i, in_prelude); !s.ok()) return s;
  }
  for (const uint32_t written : op.writes) Write(written);
  return Status{};
}

// Writing a tensor destroys whatever shares its bytes.
void Liveness::Write(uint32_t tensor) {
  std::vector<uint32_t> kept;
  for (const uint32_t other : live_) {
    if (other == tensor) continue;
    if (Overlap(program_.tensors[other], program_.tensors[tensor])) holds_[other] = false;
    if (holds_[other]) kept.push_back(other);
  }
  live_.swap(kept);
  live_.push_back(tensor);
  holds_[tensor] = true;
}

}  // namespace quipu
