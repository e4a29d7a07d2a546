// What the system says of a file without reading it. Two equal answers, before and after a read,
// mean that nothing was written between, but for a write of equal length within the clock tick of
// an earlier one, which escapes the times as it does for every tool that uses them.
#ifndef QUIPU_FILES_FILE_FACTS_H_
#define QUIPU_FILES_FILE_FACTS_H_

#include <sys/stat.h>

#include <cstdint>

namespace quipu {

struct FileFacts {
  int64_t device = 0;
  int64_t inode = 0;
  int64_t size_bytes = 0;
  int64_t modified_ns = 0;  // since 1970
  int64_t changed_ns = 0;   // nobody can set it back

  friend bool operator==(const FileFacts&, const FileFacts&) = default;
};

// Wraps for years past 2262, which files may name; facts are only compared.
inline int64_t Nanoseconds(const struct timespec& time) {
  constexpr uint64_t kNanoseconds = 1000000000;
  return static_cast<int64_t>(static_cast<uint64_t>(time.tv_sec) * kNanoseconds +
                              static_cast<uint64_t>(time.tv_nsec));
}

inline FileFacts FactsOf(const struct stat& status) {
  return FileFacts{static_cast<int64_t>(status.st_dev), static_cast<int64_t>(status.st_ino),
                   static_cast<int64_t>(status.st_size), Nanoseconds(status.st_mtim),
                   Nanoseconds(status.st_ctim)};
}

}  // namespace quipu

#endif  // QUIPU_FILES_FILE_FACTS_H_
