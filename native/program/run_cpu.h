// Runs a decoded program on the CPU: operators in order, each split over independent outputs, so
// that neither the number of pieces nor the order in which they finish can change a bit.
#ifndef QUIPU_PROGRAM_RUN_CPU_H_
#define QUIPU_PROGRAM_RUN_CPU_H_

#include <algorithm>
#include <vector>

#include "dispatch/tensor_kernels.h"
#include "program/program.h"
#include "program/split.h"
#include "quipu/fast.h"
#include "quipu/go_on.h"
#include "support/thread_pool.h"

namespace quipu {

struct ProgramRun {
  std::vector<const uint8_t*> inputs;  // sizes are those of the program's first tensors
  std::vector<uint8_t*> outputs;       // sizes are those of the program's output tensors
  size_t pieces = 0;                   // an operator is split into so many; 0 chooses by its size
  GoOn go_on = Always;                 // told of each operator, asked between parts of long ones
  Fast fast = Fast::kNone;             // how a device that can computes matrix products
};

// Working memory that outlives a run, so that a program that runs often asks for it once.
struct CpuMemory {
  AlignedArray<uint8_t> arena;
  AlignedArray<uint8_t> prepared;
  const TensorKernels* prepared_by = nullptr;  // whose prelude has run
  std::vector<const float*> operands;          // by operator: what its kind has prepared, or null
  std::vector<AlignedArray<float>> operand_memory;
  const TensorKernels* operands_of = nullptr;  // for whom
  std::vector<AlignedArray<uint8_t>> scratch;  // one a piece
  size_t scratch_bytes = 0;
  size_t epilogue_at = 0;  // where in a piece's memory that of an epilogue begins
};

inline Status RunCancelled() { return Error(Code::kCancelled, "the run was cancelled"); }

// Below so much work a piece costs more to wake than it saves.
constexpr int64_t kFusedPerPiece = int64_t{1} << 18;
constexpr int64_t kElementsPerPiece = int64_t{1} << 13;

// So many elements looked at take a few milliseconds: after them somebody may want to stop.
constexpr int64_t kElementsPerStep = int64_t{1} << 22;

// Results that no cache will still hold when they are read again are written past them.
constexpr uint64_t kStreamedBytes = uint64_t{16} << 20;
inline bool IsStreamed(uint64_t bytes) { return bytes >= kStreamedBytes; }

// What an operator sees of a run.
class CpuRun {
 public:
  // `epilogue`: a map, with its pointers, that runs on what the operator has computed; or null.
  CpuRun(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
         const CpuMemory& memory, const Map* epilogue = nullptr)
      : program(program), kernels(kernels), run_(run), memory_(memory), epilogue_(epilogue) {}

  const Program& program;
  const TensorKernels& kernels;

  template <class T = float>
  const T* Read(const ProgramOperator& op, size_t i) const {
    return reinterpret_cast<const T*>(At(op.reads[i]));
  }
  template <class T = float>
  T* Written(const ProgramOperator& op, size_t i) const {
    return reinterpret_cast<T*>(const_cast<uint8_t*>(At(op.writes[i])));
  }
  const uint8_t* At(uint32_t tensor) const;

  template <class T = uint8_t>
  T* Scratch(size_t piece) const {
    return reinterpret_cast<T*>(memory_.scratch[piece].get());
  }

  // What was prepared for an operator; null: nothing.
  const float* Prepared(const ProgramOperator& op) const {
    const auto index = static_cast<size_t>(&op - program.operators.data());
    return index < memory_.operands.size() ? memory_.operands[index] : nullptr;
  }

  // Long work may be broken off every few milliseconds.
  bool Stopped() const { return !run_.go_on(0); }

  bool has_epilogue() const { return epilogue_ != nullptr; }
  // A part of what the operator writes is there: the epilogue takes it.
  void Finish(MapPart part, size_t piece) const {
    if (part.end - part.begin == part.apart)
      part = {part.begin, part.end + part.repeats * part.apart};
    kernels.map(*epilogue_, part, memory_.scratch[piece].get() + memory_.epilogue_at);
  }

  // How many pieces so much work is worth.
  int64_t PiecesFor(int64_t work, int64_t work_per_piece) const {
    if (run_.pieces != 0) return static_cast<int64_t>(run_.pieces);
    const auto width = static_cast<int64_t>(ThreadPool::Shared().width());
    return std::clamp<int64_t>(work / work_per_piece, 1, width);
  }

  // Calls work(range, piece) for parts of [0, count) that are cut at multiples of `unit`.
  template <class Work>
  void Split(int64_t count, int64_t pieces, int64_t unit, const Work& work) const {
    ThreadPool::Shared().ParallelFor(static_cast<size_t>(pieces), [&](size_t piece) {
      const Range mine = PartOf(count, pieces, static_cast<int64_t>(piece), unit);
      if (mine.begin < mine.end) work(mine, piece);
    });
  }

  // Calls work(range) for parts of `mine`, one after the other, until the run is stopped. Each
  // looks at kElementsPerStep elements, `elements` for one of `mine`, in whole units, at least one.
  template <class Work>
  void InSteps(Range mine, int64_t elements, int64_t unit, const Work& work) const {
    const int64_t units = kElementsPerStep / std::max<int64_t>(elements, 1) / unit;
    const int64_t step = std::max<int64_t>(units, 1) * unit;
    for (int64_t at = mine.begin; at < mine.end && !Stopped(); at += step) {
      work(Range{at, std::min(at + step, mine.end)});
    }
  }

 private:
  const ProgramRun& run_;
  const CpuMemory& memory_;
  const Map* const epilogue_;
};

// A map of the program with the addresses of this run.
Map MapOf(const CpuRun& run, const ProgramOperator& op);

Status RunOnCpu(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                CpuMemory* memory);

// The part of a run that is the same in every run, unless this backend has done it already.
Status PrepareOnCpu(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                    CpuMemory* memory);

// Copies a tensor to where its caller wants it, each NaN made canonical.
void DeliverOutput(const ProgramTensor& tensor, const TensorKernels& kernels, const uint8_t* from,
                   uint8_t* to);

}  // namespace quipu

#endif  // QUIPU_PROGRAM_RUN_CPU_H_
