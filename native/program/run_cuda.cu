#include <algorithm>
#include <vector>

#include "kernels/elementwise/elementwise_cuda.h"
#include "kernels/matmul/matmul_cuda.h"
#include "kernels/topk/topk_cuda.h"
#include "program/broadcast.h"
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
  DeviceArray<uint8_t> arena;
  DeviceArray<uint8_t> inputs;
  std::vector<uint64_t> input_offsets;
};

namespace {

constexpr uint64_t kPlacementBytes = 256;

struct Addresses {
  const Program& program;
  uint8_t* constants;
  uint8_t* arena;
  uint8_t* inputs;
  const std::vector<uint64_t>& input_offsets;

  uint8_t* Of(uint32_t tensor) const {
    const ProgramTensor& t = program.tensors[tensor];
    switch (t.place) {
      case Place::kInput:
        return inputs + input_offsets[tensor];
      case Place::kConstant:
        return constants + t.offset;
      case Place::kArena:
        break;
    }
    return arena + t.offset;
  }
  float* Floats(uint32_t tensor) const { return reinterpret_cast<float*>(Of(tensor)); }
};

cudaError_t RunMatmul(const Addresses& at, const ProgramOperator& op, cudaStream_t stream) {
  const ProgramTensor& a = at.program.tensors[op.tensors[0]];
  const ProgramTensor& b = at.program.tensors[op.tensors[1]];
  const ProgramTensor& c = at.program.tensors[op.tensors[2]];
  if (c.elements == 0) return cudaSuccess;
  const int64_t m = a.shape[a.rank - 2];
  const int64_t k = a.shape[a.rank - 1];
  const int64_t n = b.shape[b.rank - 1];
  const BroadcastWalk walk = WalkOf(a, b, c, 2);
  for (int64_t matrix = 0; matrix < c.elements / (m * n); ++matrix) {
    int64_t a_at = 0;
    int64_t b_at = 0;
    walk.Locate(matrix, &a_at, &b_at);
    const Matmul job{at.Floats(op.tensors[0]) + a_at * m * k,
                     at.Floats(op.tensors[1]) + b_at * k * n,
                     at.Floats(op.tensors[2]) + matrix * m * n,
                     k,
                     n,
                     n,
                     m,
                     n,
                     k};
    if (const cudaError_t error = LaunchMatmulF32(job, stream); error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

ElementwiseGrid GridOfElements(const Addresses& at, const ProgramOperator& op) {
  const ProgramTensor& out = at.program.tensors[op.tensors[2]];
  const BroadcastWalk walk =
      WalkOf(at.program.tensors[op.tensors[0]], at.program.tensors[op.tensors[1]], out, 0);
  ElementwiseGrid grid = {};
  grid.a = at.Floats(op.tensors[0]);
  grid.b = at.Floats(op.tensors[1]);
  grid.out = at.Floats(op.tensors[2]);
  grid.count = out.elements;
  grid.rank = walk.rank;
  std::copy_n(walk.shape, 8, grid.shape);
  std::copy_n(walk.a_stride, 8, grid.a_stride);
  std::copy_n(walk.b_stride, 8, grid.b_stride);
  return grid;
}

cudaError_t RunTopK(const Addresses& at, const ProgramOperator& op, cudaStream_t stream) {
  const ProgramTensor& rows = at.program.tensors[op.tensors[0]];
  const ProgramTensor& values = at.program.tensors[op.tensors[1]];
  if (values.elements == 0) return cudaSuccess;
  const int64_t length = rows.shape[rows.rank - 1];
  const TopK job{at.Floats(op.tensors[0]),
                 at.Floats(op.tensors[1]),
                 reinterpret_cast<int64_t*>(at.Of(op.tensors[2])),
                 rows.elements / length,
                 length,
                 values.shape[values.rank - 1],
                 op.attributes[0] == 1};
  return LaunchTopKF32(job, stream);
}

cudaError_t RunOperator(const Addresses& at, const ProgramOperator& op, cudaStream_t stream) {
  switch (op.opcode) {
    case Opcode::kMatmul:
      return RunMatmul(at, op, stream);
    case Opcode::kAdd:
      return LaunchAddF32(GridOfElements(at, op), stream);
    case Opcode::kMultiply:
      return LaunchMultiplyF32(GridOfElements(at, op), stream);
    case Opcode::kTopK:
      return RunTopK(at, op, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace

CudaProgram::CudaProgram(const Program& program) : program_(program) {}

CudaProgram::~CudaProgram() = default;

Status CudaProgram::Run(const ProgramRun& run) {
  QUIPU_CUDA_RETURN_IF_ERROR(cudaSetDevice(0));  // the current device is a fact of each thread
  ForgetCudaError();
  if (device_ == nullptr) {
    auto device = std::make_unique<Device>();
    QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamCreateWithFlags(&device->stream, cudaStreamNonBlocking));
    uint64_t input_bytes = 0;
    for (uint32_t i = 0; i < program_.input_count; ++i) {
      device->input_offsets.push_back(input_bytes);
      const uint64_t rounded = program_.tensors[i].bytes + kPlacementBytes - 1;
      input_bytes += rounded / kPlacementBytes * kPlacementBytes;
    }
    // One byte more, so that no allocation is empty.
    if (Status s = device->inputs.Allocate(input_bytes + 1); !s.ok()) return s;
    if (Status s = device->arena.Allocate(program_.arena_bytes + 1); !s.ok()) return s;
    if (Status s = device->constants.Allocate(program_.constant_bytes + 1); !s.ok()) return s;
    // On this stream: a plain copy may return before the device has the bytes, and nothing makes a
    // non-blocking stream wait for it.
    QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpyAsync(device->constants.get(), program_.constants.get(),
                                               program_.constant_bytes, cudaMemcpyHostToDevice,
                                               device->stream));
    device_ = std::move(device);
  }
  const cudaStream_t stream = device_->stream;
  const Addresses at{program_, device_->constants.get(), device_->arena.get(),
                     device_->inputs.get(), device_->input_offsets};
  for (uint32_t i = 0; i < program_.input_count; ++i) {
    QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpyAsync(at.Of(i), run.inputs[i], program_.tensors[i].bytes,
                                               cudaMemcpyHostToDevice, stream));
  }
  for (const ProgramOperator& op : program_.operators) {
    if (run.cancelled && run.cancelled()) {
      QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamSynchronize(stream));  // the inputs are only lent
      return Error(Code::kCancelled, "the run was cancelled");
    }
    QUIPU_CUDA_RETURN_IF_ERROR(RunOperator(at, op, stream));
  }
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const uint32_t tensor = program_.outputs[i];
    QUIPU_CUDA_RETURN_IF_ERROR(cudaMemcpyAsync(run.outputs[i], at.Of(tensor),
                                               program_.tensors[tensor].bytes,
                                               cudaMemcpyDeviceToHost, stream));
  }
  QUIPU_CUDA_RETURN_IF_ERROR(cudaStreamSynchronize(stream));
  return Status{};
}

}  // namespace quipu
