// What gathers and scatters share: their operands, the shapes of the elementwise ones, and the
// error for an index that names nothing.
#ifndef QUIPU_PROGRAM_OPERATORS_INDICES_H_
#define QUIPU_PROGRAM_OPERATORS_INDICES_H_

#include <algorithm>
#include <string>

#include "kernels/gather/index.h"
#include "program/words.h"

namespace quipu {

// The second operand of an operator holds its indices.
inline bool HasIndices(const Program& program, const ProgramOperator& op) {
  const DType dtype = program.Read(op, 1).dtype;
  return dtype == DType::kI64 || dtype == DType::kI32;
}

struct IndexOperands {
  const void* data;
  IndexList indices;
  void* to;
  int32_t element_bytes;

  // `At` gives the addresses of a run.
  template <class At>
  IndexOperands(const At& at, const Program& program, const ProgramOperator& op)
      : data(at.At(op.reads[0])),
        indices{at.At(op.reads[1]), program.Read(op, 1).dtype == DType::kI64},
        to(at.template Written<uint8_t>(op, 0)),
        element_bytes(static_cast<int32_t>(DTypeBytes(program.Written(op, 0).dtype))) {}

  TupleList Tuples(int64_t depth, const int64_t* dims) const {
    TupleList list = {indices, static_cast<int32_t>(depth), {}};
    std::copy_n(dims, depth, list.dims);
    return list;
  }
};

// axis, rank, data shape[rank], index shape[rank]
struct ElementShapeWords : ElementShapes {
  explicit ElementShapeWords(Words* words) : ElementShapes{} {
    axis = static_cast<int32_t>(words->Between(0, kRankMax - 1));
    rank = static_cast<int32_t>(words->Between(1, kRankMax));
    words->Sizes(data_shape, rank);
    words->Sizes(index_shape, rank);
  }

  int64_t DataElements() const { return ProductOf(data_shape, rank); }
  int64_t IndexElements() const { return ProductOf(index_shape, rank); }

  bool AreSound() const {
    if (axis >= rank || DataElements() < 0 || IndexElements() < 0) return false;
    for (int32_t i = 0; i < rank; ++i) {
      if (i != axis && index_shape[i] > data_shape[i]) return false;
    }
    return true;
  }
};

inline Status BadIndexError(const BadIndex& bad) {
  return Error(Code::kDataInvalid,
               "index " + std::to_string(bad.index) + ", number " + std::to_string(bad.position) +
                   " of its tensor, names nothing on an axis of size " + std::to_string(bad.size),
               "correct the input that indices are taken from");
}

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_INDICES_H_
