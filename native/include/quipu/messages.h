// Many messages in one piece of memory.
#ifndef QUIPU_MESSAGES_H_
#define QUIPU_MESSAGES_H_

#include <cstddef>
#include <cstdint>

#include "quipu/views.h"

namespace quipu {

// Messages that lie one after another in `data`. Message i ends where ends[i] says and begins where
// the one before it ended; without `ends` each has `size` bytes.
struct Messages {
  const uint8_t* data = nullptr;
  const uint64_t* ends = nullptr;
  size_t size = 0;
  size_t count = 0;
  bool on_device = false;  // `data` is a device's memory; `ends` is not

  uint64_t End(size_t i) const { return ends == nullptr ? (i + 1) * uint64_t{size} : ends[i]; }
  uint64_t Begin(size_t i) const { return i == 0 ? 0 : End(i - 1); }
  ByteView At(size_t i) const {
    return ByteView{data + Begin(i), static_cast<size_t>(End(i) - Begin(i))};
  }
  // Bytes of `some` messages from `first` on.
  uint64_t Bytes(size_t first, size_t some) const {
    return some == 0 ? 0 : End(first + some - 1) - Begin(first);
  }
};

}  // namespace quipu

#endif  // QUIPU_MESSAGES_H_
