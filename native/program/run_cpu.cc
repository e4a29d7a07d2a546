#include "program/run_cpu.h"

#include <cstring>
#include <map>
#include <tuple>

#include "program/operator.h"
#include "support/floating_mode.h"

namespace quipu {
namespace {

// Fewer bytes are cleaned or copied in less time than a thread needs to wake.
constexpr int64_t kDeliveredPerPiece = int64_t{1} << 20;

Status NoMemory(uint64_t bytes) {
  return Error(Code::kLimitExceeded,
               "this host cannot give " + std::to_string(bytes) + " bytes of working memory",
               "use a smaller batch or a larger host");
}

// Zeroed once: what an operator leaves unwritten is then the same in every process.
Status AllocateZeroed(uint64_t bytes, AlignedArray<uint8_t>* memory) {
  if (*memory != nullptr) return Status{};
  *memory = AllocateAligned<uint8_t>(bytes);
  if (*memory == nullptr) return NoMemory(bytes);
  std::memset(memory->get(), 0, bytes);
  return Status{};
}

Status AllocateScratch(const Program& program, size_t pieces, CpuMemory* memory) {
  size_t bytes = kAlignmentBytes;
  size_t epilogue_bytes = 0;
  for (const ProgramOperator& op : program.operators) {
    const OperatorKind& kind = *KindOf(op.opcode);
    if (kind.scratch_bytes != nullptr) bytes = std::max(bytes, kind.scratch_bytes(program, op));
    if (op.opcode == Opcode::kMap) {
      epilogue_bytes = std::max(epilogue_bytes, MapScratchBytes(program.maps[op.map]));
    }
  }
  memory->epilogue_at = (bytes + kAlignmentBytes - 1) / kAlignmentBytes * kAlignmentBytes;
  bytes = memory->epilogue_at + epilogue_bytes;
  if (Status s = AllocateZeroed(program.prepared_bytes, &memory->prepared); !s.ok()) return s;
  if (memory->scratch_bytes < bytes) memory->scratch.clear();
  memory->scratch_bytes = std::max(memory->scratch_bytes, bytes);
  while (memory->scratch.size() < pieces) {
    AlignedArray<uint8_t> scratch = AllocateAligned<uint8_t>(memory->scratch_bytes);
    if (scratch == nullptr) return NoMemory(memory->scratch_bytes);
    memory->scratch.push_back(std::move(scratch));
  }
  return Status{};
}

Status RunOperators(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                    const CpuMemory& memory, size_t begin, size_t end) {
  const CpuRun plain(program, kernels, run, memory);
  for (size_t i = begin; i < end; ++i) {
    const ProgramOperator& op = program.operators[i];
    const OperatorKind& kind = *KindOf(op.opcode);
    Status status;
    if (op.has_epilogue) {
      const Map epilogue = MapOf(plain, program.operators[++i]);
      status = kind.run(CpuRun(program, kernels, run, memory, &epilogue), op);
    } else {
      status = kind.run(plain, op);
    }
    if (!status.ok()) return status;
    if (!run.go_on(op.has_epilogue ? 2 : 1)) return RunCancelled();
  }
  return Status{};
}

// Within the memory that the program leaves of what it may take; where that is used up, and where
// the host has none, operators read their operands as they are.
Status PrepareOperands(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                       CpuMemory* memory) {
  if (memory->operands_of == &kernels) return Status{};
  memory->operands_of = nullptr;  // until all are there
  memory->operands.assign(program.operators.size(), nullptr);
  memory->operand_memory.clear();
  uint64_t left = program.spare_bytes;
  // By all that they are made of: the steps of a loop share theirs.
  std::map<std::tuple<Opcode, uint32_t, std::vector<int64_t>>, const float*> made;
  const CpuRun cpu(program, kernels, run, *memory);
  for (size_t i = program.prelude_count; i < program.operators.size(); ++i) {
    const ProgramOperator& op = program.operators[i];
    const OperatorKind& kind = *KindOf(op.opcode);
    if (kind.prepared_elements == nullptr || kernels.matmul_pack == nullptr) continue;
    const int64_t elements = kind.prepared_elements(program, op);
    if (elements == 0) continue;
    const float*& shared = made[{op.opcode, op.reads[1], op.words}];
    const uint64_t bytes = static_cast<uint64_t>(elements) * sizeof(float);
    if (shared == nullptr && bytes <= left) {
      AlignedArray<float> fresh = AllocateAligned<float>(static_cast<size_t>(elements));
      if (fresh == nullptr) continue;
      if (!run.go_on(0)) return RunCancelled();
      if (!kind.prepare(cpu, op, fresh.get())) continue;
      left -= bytes;
      shared = fresh.get();
      memory->operand_memory.push_back(std::move(fresh));
    }
    memory->operands[i] = shared;
  }
  memory->operands_of = &kernels;
  return Status{};
}

}  // namespace

const uint8_t* CpuRun::At(uint32_t tensor) const {
  const ProgramTensor& t = program.tensors[tensor];
  switch (t.place) {
    case Place::kInput:
      return run_.inputs[tensor];
    case Place::kConstant:
      return program.constants.get() + t.offset;
    case Place::kPrepared:
      return memory_.prepared.get() + t.offset;
    case Place::kArena:
      break;
  }
  return t.output < 0 ? memory_.arena.get() + t.offset : run_.outputs[t.output];
}

void DeliverOutput(const ProgramTensor& tensor, const TensorKernels& kernels, const uint8_t* from,
                   uint8_t* to) {
  const bool may_be_nan = tensor.dtype == DType::kF32;
  if (tensor.bytes == 0 || (from == to && !may_be_nan)) return;
  ThreadPool& pool = ThreadPool::Shared();
  const auto width = static_cast<int64_t>(pool.width());
  const auto bytes = static_cast<int64_t>(tensor.bytes);
  const int64_t pieces = std::clamp<int64_t>(bytes / kDeliveredPerPiece, 1, width);
  pool.ParallelFor(static_cast<size_t>(pieces), [&](size_t piece) {
    const Range mine = PartOf(bytes, pieces, static_cast<int64_t>(piece), kAlignmentBytes);
    if (may_be_nan) {
      kernels.canonical_nan(reinterpret_cast<const uint32_t*>(from + mine.begin),
                            reinterpret_cast<uint32_t*>(to + mine.begin),
                            (mine.end - mine.begin) / 4);
    } else {
      std::memcpy(to + mine.begin, from + mine.begin, static_cast<size_t>(mine.end - mine.begin));
    }
  });
}

Status PrepareOnCpu(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                    CpuMemory* memory) {
  const CanonicalFloatingMode mode;
  const size_t pieces = run.pieces == 0 ? ThreadPool::Shared().width() : run.pieces;
  if (memory->prepared_by == &kernels && memory->scratch.size() >= pieces) {
    return run.go_on(program.prelude_count) ? Status{} : RunCancelled();
  }
  if (Status s = AllocateScratch(program, pieces, memory); !s.ok()) return s;
  memory->prepared_by = nullptr;  // until it is whole
  const size_t count = program.prelude_count;
  if (Status s = RunOperators(program, kernels, run, *memory, 0, count); !s.ok()) return s;
  memory->prepared_by = &kernels;
  return Status{};
}

Status RunOnCpu(const Program& program, const TensorKernels& kernels, const ProgramRun& run,
                CpuMemory* memory) {
  const CanonicalFloatingMode mode;
  if (Status s = PrepareOnCpu(program, kernels, run, memory); !s.ok()) return s;
  if (Status s = AllocateZeroed(program.arena_bytes, &memory->arena); !s.ok()) return s;
  if (Status s = PrepareOperands(program, kernels, run, memory); !s.ok()) return s;
  const size_t all = program.operators.size();
  Status status = RunOperators(program, kernels, run, *memory, program.prelude_count, all);
  if (!status.ok()) return status;
  const CpuRun cpu(program, kernels, run, *memory);
  for (size_t i = 0; i < program.outputs.size(); ++i) {
    const uint32_t tensor = program.outputs[i];
    DeliverOutput(program.tensors[tensor], kernels, cpu.At(tensor), run.outputs[i]);
  }
  return Status{};
}

}  // namespace quipu
