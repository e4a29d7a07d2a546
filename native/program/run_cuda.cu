#include <algorithm>
#include <vector>

#include "kernels/copy/copy_cuda.h"
#include "program/cuda_operators.h"
#include "program/operators/indices.h"
#include "program/operators/matmul_fast.h"
#include "program/run_cuda.h"
#include "support/cuda_check.h"
#include "support/cuda_memory.h"

namespace quipu {

// What a program holds on the device between runs.
struct CudaProgram::Device {
  ~Device() {
    if (stream != nullptr) (void)cudaStreamDestroy(stream);  // on a lost device nothing is left
  }

  cudaStream_t stream = nullptr;
  DeviceArray<uint8_t> constants;
  DeviceArray<uint8_t> prepared;
  DeviceArray<uint8_t> arena;
  DeviceArray<uint8_t> inputs;
  DeviceArray<float> scratch;
  DeviceArray<BadIndex> bad;
  std::vector<uint64_t> input_offsets;
  std::unique_ptr<FastMatmul> fast;  // what the last fast run asked for
};

namespace {

constexpr uint64_t kInputPlacementBytes = 256;

cudaError_t StartOperator(const CudaAddresses& at, const ProgramOperator& op, cudaStream_t stream) {
  switch (op.opcode) {
    case Opcode::kMatmul:
      return StartMatmul(at, op, stream);
    case Opcode::kMap:
      return StartMap(at, op, stream);
    case Opcode::kReduce:
      return StartReduce(at, op, stream);
    case Opcode::kSoftmax:
      return StartSoftmax(at, op, stream);
    case Opcode::kTrees:
      return StartTrees(at, op, stream);
    case Opcode::kNormalise:
      return StartNormalise(at, op, stream);
    case Opcode::kCopy:
      return StartCopy(at, op, stream);
    case Opcode::kGather:
    case Opcode::kGatherElements:
    case Opcode::kGatherNd:
      return StartGather(at, op, stream);
    case Opcode::kScatterElements:
    case Opcode::kScatterNd:
      return StartScatter(at, op, stream);
    case Opcode::kScan:
      return StartScan(at, op, stream);
    case Opcode::kTopK:
      return StartTopK(at, op, stream);
    case Opcode::kConvolution:
      return StartConvolution(at, op, stream);
    case Opcode::kPool:
      return StartPool(at, op, stream);
    default:
      return cudaErrorInvalidValue;
  }
}

int64_t ScratchFloats(const Program& program, const ProgramOperator& op) {
  switch (op.opcode) {
    case Opcode::kMatmul:
      return MatmulScratchFloats(program, op);
    case Opcode::kConvolution:
      return ConvolutionScratchFloats(program, op);
    default:
      return 0;
  }
}

// On this stream: a plain copy may return before the device has the bytes, and nothing makes a
// non-blocking stream wait for it.
Status Upload(DeviceArray<uint8_t>* to, const uint8_t* from, uint64_t bytes, cudaStream_t stream) {
  if (Status s = to->Allocate(bytes + 1); !s.ok()) return s;  // so that no allocation is empty
  if (bytes == 0) return Status{};
  QUIPU_CUDA_RETURN_IF_ERROR(
      cudaMemcpyAsync(to->get(), from, bytes, cudaMemcpyHostToDevice, stream));
  return Status{};
}

}  // namespace

CudaProgram::CudaProgram(const Program& program) : program_(program) {
  for (const ProgramOperator& op : program.operators) {
    has_indices_ =
        has_indices_ || (op.opcode >= Opcode::kGather && op.opcode <= Opcode::kScatterNd);
  }
}

CudaProgram::~CudaProgram() = default;

Status CudaProgram::Open(const uint8_t* prepared) {
  auto device = std::make_unique<Device>();
  QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking));
  uint64_t input_bytes = 0;
  for (uint32_t i = 0; i < program_.input_count; ++i) {
    device->input_offsets.push_back(input_bytes);
    const uint64_t rounded = program_.tensors[i].bytes + kInputPlacementBytes - 1;
    input_bytes += rounded / kInputPlacementBytes * kInputPlacementBytes;
  }
  if (Status s = device->inputs.Allocate(input_bytes + 1); !s.ok()) return s;
  if (Status s = device->arena.Allocate(program_.arena_bytes + 1); !s.ok()) return s;
  // What an operator leaves unwritten is then the same in every process, as on the CPU.
  QUIPU_CUDA_RETURN_IF_ERROR(LaunchFill(
      device->arena.get(), 1, 0, static_cast<int64_t>(program_.arena_bytes), device->stream));
  if (has_indices_) {
    if (Status s = device->bad.Allocate(program_.operators.size()); !s.ok()) return s;
  }
  Status s =
      Upload(&device->constants, program_.constants.get(), program_.constant_bytes, device->stream);
  if (s.ok()) s = Upload(&device->prepared, prepared, program_.prepared_bytes, device->stream);
  if (!s.ok()) return s;
  int64_t scratch_floats = 0;
  for (size_t i = program_.prelude_count; i < program_.operators.size(); ++i) {
    scratch_floats = std::max(scratch_floats, ScratchFloats(program_, program_.operators[i]));
  }
  // Without it all runs as well, only slower.
  if (scratch_floats > 0 && !device->scratch.Allocate(static_cast<size_t>(scratch_floats)).ok()) {
    ForgetCudaError();
  }
  device_ = std::move(device);
  return s;
}

Status CudaProgram::OpenFast(const CudaAddresses& at, Fast precision) {
  std::unique_ptr<FastMatmul>& fast = device_->fast;
  if (precision == Fast::kNone || (fast != nullptr && fast->precision() == precision)) {
    return Status{};
  }
  fast.reset();
  return FastMatmul::Open(at, precision, &fast);
}

Status CudaProgram::Run(const ProgramRun& run, const uint8_t* prepared) {
  QUIPU_CUDA_RETURN_IF_ERROR(cudaSetDevice(0));  // the current device is a fact of each thread
  ForgetCudaError();
  if (device_ == nullptr) {
    if (Status s = Open(prepared); !s.ok()) return s;
  }
  const cudaStream_t stream = device_->stream;
  const CudaAddresses at{program_,
                         device_->constants.get(),
                         device_->prepared.get(),
                         device_->arena.get(),
                         device_->inputs.get(),
                         device_->input_offsets,
                         device_->scratch.get(),
                         device_->bad.get()};
  if (Status s = OpenFast(at, run.fast); !s.ok()) return s;
  std::vector<BadIndex> bad(program_.operators.size(), BadIndex{-1, 0, 0});
  const size_t bad_bytes = bad.size() * sizeof(BadIndex);
  if (has_indices_) {
    QUIPU_CUDA_RETURN_IF_ERROR(
        cudaMemcpyAsync(at.bad, bad.data(), bad_bytes, cudaMemcpyHostToDevice, stream));
  }
  for (uint32_t i = 0; i < program_.input_count; ++i) {
    QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpyAsync(at.At(i), run.inputs[i], program_.tensors[i].bytes,
                                               cudaMemcpyHostToDevice, stream));
  }
  for (size_t i = program_.prelude_count; i < program_.operators.size(); ++i) {
    if (!run.go_on(1)) {
      QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamSynchronize(stream));  // the inputs are only lent
      return RunCancelled();
    }
    const ProgramOperator& op = program_.operators[i];
    if (run.fast != Fast::kNone && op.opcode == Opcode::kMatmul) {
      if (Status s = device_->fast->Start(at, op, stream); !s.ok()) {
        (void)cudaStreamSynchronize(stream);  // the inputs are only lent
        return s;
      }
    } else {
      QUIPU_CUDA_RETURN_IF_ERROR(StartOperator(at, op, stream));
    }
  }
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const uint32_t tensor = program_.outputs[i];
    QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpyAsync(run.outputs[i], at.At(tensor),
                                               program_.tensors[tensor].bytes,
                                               cudaMemcpyDeviceToHost, stream));
  }
  if (has_indices_) {
    QUIPU_CUDA_RETURN_IF_ERROR(
        cudaMemcpyAsync(bad.data(), at.bad, bad_bytes, cudaMemcpyDeviceToHost, stream));
  }
  QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamSynchronize(stream));
  for (const BadIndex& one : bad) {
    if (one.position >= 0) return BadIndexError(one);
  }
  return Status{};
}

}  // namespace quipu
