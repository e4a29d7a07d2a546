// Bytes that several threads read at once: memory, or a file read piece by piece.
#ifndef QUIPU_SUPPORT_BYTE_SOURCE_H_
#define QUIPU_SUPPORT_BYTE_SOURCE_H_

#include <cstddef>
#include <cstdint>

#include "quipu/go_on.h"
#include "quipu/status.h"
#include "quipu/views.h"

namespace quipu {

class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // The bytes [offset, offset + size): where they lie, or read into `scratch`, which has room for
  // them. Null when they cannot be had; the source remembers why, and its reader gives up.
  virtual const uint8_t* Read(uint64_t offset, size_t size, uint8_t* scratch) const = 0;

  // False when Read needs no scratch.
  virtual bool needs_scratch() const = 0;

  // The whole source in a device's memory, where it lies there; else null.
  virtual const uint8_t* on_device() const { return nullptr; }
};

inline Status Unread() { return Error(Code::kIo, "the input could not be read"); }

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(const uint8_t* data) : data_(data) {}
  const uint8_t* Read(uint64_t offset, size_t, uint8_t*) const override { return data_ + offset; }
  bool needs_scratch() const override { return false; }

 private:
  const uint8_t* const data_;
};

// Memory that is handed out for as long as `go_on` says so.
class StoppableMemory final : public ByteSource {
 public:
  StoppableMemory(const uint8_t* data, const GoOn& go_on) : data_(data), go_on_(go_on) {}
  const uint8_t* Read(uint64_t offset, size_t size, uint8_t*) const override {
    return go_on_(size) ? data_ + offset : nullptr;
  }
  bool needs_scratch() const override { return false; }

 private:
  const uint8_t* const data_;
  const GoOn& go_on_;
};

}  // namespace quipu

#endif  // QUIPU_SUPPORT_BYTE_SOURCE_H_
