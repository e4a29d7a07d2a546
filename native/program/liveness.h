// Which tensors hold their value at each point of a program, so that no operator reads what was
// never written or has been written over.
#ifndef QUIPU_PROGRAM_LIVENESS_H_
#define QUIPU_PROGRAM_LIVENESS_H_

#include <vector>

#include "program/program.h"

namespace quipu {

class Liveness {
 public:
  explicit Liveness(const Program& program);

  bool Holds(uint32_t tensor) const { return holds_[tensor]; }

  // The next operator; refuses one that reads what is not there or overwrites what it reads.
  Status Take(const ProgramOperator& op, bool in_prelude);

 private:
  Status CheckWrite(const ProgramOperator& op, size_t index, bool in_prelude) const;
  void Write(uint32_t tensor);

  const Program& program_;
  std::vector<bool> holds_;
  std::vector<uint32_t> live_;  // what has been written and still holds
};

// Are two tensors some of the same bytes?
bool Overlap(const ProgramTensor& a, const ProgramTensor& b);

// Does a map read an operand at the very position that it writes?
bool IsReadInPlace(const Map& map, size_t read);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_LIVENESS_H_
