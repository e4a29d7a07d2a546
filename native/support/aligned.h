// Memory aligned for the widest vector loads; large blocks ask for huge pages.
#ifndef QUIPU_SUPPORT_ALIGNED_H_
#define QUIPU_SUPPORT_ALIGNED_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace quipu {

constexpr size_t kAlignmentBytes = 64;
constexpr size_t kHugePageBytes = size_t{2} << 20;

struct FreeAligned {
  void operator()(void* memory) const { std::free(memory); }
};

template <class T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

// Uninitialised; null when memory is short, which callers turn into LIMIT_EXCEEDED.
template <class T>
AlignedArray<T> AllocateAligned(size_t count) {
  const size_t bytes = count * sizeof(T);
  const size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kAlignmentBytes;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory != nullptr && alignment == kHugePageBytes) {
    // Advice only: where huge pages are off the memory works as it is.
    (void)madvise(memory, rounded, MADV_HUGEPAGE);
  }
  return AlignedArray<T>(static_cast<T*>(memory));
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_ALIGNED_H_
