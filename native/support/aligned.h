// Memory aligned for the widest vector loads; large blocks ask for huge pages.
#ifndef QUIPU_SUPPORT_ALIGNED_H_
#define QUIPU_SUPPORT_ALIGNED_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
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

// Memory that nobody has written yet then comes 2 MiB at a time, not a page at a time. Advice only:
// where huge pages are off the memory works as it is.
inline void AdviseHugePages(void* memory, size_t bytes) {
  constexpr uintptr_t kPageBytes = 4096;  // only whole ones can be advised
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  const uintptr_t first = (begin + kPageBytes - 1) / kPageBytes * kPageBytes;
  const uintptr_t end = (begin + bytes) / kPageBytes * kPageBytes;
  if (first < end) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
}

// Uninitialised; null when memory is short, which callers turn into LIMIT_EXCEEDED.
template <class T>
AlignedArray<T> AllocateAligned(size_t count) {
  const size_t bytes = count * sizeof(T);
  const size_t alignment = bytes >= kHugePageBytes ? kHugePageBytes : kAlignmentBytes;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (memory != nullptr && alignment == kHugePageBytes) {
    AdviseHugePages(memory, rounded);
  }
  return AlignedArray<T>(static_cast<T*>(memory));
}

}  // namespace quipu

#endif  // QUIPU_SUPPORT_ALIGNED_H_
