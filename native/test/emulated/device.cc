#include "test/emulated/device.h"

#include <cuda_pipeline.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "test/emulated/fibers.h"

EmulatedIndex threadIdx, blockIdx, blockDim, gridDim;

// What it was asked for and has not done.
struct EmulatedStream {
  std::deque<std::function<void()>> pending;
  uint64_t asked = 0;

  void RunTo(uint64_t number) {
    for (uint64_t done = asked - pending.size(); done < number; ++done) {
      pending.front()();
      pending.pop_front();
    }
  }
};

struct EmulatedEvent {
  EmulatedStream* stream = nullptr;
  uint64_t number = 0;
};

namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
std::unique_ptr<void, Free> shared;  // of the block that runs

// What each thread of the block has started and not waited for, in groups; the last is open.
using CopyGroups = std::deque<std::vector<std::function<void()>>>;
std::vector<CopyGroups> copies;

int calls = 0;
int calls_until_lost = -1;
int allocations = 0;
cudaError_t last_error = cudaSuccess;

// Every call comes through here.
cudaError_t Call() {
  if (calls_until_lost < 0 || calls++ < calls_until_lost) return cudaSuccess;
  last_error = cudaErrorUnknown;
  return last_error;
}

EmulatedStream null_stream;
EmulatedStream& Of(EmulatedStream* stream) { return stream == nullptr ? null_stream : *stream; }

void Put(EmulatedStream* stream, std::function<void()> work) {
  Of(stream).pending.push_back(std::move(work));
  ++Of(stream).asked;
}

cudaError_t Allocate(void** memory, size_t bytes) {
  *memory = nullptr;
  if (Call() != cudaSuccess) return last_error;
  *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  std::memset(*memory, 0xcd, bytes);
  ++allocations;
  return cudaSuccess;
}

cudaError_t Release(void* memory) {
  if (memory != nullptr) --allocations;
  std::free(memory);
  return cudaSuccess;
}

template <class Object>
cudaError_t Make(Object** made) {
  if (Call() != cudaSuccess) return last_error;
  *made = new Object();
  ++allocations;
  return cudaSuccess;
}

template <class Object>
cudaError_t Drop(Object* made) {
  delete made;
  --allocations;
  return cudaSuccess;
}

}  // namespace

namespace quipu::test {

void LoseEmulatedDeviceAfter(int count) {
  calls = 0;
  calls_until_lost = count;
  last_error = cudaSuccess;
}
int EmulatedCalls() { return calls; }
int EmulatedAllocations() { return allocations; }

}  // namespace quipu::test

void* EmulatedShared() { return shared.get(); }
int& EmulatedSharedMax(const void* kernel) {
  static std::map<const void*, int> most;
  return most.try_emplace(kernel, 48 * 1024).first->second;
}

void __pipeline_memcpy_async(void* to, const void* from, size_t bytes) {
  copies[threadIdx.x].back().push_back([=] { std::memcpy(to, from, bytes); });
}
void __pipeline_commit() { copies[threadIdx.x].emplace_back(); }
void __pipeline_wait_prior(size_t groups) {
  CopyGroups& mine = copies[threadIdx.x];
  for (; mine.size() > groups + 1; mine.pop_front()) {
    for (const auto& copy : mine.front()) copy();
  }
}

void __syncthreads() {
  const unsigned thread = threadIdx.x;
  quipu::test::YieldFiber();
  threadIdx.x = thread;
}

void EmulatedLaunch(size_t blocks, unsigned threads, cudaStream_t stream,
                    std::function<void()> thread, size_t shared_bytes) {
  if (Call() != cudaSuccess) return;
  if (blocks == 0 || blocks > INT32_MAX || threads == 0 || threads > 1024 ||
      shared_bytes == SIZE_MAX) {
    last_error = cudaErrorInvalidConfiguration;
    return;
  }
  Put(stream, [blocks, threads, thread = std::move(thread), shared_bytes] {
    blockDim.x = threads;
    gridDim.x = static_cast<unsigned>(blocks);
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
      copies.assign(threads, CopyGroups(1));
      shared.reset(std::aligned_alloc(16, (shared_bytes + 15) / 16 * 16));
      quipu::test::RunFibers(threads, [&thread](unsigned index) {
        threadIdx.x = index;
        thread();
      });
    }
  });
}

const char* cudaGetErrorString(cudaError_t) { return "the emulated device is lost"; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaSetDevice(int) { return Call(); }
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 4;
  return Call();
}
cudaError_t cudaMalloc(void** memory, size_t bytes) { return Allocate(memory, bytes); }
cudaError_t cudaFree(void* memory) { return Release(memory); }
cudaError_t cudaMallocHost(void** memory, size_t bytes) { return Allocate(memory, bytes); }
cudaError_t cudaFreeHost(void* memory) { return Release(memory); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return Make(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return Drop(stream); }
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  Of(stream).RunTo(Of(stream).asked);
  return Call();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return Make(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return Drop(event); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  *event = EmulatedEvent{stream, stream->asked};
  return Call();
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (event->stream != nullptr) event->stream->RunTo(event->number);
  return Call();
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  if (Call() != cudaSuccess) return last_error;
  null_stream.RunTo(null_stream.asked);
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream) {
  if (Call() != cudaSuccess) return last_error;
  Put(stream, [=] {
    if (bytes > 0) std::memcpy(to, from, bytes);
  });
  return cudaSuccess;
}
