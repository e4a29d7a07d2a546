// Both digests of a file from one read of it.
#ifndef QUIPU_KERNELS_HASH_HASH_FILE_H_
#define QUIPU_KERNELS_HASH_HASH_FILE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "kernels/hash/blake3_kernels.h"
#include "kernels/hash/sha256_kernels.h"
#include "quipu/status.h"

namespace quipu {

struct FileDigests {
  uint64_t size_bytes = 0;
  uint8_t sha256[32] = {};
  uint8_t blake3[32] = {};
};

// Called between blocks with the bytes done so far; false stops with CANCELLED.
using FileProgress = std::function<bool(uint64_t done_bytes)>;

// Reads, never maps: a file cut short while mapped would kill the process. Symbolic links and
// whatever is no regular file are refused with DATA_INVALID. Size, inode, modification and change
// time are compared before and after; a difference is DATA_CHANGED. (A write of equal length within
// the clock tick of an earlier write escapes the times, as it does for every tool that uses them.)
Status HashFile(const std::string& path, const sha256::Kernels& sha256,
                const blake3::Kernels& blake3, const FileProgress& progress, FileDigests* digests);

}  // namespace quipu

#endif  // QUIPU_KERNELS_HASH_HASH_FILE_H_
