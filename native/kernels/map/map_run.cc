#include "kernels/map/map_run.h"

#include <algorithm>
#include <cstring>

namespace quipu {
namespace {

// Room for a tile of any type, and a little more, so that neighbours do not fall on the same lines
// of a first-level cache.
constexpr size_t kBufferBytes = kMapTile * 8 + 192;
constexpr size_t kLineBytes = 64;

// Where in the output's shape an element lies.
struct Position {
  Position(const Map& job, int64_t index) {
    for (int32_t axis = job.rank - 1; axis >= 0; --axis) {
      at[axis] = index % job.shape[axis];
      index /= job.shape[axis];
    }
  }

  int64_t at[kRankMax];
};

// Where one input has the element of a position, and on from there.
class Cursor {
 public:
  Cursor(const Map& job, const MapInput& input, const Position& position)
      : job_(job), input_(input), position_(position) {
    for (int32_t axis = 0; axis < job.rank; ++axis) {
      offset_ += position.at[axis] * input.stride[axis];
    }
  }

  int64_t offset() const { return offset_; }
  int64_t LeftOfRow() const { return job_.shape[job_.rank - 1] - position_.at[job_.rank - 1]; }

  // To the start of the next row.
  void NextRow() {
    for (int32_t axis = job_.rank - 1; axis >= 0; --axis) {
      const int64_t old = position_.at[axis];
      const bool carries = axis == job_.rank - 1 || old + 1 == job_.shape[axis];
      position_.at[axis] = carries ? 0 : old + 1;
      offset_ += (position_.at[axis] - old) * input_.stride[axis];
      if (!carries) return;
    }
  }

 private:
  const Map& job_;
  const MapInput& input_;
  Position position_;
  int64_t offset_ = 0;
};

template <class Element>
void Gather(const MapInput& input, Cursor cursor, int64_t inner, int64_t count, void* to) {
  const Element* from = static_cast<const Element*>(input.data);
  Element* out = static_cast<Element*>(to);
  for (int64_t run; count > 0; count -= run, out += run) {
    run = std::min(cursor.LeftOfRow(), count);
    const Element* row = from + cursor.offset();
    if (inner == 1) {
      std::memcpy(out, row, static_cast<size_t>(run) * sizeof(Element));
    } else if (inner == 0) {
      std::fill_n(out, run, *row);
    } else {
      for (int64_t i = 0; i < run; ++i) out[i] = row[i * inner];
    }
    cursor.NextRow();
  }
}

// As bytes of any type's size.
void GatherInput(const Map& job, const MapInput& input, const Cursor& cursor, int64_t count,
                 void* to) {
  const int64_t inner = input.stride[job.rank - 1];
  switch (DTypeBytes(input.dtype)) {
    case 1:
      return Gather<uint8_t>(input, cursor, inner, count, to);
    case 2:
      return Gather<uint16_t>(input, cursor, inner, count, to);
    case 4:
      return Gather<uint32_t>(input, cursor, inner, count, to);
    default:
      return Gather<uint64_t>(input, cursor, inner, count, to);
  }
}

const uint8_t* ElementAt(const void* data, int64_t index, DType dtype) {
  return static_cast<const uint8_t*>(data) + index * static_cast<int64_t>(DTypeBytes(dtype));
}

enum class Access {
  kRepeats,  // one element
  kDense,    // row-major, as the output
  kRows,     // anything else
  kHeld,     // dense, and must be copied before an output that lies in the same memory is written
};

class Walk {
 public:
  Walk(const MapTiles& tiles, const Map& job, uint8_t* scratch) : tiles_(tiles), job_(job) {
    const uintptr_t at = reinterpret_cast<uintptr_t>(scratch);
    buffers_ = scratch + (kLineBytes - at % kLineBytes) % kLineBytes;
    first_step_ = job.input_count + job.constant_count;
    inner_ = job.rank == 0 ? 1 : job.shape[job.rank - 1];
    for (int32_t i = 0; i < job.input_count; ++i) {
      access_[i] = AccessOf(i);
      has_rows_ = has_rows_ || access_[i] == Access::kRows;
    }
    for (int32_t i = 0; i < job.constant_count; ++i) {
      registers_[job.input_count + i] = {&job.constants[i].bits, 0};
    }
    for (int32_t i = 0; i < job.step_count; ++i) {
      registers_[first_step_ + i] = {Buffer(job.input_count + job.steps[i].slot), 1};
    }
    for (int32_t i = 0; i < job.output_count; ++i) is_direct_[i] = MayWriteDirectly(i);
    // Long rows are cut by themselves, so that their inputs need no copies.
    if (has_rows_ && inner_ >= kMapTile / 2) {
      const int64_t pieces = (inner_ + kMapTile - 1) / kMapTile;
      piece_ = ((inner_ + pieces - 1) / pieces + 15) / 16 * 16;
    }
  }

  void Run(int64_t begin, int64_t end) {
    while (begin < end) {
      int64_t count = std::min(kMapTile, end - begin);
      if (piece_ != 0) {
        const int64_t at = begin % inner_;
        count = std::min({count, piece_ - at % piece_, inner_ - at});
      }
      RunTile(begin, count);
      begin += count;
    }
  }

 private:
  uint8_t* Buffer(int32_t number) const {
    return buffers_ + static_cast<size_t>(number) * kBufferBytes;
  }

  Access AccessOf(int32_t number) const {
    const MapInput& input = job_.inputs[number];
    bool repeats = true, dense = true;
    int64_t inside = 1;
    for (int32_t axis = job_.rank - 1; axis >= 0; --axis) {
      if (job_.shape[axis] == 1) continue;
      repeats = repeats && input.stride[axis] == 0;
      dense = dense && input.stride[axis] == inside;
      inside *= job_.shape[axis];
    }
    if (repeats) return Access::kRepeats;
    if (!dense) return Access::kRows;
    bool delivered = false, overwritten = false;
    for (int32_t i = 0; i < job_.output_count; ++i) {
      const bool itself = job_.outputs[i].reg == number;
      delivered = delivered || itself;
      overwritten = overwritten || (!itself && job_.outputs[i].data == input.data);
    }
    return delivered && overwritten ? Access::kHeld : Access::kDense;
  }

  // Whether the step that makes output `number` may write into its memory: the first output of
  // that step, and no input that lies there is read later.
  bool MayWriteDirectly(int32_t number) const {
    const MapOutput& output = job_.outputs[number];
    if (output.reg < first_step_) return false;
    for (int32_t i = 0; i < number; ++i) {
      if (job_.outputs[i].reg == output.reg) return false;
    }
    for (int32_t i = 0; i < job_.input_count; ++i) {
      if (job_.inputs[i].data != output.data) continue;
      for (int32_t o = 0; o < job_.output_count; ++o) {
        if (job_.outputs[o].reg == i) return false;
      }
      for (int32_t s = output.reg - first_step_ + 1; s < job_.step_count; ++s) {
        for (const uint8_t operand : job_.steps[s].operands) {
          if (operand == i) return false;
        }
      }
    }
    return true;
  }

  MapOperand FetchRows(int32_t number, const Position& position, int64_t count) const {
    const MapInput& input = job_.inputs[number];
    const Cursor cursor(job_, input, position);
    const int64_t step = input.stride[job_.rank - 1];
    if (step <= 1 && count <= cursor.LeftOfRow()) {
      return {ElementAt(input.data, cursor.offset(), input.dtype), step};
    }
    uint8_t* buffer = Buffer(number);
    GatherInput(job_, input, cursor, count, buffer);
    return {buffer, 1};
  }

  MapOperand Fetch(int32_t number, int64_t begin, int64_t count) const {
    const MapInput& input = job_.inputs[number];
    if (access_[number] == Access::kRepeats) return {input.data, 0};
    const uint8_t* dense = ElementAt(input.data, begin, input.dtype);
    if (access_[number] == Access::kDense) return {dense, 1};
    uint8_t* buffer = Buffer(number);
    std::memcpy(buffer, dense, static_cast<size_t>(count) * DTypeBytes(input.dtype));
    return {buffer, 1};
  }

  void RunTile(int64_t begin, int64_t count) {
    if (has_rows_) {
      const Position position(job_, begin);
      for (int32_t i = 0; i < job_.input_count; ++i) {
        if (access_[i] == Access::kRows) registers_[i] = FetchRows(i, position, count);
      }
    }
    for (int32_t i = 0; i < job_.input_count; ++i) {
      if (access_[i] != Access::kRows) registers_[i] = Fetch(i, begin, count);
    }
    for (int32_t i = 0; i < job_.output_count; ++i) {
      if (is_direct_[i]) registers_[job_.outputs[i].reg] = {Place(i, begin), 1};
    }
    for (int32_t i = 0; i < job_.step_count; ++i) {
      if (job_.steps[i].with_next != 0) {
        RunPair(i++, count);
        continue;
      }
      const uint8_t* of = job_.steps[i].operands;
      const MapOperand operands[3] = {registers_[of[0]], registers_[of[1]], registers_[of[2]]};
      tiles_.of[job_.steps[i].function](operands, ResultOf(i), count);
    }
    for (int32_t i = 0; i < job_.output_count; ++i) {
      if (!is_direct_[i]) Deliver(job_.outputs[i], Place(i, begin), count);
    }
  }

  void* ResultOf(int32_t step) const {
    return const_cast<void*>(registers_[first_step_ + step].data);
  }

  void RunPair(int32_t i, int64_t count) {
    const MapStep& step = job_.steps[i];
    const MapStep& next = job_.steps[i + 1];
    const uint8_t* of = step.operands;
    const bool chooses = next.function == kMapSelectF32;
    const MapOperand operands[4] = {registers_[of[0]], registers_[of[1]],
                                    registers_[chooses ? next.operands[1] : of[2]],
                                    registers_[next.operands[chooses ? 2 : 1]]};
    tiles_.pairs[PairOf(step.function, next.function)](operands, ResultOf(i + 1), count);
  }

  uint8_t* Place(int32_t number, int64_t begin) const {
    const MapOutput& output = job_.outputs[number];
    return const_cast<uint8_t*>(ElementAt(output.data, begin, output.dtype));
  }

  void Deliver(const MapOutput& output, uint8_t* to, int64_t count) const {
    const MapOperand& from = registers_[output.reg];
    if (from.data == to) return;
    const size_t bytes = DTypeBytes(output.dtype);
    if (from.step != 0) {
      std::memcpy(to, from.data, static_cast<size_t>(count) * bytes);
      return;
    }
    for (int64_t i = 0; i < count; ++i, to += bytes) std::memcpy(to, from.data, bytes);
  }

  const MapTiles& tiles_;
  const Map& job_;
  uint8_t* buffers_;
  int32_t first_step_;
  int64_t inner_;
  int64_t piece_ = 0;  // 0: tiles go over the ends of rows
  bool has_rows_ = false;
  Access access_[kMapInputsMax];
  bool is_direct_[kMapOutputsMax];
  MapOperand registers_[kMapRegistersMax];
};

}  // namespace

size_t MapScratchBytes(const Map& job) {
  return static_cast<size_t>(job.input_count + job.slot_count) * kBufferBytes + kLineBytes;
}

void RunMap(const MapTiles& tiles, const Map& job, const MapPart& part, uint8_t* scratch) {
  if (part.begin >= part.end) return;
  Walk walk(tiles, job, scratch);
  for (int64_t i = 0; i <= part.repeats; ++i) {
    walk.Run(part.begin + i * part.apart, part.end + i * part.apart);
  }
}

}  // namespace quipu
