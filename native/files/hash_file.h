// Digests of a file from one read of it.
#ifndef QUIPU_FILES_HASH_FILE_H_
#define QUIPU_FILES_HASH_FILE_H_

#include <cstdint>
#include <string>

#include "files/descriptor.h"
#include "files/file_facts.h"
#include "kernels/blake3/blake3_hasher.h"
#include "kernels/sha256/sha256_hasher.h"
#include "quipu/go_on.h"
#include "quipu/status.h"

namespace quipu {

// Which digests to take; null for none. Each may have taken input before.
struct FileHashers {
  sha256::Hasher* sha256 = nullptr;
  blake3::Hasher* blake3 = nullptr;
};

// Opens the file of this path, which may be a link. A pipe is not waited for.
Status OpenFile(const std::string& path, Descriptor* file);

// The same under a folder, without following links. `name` stands in messages.
Status OpenFileBeneath(const Descriptor& folder, const std::string& path, const std::string& name,
                       Descriptor* file);

// Reads, never maps: a file cut short while mapped would kill the process. What is no regular file
// is DATA_INVALID. Facts are compared before and after; a difference, or a file that ends elsewhere
// than they say, is DATA_CHANGED. BLAKE3 alone is read and hashed by all threads, each its own
// part. `name` stands in messages.
Status HashFile(const Descriptor& file, const std::string& name, const FileHashers& hashers,
                const GoOn& go_on, FileFacts* facts);

}  // namespace quipu

#endif  // QUIPU_FILES_HASH_FILE_H_
