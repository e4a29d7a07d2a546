#include "kernels/hash/hash_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kernels/hash/blake3_hasher.h"
#include "kernels/hash/sha256_hasher.h"
#include "support/aligned.h"
#include "support/thread_pool.h"

namespace quipu {
namespace {

// One block is hashed while the next is read. Small enough for the second cache with its twin.
constexpr size_t kBlockBytesMax = size_t{1} << 20;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      // Non-blocking, or a pipe without a writer would hold this thread for ever.
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)),
        error_(errno) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int get() const { return descriptor_; }
  int error() const { return error_; }

 private:
  int descriptor_;
  int error_;
};

Status Changed(const std::string& path) {
  return Error(Code::kDataChanged, path + " changed while it was read",
               "stop writing to it and hash it again");
}

Status NotRegular(const std::string& path, const char* what) {
  return Error(Code::kDataInvalid, path + " is " + what + ", not a regular file",
               "remove it from the folder or put the file itself in its place");
}

bool Same(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_ino == b.st_ino && a.st_dev == b.st_dev &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

// Fills `block` unless the file ends first.
Status ReadBlock(int file, uint8_t* block, size_t capacity, size_t* size) {
  *size = 0;
  while (*size < capacity) {
    const ssize_t got = read(file, block + *size, capacity - *size);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", errno);
    *size += static_cast<size_t>(got);
  }
  return Status{};
}

struct Hashers {
  sha256::Hasher sha256;
  blake3::Hasher blake3;
};

// Hashes all blocks, each beside the read of the next. On an error the digests are of no use.
Status HashBlocks(int file, uint64_t size_bytes, const FileProgress& progress, Hashers* hashers,
                  uint64_t* done_bytes) {
  // One byte more than the file has, so that one read sees its end.
  const size_t capacity = static_cast<size_t>(std::min<uint64_t>(size_bytes + 1, kBlockBytesMax));
  AlignedArray<uint8_t> block = AllocateAligned<uint8_t>(capacity);
  AlignedArray<uint8_t> next = AllocateAligned<uint8_t>(capacity);
  if (block == nullptr || next == nullptr) {
    return Error(Code::kLimitExceeded, "out of memory while hashing a file");
  }
  size_t size = 0;
  Status status = ReadBlock(file, block.get(), capacity, &size);
  while (status.ok() && size > 0) {
    if (!progress(*done_bytes)) return Error(Code::kCancelled, "hashing was cancelled");
    const ByteView bytes{block.get(), size};
    size_t next_size = 0;
    if (size < capacity) {  // the file ends here, so there is no next block
      hashers->sha256.Update(bytes);
      status = hashers->blake3.Update(bytes);
    } else {
      Status hashed;
      ThreadPool::Shared().ParallelFor(3, [&](size_t part) {
        if (part == 0) hashers->sha256.Update(bytes);
        if (part == 1) status = ReadBlock(file, next.get(), capacity, &next_size);
        if (part == 2) hashed = hashers->blake3.Update(bytes);
      });
      if (status.ok()) status = hashed;
    }
    *done_bytes += size;
    if (*done_bytes > size_bytes) break;  // it grew; a file that grows for ever must not hold us
    std::swap(block, next);
    size = next_size;
  }
  return status;
}

}  // namespace

Status HashFile(const std::string& path, const sha256::Kernels& sha256,
                const blake3::Kernels& blake3, const FileProgress& progress, FileDigests* digests) {
  const OpenFile file(path);
  if (file.get() < 0) {
    if (file.error() == ELOOP) return NotRegular(path, "a symbolic link");
    if (file.error() == ENXIO) return NotRegular(path, "a pipe or socket");
    return SystemError("cannot open " + path, file.error());
  }
  struct stat before;
  if (fstat(file.get(), &before) != 0) return SystemError("cannot look at " + path, errno);
  if (S_ISDIR(before.st_mode)) return NotRegular(path, "a folder");
  if (!S_ISREG(before.st_mode)) return NotRegular(path, "a pipe, socket or device");
  (void)posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // advice only

  Hashers hashers{sha256::Hasher(sha256), blake3::Hasher(blake3)};
  uint64_t done_bytes = 0;
  const uint64_t size_bytes = static_cast<uint64_t>(before.st_size);
  Status status = HashBlocks(file.get(), size_bytes, progress, &hashers, &done_bytes);
  if (!status.ok()) {
    status.message = path + ": " + status.message;
    return status;
  }
  struct stat after;
  if (fstat(file.get(), &after) != 0) return SystemError("cannot look at " + path, errno);
  if (done_bytes != size_bytes || !Same(before, after)) return Changed(path);
  digests->size_bytes = size_bytes;
  hashers.sha256.Digest(digests->sha256);
  hashers.blake3.Digest(0, digests->blake3, sizeof(digests->blake3));
  (void)progress(done_bytes);
  return Status{};
}

}  // namespace quipu
