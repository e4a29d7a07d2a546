#include "program/run_cpu.h"

#include <algorithm>
#include <cstring>

#include "program/broadcast.h"
#include "program/split.h"
#include "support/floating_mode.h"
#include "support/thread_pool.h"

namespace quipu {
namespace {

// Below so much work a piece costs more to wake than it saves.
constexpr int64_t kFusedPerPiece = int64_t{1} << 21;
constexpr int64_t kElementsPerPiece = int64_t{1} << 16;

// Tiles are cut where the micro tiles of every backend end: multiples of 6 and 14, and of 32.
constexpr int64_t kRowUnit = 42;
constexpr int64_t kColumnUnit = 32;

class Runner {
 public:
  Runner(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
         CpuMemory* memory)
      : program_(program), kernels_(kernels), run_(run), memory_(memory) {}

  Status Prepare() {
    const size_t pieces = run_.pieces == 0 ? ThreadPool::Shared().width() : run_.pieces;
    size_t bytes = 64;
    for (const ProgramOperator& op : program_.operators) {
      if (op.opcode == Opcode::kMatmul) bytes = std::max(bytes, kMatmulScratchBytes);
      if (op.opcode == Opcode::kTopK) {
        const ProgramTensor& rows = program_.tensors[op.tensors[0]];
        const auto length = static_cast<size_t>(rows.shape[rows.rank - 1]);
        bytes = std::max(bytes, length * sizeof(uint64_t));
      }
    }
    if (memory_->arena == nullptr) {
      memory_->arena = AllocateAligned<uint8_t>(program_.arena_bytes);
      if (memory_->arena == nullptr) return OutOfMemory(program_.arena_bytes);
    }
    if (memory_->scratch_bytes < bytes) memory_->scratch.clear();
    memory_->scratch_bytes = std::max(memory_->scratch_bytes, bytes);
    while (memory_->scratch.size() < pieces) {
      memory_->scratch.push_back(AllocateAligned<uint8_t>(memory_->scratch_bytes));
      if (memory_->scratch.back() == nullptr) {
        memory_->scratch.pop_back();
        return OutOfMemory(memory_->scratch_bytes);
      }
    }
    return Status{};
  }

  void Run(const ProgramOperator& op) {
    switch (op.opcode) {
      case Opcode::kMatmul:
        return RunMatmul(op);
      case Opcode::kAdd:
        return RunElementwise(op, kernels_.add);
      case Opcode::kMultiply:
        return RunElementwise(op, kernels_.multiply);
      case Opcode::kTopK:
        return RunTopK(op);
    }
  }

  void Deliver() {
    for (size_t i = 0; i < program_.outputs.size(); ++i) {
      const uint32_t tensor = program_.outputs[i];
      DeliverOutput(program_.tensors[tensor], kernels_, At(tensor), run_.outputs[i]);
    }
  }

 private:
  static Status OutOfMemory(uint64_t bytes) {
    return Error(Code::kLimitExceeded,
                 "this host cannot give " + std::to_string(bytes) + " bytes of working memory",
                 "use a smaller batch or a larger host");
  }

  const uint8_t* At(uint32_t tensor) const {
    const ProgramTensor& t = program_.tensors[tensor];
    switch (t.place) {
      case Place::kInput:
        return run_.inputs[tensor];
      case Place::kConstant:
        return program_.constants.get() + t.offset;
      case Place::kArena:
        break;
    }
    return memory_->arena.get() + t.offset;
  }

  const float* Floats(uint32_t tensor) const { return reinterpret_cast<const float*>(At(tensor)); }

  uint8_t* Writable(uint32_t tensor) const {
    return memory_->arena.get() + program_.tensors[tensor].offset;
  }

  int64_t PiecesFor(int64_t work, int64_t work_per_piece) const {
    if (run_.pieces != 0) return static_cast<int64_t>(run_.pieces);
    const auto width = static_cast<int64_t>(ThreadPool::Shared().width());
    return std::clamp<int64_t>(work / work_per_piece, 1, width);
  }

  void RunMatmul(const ProgramOperator& op) {
    const ProgramTensor& a = program_.tensors[op.tensors[0]];
    const ProgramTensor& b = program_.tensors[op.tensors[1]];
    const ProgramTensor& c = program_.tensors[op.tensors[2]];
    const int64_t m = a.shape[a.rank - 2];
    const int64_t k = a.shape[a.rank - 1];
    const int64_t n = b.shape[b.rank - 1];
    if (c.elements == 0) return;
    const int64_t matrices = c.elements / (m * n);
    const BroadcastWalk walk = WalkOf(a, b, c, 2);
    const float* a_data = Floats(op.tensors[0]);
    const float* b_data = Floats(op.tensors[1]);
    auto* c_data = reinterpret_cast<float*>(Writable(op.tensors[2]));
    // c.elements · k fits: each is a size in memory below 2^60 of at least one tensor; a product
    // that would not fit is cut off, since only its size class matters here.
    int64_t work = 0;
    if (__builtin_mul_overflow(c.elements, k, &work)) work = INT64_MAX;
    const int64_t pieces = PiecesFor(work, kFusedPerPiece);
    const Grid grid = matrices >= pieces ? Grid{} : GridOf(m, n, pieces, kRowUnit, kColumnUnit);
    const int64_t tiles = grid.rows * grid.columns;
    const int64_t lanes = std::min(pieces, matrices * tiles);
    ThreadPool::Shared().ParallelFor(static_cast<size_t>(lanes), [&](size_t lane) {
      const Range mine = PartOf(matrices * tiles, lanes, static_cast<int64_t>(lane), 1);
      for (int64_t t = mine.begin; t < mine.end; ++t) {
        int64_t a_at = 0;
        int64_t b_at = 0;
        walk.Locate(t / tiles, &a_at, &b_at);
        const Range i = PartOf(m, grid.rows, t % tiles / grid.columns, kRowUnit);
        const Range j = PartOf(n, grid.columns, t % grid.columns, kColumnUnit);
        Matmul job{a_data + a_at * m * k + i.begin * k,
                   b_data + b_at * k * n + j.begin,
                   c_data + t / tiles * m * n + i.begin * n + j.begin,
                   k,
                   n,
                   n,
                   i.end - i.begin,
                   j.end - j.begin,
                   k};
        kernels_.matmul(job, reinterpret_cast<float*>(memory_->scratch[lane].get()));
      }
    });
  }

  void RunElementwise(const ProgramOperator& op, ElementwiseF32 kernel) {
    const ProgramTensor& c = program_.tensors[op.tensors[2]];
    if (c.elements == 0) return;
    const BroadcastWalk walk =
        WalkOf(program_.tensors[op.tensors[0]], program_.tensors[op.tensors[1]], c, 0);
    const float* a = Floats(op.tensors[0]);
    const float* b = Floats(op.tensors[1]);
    auto* out = reinterpret_cast<float*>(Writable(op.tensors[2]));
    const int64_t run = walk.shape[walk.rank - 1];
    const int64_t pieces = PiecesFor(c.elements, kElementsPerPiece);
    ThreadPool::Shared().ParallelFor(static_cast<size_t>(pieces), [&](size_t piece) {
      const Range mine = PartOf(c.elements, pieces, static_cast<int64_t>(piece), 16);
      for (int64_t at = mine.begin; at < mine.end;) {
        const int64_t count = std::min(run - at % run, mine.end - at);
        int64_t a_at = 0;
        int64_t b_at = 0;
        walk.Locate(at, &a_at, &b_at);
        kernel(Elementwise{a + a_at, b + b_at, out + at, count, walk.a_stride[walk.rank - 1],
                           walk.b_stride[walk.rank - 1]});
        at += count;
      }
    });
  }

  void RunTopK(const ProgramOperator& op) {
    const ProgramTensor& rows = program_.tensors[op.tensors[0]];
    const ProgramTensor& values = program_.tensors[op.tensors[1]];
    if (values.elements == 0) return;
    const int64_t length = rows.shape[rows.rank - 1];
    const int64_t k = values.shape[values.rank - 1];
    const int64_t count = rows.elements / length;
    const float* from = Floats(op.tensors[0]);
    auto* out = reinterpret_cast<float*>(Writable(op.tensors[1]));
    auto* indices = reinterpret_cast<int64_t*>(Writable(op.tensors[2]));
    const int64_t pieces = std::min(PiecesFor(rows.elements, kElementsPerPiece), count);
    ThreadPool::Shared().ParallelFor(static_cast<size_t>(pieces), [&](size_t piece) {
      const Range mine = PartOf(count, pieces, static_cast<int64_t>(piece), 1);
      kernels_.topk(TopK{from + mine.begin * length, out + mine.begin * k, indices + mine.begin * k,
                         mine.end - mine.begin, length, k, op.attributes[0] == 1},
                    reinterpret_cast<uint64_t*>(memory_->scratch[piece].get()));
    });
  }

  const Program& program_;
  const TensorKernels& kernels_;
  const ProgramRun& run_;
  CpuMemory* const memory_;
};

}  // namespace

void DeliverOutput(const ProgramTensor& tensor, const TensorKernels& kernels, const uint8_t* from,
                   uint8_t* to) {
  if (tensor.bytes == 0) return;
  if (tensor.dtype == DType::kF32) {
    kernels.canonical_nan(reinterpret_cast<const uint32_t*>(from), reinterpret_cast<uint32_t*>(to),
                          tensor.elements);
  } else if (from != to) {
    std::memcpy(to, from, tensor.bytes);
  }
}

Status RunOnCpu(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                CpuMemory* memory) {
  const CanonicalFloatingMode mode;
  Runner runner(program, kernels, run, memory);
  if (Status s = runner.Prepare(); !s.ok()) return s;
  for (const ProgramOperator& op : program.operators) {
    if (run.cancelled && run.cancelled()) return Error(Code::kCancelled, "the run was cancelled");
    runner.Run(op);
  }
  runner.Deliver();
  return Status{};
}

}  // namespace quipu
