// Eight elements a thread, and each step decoded once for them. At 3 TB/s a multiprocessor has 118
// instructions of a lane for an element of a sum (12 bytes), 79 for one of x to f(x) (8 bytes).
//
// Inputs are read where a step asks for them, with 16 bytes a load where they lie so. What a step
// gives stays in registers for the next one; what is read later is kept in shared memory, each
// thread's own. The commonest maps take less (map_chain.cu). Maps with elements of 8 bytes, or that
// keep more than fits, take one element a thread, in local memory.
#include "kernels/map/map_cuda.h"
#include "kernels/map/map_device.h"
#include "kernels/map/map_plan.h"
#include "support/cuda_check.h"
#include "support/cuda_grid.h"
#include "support/quads.h"

namespace quipu {
namespace {

constexpr int kSharedColumns = 6;

template <class Word>
__device__ __forceinline__ Word ReadElement(const void* data, int bytes, int64_t at) {
  if (bytes == 4) return static_cast<const uint32_t*>(data)[at];
  if (bytes == 1) return static_cast<const uint8_t*>(data)[at];
  if (bytes == 2 || sizeof(Word) == 4) return static_cast<const uint16_t*>(data)[at];
  return static_cast<Word>(static_cast<const uint64_t*>(data)[at]);
}

template <class Word>
__device__ __forceinline__ void WriteElement(void* data, int bytes, int64_t at, Word word) {
  if (bytes == 4) {
    static_cast<uint32_t*>(data)[at] = static_cast<uint32_t>(word);
  } else if (bytes == 1) {
    static_cast<uint8_t*>(data)[at] = static_cast<uint8_t>(word);
  } else if (bytes == 2 || sizeof(Word) == 4) {
    static_cast<uint16_t*>(data)[at] = static_cast<uint16_t>(word);
  } else {
    static_cast<uint64_t*>(data)[at] = word;
  }
}

// One thread on its way through a map.
template <class Form>
class Walker {
 public:
  using Word = typename Form::Word;
  using Index = typename Form::Index;
  static constexpr int kTogether = Form::kTogether, kGroups = Form::kGroups;

  __device__ Walker(const DeviceMap& job) : job_(job) {}

  // `tile` is the first element of the block.
  __device__ __forceinline__ void Run(int64_t tile) {
    first_ = tile + threadIdx.x * kTogether;
    Words<Form> a = {}, b = {}, c = {};
    for (int32_t s = 0; s < job_.step_count; ++s) {
      const DeviceStep step = job_.steps[s];
      // The first one last, as it takes the place of what the others may be.
      QUIPU_ROLLED
      for (int o = step.operand_count - 1; o >= 0; --o) {
        Words<Form> operand = {};
        Fetch(step.operands[o], a, &operand);
        if (o == 0) a = operand;
        if (o == 1) b = operand;
        if (o == 2) c = operand;
      }
      Apply<Form>(step.function, a, b, c);
      if (step.column != kMapNowhere) Keep(step.column, a);
    }
    for (int32_t o = 0; o < job_.output_count; ++o) {
      FetchHeld(job_.outputs[o].from, a, &b);
      Deliver(job_.outputs[o], b);
    }
  }

 private:
  __device__ __forceinline__ int64_t Begin(int group) const {
    return first_ + group * (kGridThreads * kTogether);
  }

  __device__ __forceinline__ void Fetch(int place, const Words<Form>& last, Words<Form>* to) {
    if (place >= kFirstMapConstant) return FetchHeld(place, last, to);
    QUIPU_UNROLL
    for (int g = 0; g < kGroups; ++g) Load(job_.inputs[place], Begin(g), to->at + g * kTogether);
  }

  // What is no input.
  __device__ __forceinline__ void FetchHeld(int place, const Words<Form>& last, Words<Form>* to) {
    if (place == kMapLastResult) {
      if (&last != to) *to = last;
    } else if (place < kFirstMapColumn) {
      const Word word = static_cast<Word>(job_.constants[place - kFirstMapConstant]);
      QUIPU_UNROLL
      for (int i = 0; i < Form::kElements; ++i) to->at[i] = word;
    } else {
      Recall(place - kFirstMapColumn, to);
    }
  }

  __device__ __forceinline__ void Load(const DeviceInput& input, int64_t begin, Word* to) const {
    const bool whole = kTogether > 1 && begin + kTogether <= job_.count;
    int64_t at = 0, step = 0;
    if (input.access == MapAccess::kDense) {
      at = begin;
      step = 1;
    } else if (input.access == MapAccess::kView) {
      if (kTogether > 1 && !job_.rows_are_whole) return LoadEach(input, begin, to);
      if (begin < job_.count) at = OffsetOf(input, begin);
      step = input.stride[0];
    }
    if (whole && step == 1 && input.is_aligned) {
      if constexpr (kTogether == kFour) {
        LoadQuad(static_cast<const Word*>(input.data) + at, to);
      }
      return;
    }
    if (step == 0) {
      const Word word = ReadElement<Word>(input.data, input.bytes, at);
      QUIPU_UNROLL
      for (int k = 0; k < kTogether; ++k) to[k] = word;
      return;
    }
    QUIPU_UNROLL
    for (int k = 0; k < kTogether; ++k) {
      if (begin + k < job_.count) to[k] = ReadElement<Word>(input.data, input.bytes, at + k * step);
    }
  }

  // Each comes in at the last place; it is much code to have more than once.
  __device__ __forceinline__ void LoadEach(const DeviceInput& input, int64_t begin,
                                           Word* to) const {
    QUIPU_ROLLED
    for (int k = 0; k < kTogether; ++k) {
      QUIPU_UNROLL
      for (int i = 0; i + 1 < kTogether; ++i) to[i] = to[i + 1];
      if (begin + k >= job_.count) continue;
      to[kTogether - 1] = ReadElement<Word>(input.data, input.bytes, OffsetOf(input, begin + k));
    }
  }

  __device__ __forceinline__ int64_t OffsetOf(const DeviceInput& input, int64_t element) const {
    auto rest = static_cast<Index>(element);
    int64_t offset = 0;
    QUIPU_ROLLED
    for (int32_t axis = 0; axis + 1 < job_.rank; ++axis) {
      const Divisor& size = job_.axes[axis];
      const Index quotient = size.Quotient(rest);
      offset += static_cast<int64_t>(size.Rest(rest, quotient)) * input.stride[axis];
      rest = quotient;
    }
    return offset + static_cast<int64_t>(rest) * input.stride[job_.rank - 1];
  }

  __device__ __forceinline__ void Deliver(const DeviceOutput& output, const Words<Form>& from) {
    QUIPU_UNROLL
    for (int g = 0; g < kGroups; ++g) {
      const int64_t begin = Begin(g);
      const Word* words = from.at + g * kTogether;
      if (kTogether == kFour && output.is_aligned && begin + kTogether <= job_.count) {
        if constexpr (kTogether == kFour) {
          StoreQuad(words, static_cast<Word*>(output.data) + begin);
        }
        continue;
      }
      QUIPU_UNROLL
      for (int k = 0; k < kTogether; ++k) {
        if (begin + k < job_.count) WriteElement(output.data, output.bytes, begin + k, words[k]);
      }
    }
  }

  __device__ __forceinline__ void Keep(int column, const Words<Form>& from) {
    if constexpr (kTogether == kFour) {
      QUIPU_UNROLL
      for (int g = 0; g < kGroups; ++g) StoreQuad(from.at + g * kFour, Column(column, g));
    } else {
      own_[column] = from.at[0];
    }
  }

  __device__ __forceinline__ void Recall(int column, Words<Form>* to) {
    if constexpr (kTogether == kFour) {
      QUIPU_UNROLL
      for (int g = 0; g < kGroups; ++g) LoadQuad(Column(column, g), to->at + g * kFour);
    } else {
      to->at[0] = own_[column];
    }
  }

  static __device__ __forceinline__ Word* Column(int column, int group) {
    __shared__ uint4 columns[kSharedColumns * kGroups * kGridThreads];
    const int at = (column * kGroups + group) * kGridThreads + static_cast<int>(threadIdx.x);
    return reinterpret_cast<Word*>(columns + at);
  }

  const DeviceMap& job_;
  int64_t first_ = 0;
  Word own_[kTogether == kFour ? 1 : kMapColumnsMax];
};

template <class Form>
__global__ void __launch_bounds__(kGridThreads, 4)
    MapKernel(const __grid_constant__ DeviceMap job) {
  constexpr int64_t kTile = kGridThreads * Form::kElements;
  Walker<Form> walker(job);
  for (int64_t tile = blockIdx.x * kTile; tile < job.count; tile += gridDim.x * kTile) {
    walker.Run(tile);
  }
}

}  // namespace

cudaError_t LaunchMap(const Map& job, cudaStream_t stream) {
  if (MapElements(job) == 0) return cudaSuccess;
  const DeviceMap map = DeviceMapOf(job);
  DeviceChain chain;
  if (FindChain(job, map, &chain)) return LaunchMapChain(chain, stream);
  if (!map.is_wide && map.column_count <= kSharedColumns && map.count <= INT32_MAX) {
    constexpr int kElements = kGridThreads * Eight::kElements;
    QUIPU_CUDA_START(MapKernel<Eight>, GridBlocks<kElements>(map.count), kGridThreads, stream, map);
  } else {
    QUIPU_CUDA_START(MapKernel<One>, GridBlocks(map.count), kGridThreads, stream, map);
  }
  return cudaGetLastError();
}

}  // namespace quipu
