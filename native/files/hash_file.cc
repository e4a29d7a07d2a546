#include "files/hash_file.h"

#include <fcntl.h>
#include <sys/uio.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <utility>

#include "files/open_beneath.h"
#include "support/aligned.h"
#include "support/thread_pool.h"

namespace quipu {
namespace {

// JavaScript's numbers count no further.
constexpr uint64_t kSizeBytesMax = (uint64_t{1} << 53) - 1;
// Up to here a file is read at once and hashed where it lies, by one thread.
constexpr uint64_t kSmallBytesMax = 256 * 1024;
// One block is hashed while the next is read. Small enough for the second cache with its twin.
constexpr size_t kBlockBytes = size_t{1} << 20;
// Non-blocking, or a pipe without a writer would hold this thread for ever.
constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Status Changed(const std::string& name) {
  return Error(Code::kDataChanged, name + " changed while it was read",
               "stop writing to it and hash it again");
}

Status NotRegular(const std::string& name, const char* what) {
  return Error(Code::kDataInvalid, name + " is " + what + ", not a regular file",
               "remove it from the folder or put the file itself in its place");
}

Status NotOpened(const std::string& name, int number) {
  if (number == ENXIO) return NotRegular(name, "a socket or the name of an absent device");
  return SystemError("cannot open " + name, number);
}

Status CheckRegular(const struct stat& found, const std::string& name) {
  if (S_ISREG(found.st_mode)) return Status{};
  return NotRegular(name, S_ISDIR(found.st_mode) ? "a folder" : "a pipe, socket or device");
}

// A byte where the file should end: it grew, or it is one of those that say they are empty.
Status CheckEnd(const Descriptor& file, uint64_t size, const std::string& name) {
  uint8_t more;
  ssize_t got;
  do {
    got = pread(file.get(), &more, 1, static_cast<off_t>(size));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return SystemError("cannot read " + name, errno);
  if (got == 0) return Status{};
  if (size > 0) return Changed(name);
  return Error(Code::kDataChanged, name + " holds more than its size says",
               "hash a copy of it: it grows, or the system makes it as it is read");
}

// A file as many threads read it. The first thing that goes wrong is kept.
class FileSource final : public ByteSource {
 public:
  FileSource(int file, uint64_t size, const GoOn& go_on)
      : file_(file), size_(size), go_on_(go_on) {}

  const uint8_t* Read(uint64_t offset, size_t size, uint8_t* scratch) const override {
    for (size_t done = 0; done < size;) {
      const ssize_t got = ReadSome(offset + done, size - done, scratch + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Fail(errno);
      if (got == 0) return Fail(kEndedEarly);
      done += static_cast<size_t>(got);
    }
    return go_on_(size) ? scratch : Fail(kStopped);
  }
  bool needs_scratch() const override { return true; }

  // After a failed Read.
  Status Why(const std::string& name) const {
    const int why = why_.load();
    if (why == kEndedEarly) return Changed(name);
    if (why == kStopped) return Error(Code::kCancelled, name + ": hashing was cancelled");
    return SystemError("cannot read " + name, why);
  }
  bool failed() const { return why_.load() != 0; }

 private:
  static constexpr int kEndedEarly = -1, kStopped = -2;
  // The disk is kept so far ahead of the threads, asked for in steps.
  static constexpr uint64_t kAheadBytes = uint64_t{32} << 20, kStepBytes = uint64_t{4} << 20;

  // What is in memory is read at once. For what is not, the disk is first told what comes next:
  // threads that read here and there are no pattern that the kernel reads ahead of.
  ssize_t ReadSome(uint64_t offset, size_t size, uint8_t* out) const {
    if (size_ > kSmallBytesMax) {
      const iovec into{out, size};
      const ssize_t got = preadv2(file_, &into, 1, static_cast<off_t>(offset), RWF_NOWAIT);
      if (got > 0) return got;
      AskAhead(offset);
    }
    return pread(file_, out, size, static_cast<off_t>(offset));
  }

  void AskAhead(uint64_t offset) const {
    const uint64_t wanted = std::min(offset + kAheadBytes, size_);
    for (uint64_t asked = asked_.load(); asked < wanted;) {
      // What lies before was read from memory, or has been asked for.
      const uint64_t from = std::max(asked, offset / kStepBytes * kStepBytes);
      if (!asked_.compare_exchange_weak(asked, from + kStepBytes)) continue;
      (void)posix_fadvise(file_, static_cast<off_t>(from), kStepBytes, POSIX_FADV_WILLNEED);
      asked = from + kStepBytes;
    }
  }

  const uint8_t* Fail(int why) const {
    int none = 0;
    why_.compare_exchange_strong(none, why);
    return nullptr;
  }

  const int file_;
  const uint64_t size_;
  const GoOn& go_on_;
  mutable std::atomic<uint64_t> asked_{0};
  mutable std::atomic<int> why_{0};  // errno, or one of the above
};

Status HashSmall(const FileSource& source, size_t size, const FileHashers& hashers) {
  const AlignedArray<uint8_t> buffer = AllocateAligned<uint8_t>(size);
  if (buffer == nullptr) return OutOfMemory();
  if (source.Read(0, size, buffer.get()) == nullptr) return Status{};
  const ByteView bytes{buffer.get(), size};
  if (hashers.sha256 != nullptr) hashers.sha256->Update(bytes);
  if (hashers.blake3 != nullptr) hashers.blake3->Update(bytes);
  return Status{};
}

// SHA-256 goes through a file in one line: each block is hashed beside the read of the next, and
// beside its BLAKE3.
Status HashInBlocks(const FileSource& source, uint64_t size, const FileHashers& hashers) {
  AlignedArray<uint8_t> block = AllocateAligned<uint8_t>(kBlockBytes);
  AlignedArray<uint8_t> next = AllocateAligned<uint8_t>(kBlockBytes);
  if (block == nullptr || next == nullptr) return OutOfMemory();
  const auto size_at = [&](uint64_t at) {
    return static_cast<size_t>(std::min<uint64_t>(kBlockBytes, size - at));
  };
  if (source.Read(0, size_at(0), block.get()) == nullptr) return Status{};
  for (uint64_t at = 0; at < size; at += kBlockBytes) {
    const ByteView bytes{block.get(), size_at(at)};
    const uint64_t next_at = at + bytes.size;
    bool read = true;
    ThreadPool::Shared().ParallelFor(3, [&](size_t part) {
      if (part == 0 && hashers.sha256 != nullptr) hashers.sha256->Update(bytes);
      if (part == 1 && next_at < size) {
        read = source.Read(next_at, size_at(next_at), next.get()) != nullptr;
      }
      if (part == 2 && hashers.blake3 != nullptr) hashers.blake3->Update(bytes);
    });
    if (!read) return Status{};
    std::swap(block, next);
  }
  return Status{};
}

}  // namespace

Status OpenFile(const std::string& path, Descriptor* file) {
  // Looked at before it is opened: that alone lets the writer of a pipe go on.
  struct stat found;
  if (stat(path.c_str(), &found) != 0) return NotOpened(path, errno);
  Status status = CheckRegular(found, path);
  if (!status.ok()) return status;
  *file = Descriptor(open(path.c_str(), kOpenFlags));
  return file->valid() ? Status{} : NotOpened(path, errno);
}

Status OpenFileBeneath(const Descriptor& folder, const std::string& path, const std::string& name,
                       Descriptor* file) {
  int number = 0;
  Status status = OpenBeneath(folder, path, name, kOpenFlags, file, &number);
  if (number == ELOOP) return NotRegular(name, "a symbolic link");
  return status.ok() || number == 0 ? status : NotOpened(name, number);
}

Status HashFile(const Descriptor& file, const std::string& name, const FileHashers& hashers,
                const GoOn& go_on, FileFacts* facts) {
  struct stat found;
  if (fstat(file.get(), &found) != 0) return SystemError("cannot look at " + name, errno);
  Status status = CheckRegular(found, name);
  if (!status.ok()) return status;
  *facts = FactsOf(found);
  const uint64_t size = static_cast<uint64_t>(facts->size_bytes);
  if (size > kSizeBytesMax) {
    return Error(Code::kLimitExceeded, name + " has " + std::to_string(size) +
                                           " bytes; no more than 2^53 - 1 can be counted");
  }
  const FileSource source(file.get(), size, go_on);
  if (size <= kSmallBytesMax) {
    status = size == 0 ? Status{} : HashSmall(source, static_cast<size_t>(size), hashers);
  } else if (hashers.sha256 == nullptr && hashers.blake3 != nullptr) {
    status = hashers.blake3->UpdateFrom(source, size);
  } else {
    status = HashInBlocks(source, size, hashers);
  }
  if (source.failed()) return source.Why(name);
  if (!status.ok()) return status;
  status = CheckEnd(file, size, name);
  if (!status.ok()) return status;
  if (fstat(file.get(), &found) != 0) return SystemError("cannot look at " + name, errno);
  if (!(FactsOf(found) == *facts)) return Changed(name);
  return Status{};
}

}  // namespace quipu
