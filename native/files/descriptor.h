// Owner of an open file.
#ifndef QUIPU_FILES_DESCRIPTOR_H_
#define QUIPU_FILES_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace quipu {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }

  int get() const { return number_; }
  // The caller closes it from now on.
  int Release() { return std::exchange(number_, -1); }
  bool valid() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

}  // namespace quipu

#endif  // QUIPU_FILES_DESCRIPTOR_H_
