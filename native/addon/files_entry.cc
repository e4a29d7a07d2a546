// hashFile, hashFiles and listFolder. Facts of a file are five numbers: device, inode, size, times
// of modification and change in nanoseconds.
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/async_task.h"
#include "addon/blake3_mode.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/guarded.h"
#include "addon/results.h"
#include "addon/task_control.h"
#include "dispatch/hash_kernels.h"
#include "files/hash_file.h"
#include "files/list_folder.h"
#include "files/open_beneath.h"
#include "support/thread_pool.h"

namespace quipu {
namespace {

constexpr size_t kFactsCount = 5;

void PutFacts(const FileFacts& facts, int64_t* out) {
  out[0] = facts.device;
  out[1] = facts.inode;
  out[2] = facts.size_bytes;
  out[3] = facts.modified_ns;
  out[4] = facts.changed_ns;
}

// What went wrong with one of many entries.
struct Failure {
  size_t index;
  Status status;
};

// [{ index, error }]
Napi::Value FailuresValue(Napi::Env env, const std::vector<Failure>& failures) {
  Napi::Array value = Napi::Array::New(env, failures.size());
  for (uint32_t i = 0; i < failures.size(); ++i) {
    Napi::Object failure = Napi::Object::New(env);
    failure.Set("index", static_cast<double>(failures[i].index));
    failure.Set("error", MakeError(env, failures[i].status));
    value.Set(i, failure);
  }
  return value;
}

// Which digests are asked for: a number, 1 for SHA-256 and 2 for BLAKE3.
struct Wanted {
  Wanted(const Napi::CallbackInfo& info, size_t index) {
    const uint64_t bits = CountArgument(info, index, "algorithms");
    if (bits < 1 || bits > 3) RefuseArgument(info.Env(), "algorithms", "must be 1, 2 or 3");
    sha256 = (bits & 1) != 0;
    blake3 = (bits & 2) != 0;
  }
  bool sha256 = false;
  bool blake3 = false;
};

// One file's hashers as they are before the first byte.
struct Fresh {
  Fresh(const Fresh&) = delete;  // `hashers` points into it
  Fresh(const Wanted& wanted, const HashKernels& kernels, const blake3::Hasher& mode)
      : sha256(kernels.sha256), blake3(mode) {
    if (wanted.sha256) hashers.sha256 = &sha256;
    if (wanted.blake3) hashers.blake3 = &blake3;
  }
  sha256::Hasher sha256;
  blake3::Hasher blake3;
  FileHashers hashers;
};

class HashFileTask final : public AsyncTask {
 public:
  // (path, algorithms, keyOrContext, lengthBytes, backend, control)
  explicit HashFileTask(const Napi::CallbackInfo& info)
      : path_(PathArgument(info, 0, "path")),
        wanted_(info, 1),
        kernels_(HashKernelsOf(BackendArgument(info, 4))),
        mode_(MakeBlake3Hasher(info, 2, kernels_)),
        length_(static_cast<size_t>(CountArgument(info, 3, "lengthBytes"))),
        control_(info, 5) {}

 protected:
  Status Execute() override {
    Descriptor file;
    Status status = OpenFile(path_, &file);
    if (!status.ok()) return status;
    Fresh fresh(wanted_, kernels_, mode_);
    const auto progress = [this](uint64_t bytes) { return control_.Add(*this, bytes); };
    status = HashFile(file, path_, fresh.hashers, progress, &facts_);
    if (!status.ok()) return status;
    sha256_.resize(wanted_.sha256 ? sha256::kDigestBytes : 0);
    if (wanted_.sha256) fresh.sha256.Digest(sha256_.data());
    blake3_.resize(wanted_.blake3 ? length_ : 0);
    if (wanted_.blake3) fresh.blake3.Digest(0, blake3_.data(), length_);
    return status;
  }

  Napi::Value Result(Napi::Env env) override {
    std::vector<int64_t> facts(kFactsCount);
    PutFacts(facts_, facts.data());
    Napi::Object result = Napi::Object::New(env);
    result.Set("facts", NumbersValue(env, facts));
    result.Set("sha256", BytesValue(env, sha256_));
    result.Set("blake3", BytesValue(env, blake3_));
    return result;
  }

 private:
  const std::string path_;
  const Wanted wanted_;
  const HashKernels& kernels_;
  const blake3::Hasher mode_;
  const size_t length_;
  const TaskControl control_;
  FileFacts facts_;
  std::vector<uint8_t> sha256_, blake3_;
};

// Many files of one folder, over all threads.
class HashFilesTask final : public AsyncTask {
 public:
  // (folder, paths, algorithms, backend, control): paths are each ended by a zero byte
  explicit HashFilesTask(const Napi::CallbackInfo& info)
      : folder_(PathArgument(info, 0, "folder")),
        wanted_(info, 2),
        kernels_(HashKernelsOf(BackendArgument(info, 3))),
        control_(info, 4) {
    const ByteView bytes = BytesArgument(info, 1, "paths");
    const char* at = reinterpret_cast<const char*>(bytes.data);
    const char* const end = at + bytes.size;
    while (at < end) {
      const char* const zero = static_cast<const char*>(std::memchr(at, 0, end - at));
      if (zero == nullptr) RefuseArgument(info.Env(), "paths", "must end with a zero byte");
      paths_.emplace_back(at, zero);
      at = zero + 1;
    }
  }

 protected:
  Status Execute() override {
    Descriptor folder;
    Status status = OpenFolder(folder_, &folder);
    if (!status.ok()) return status;
    const size_t count = paths_.size();
    facts_.resize(count * kFactsCount);
    sha256_.resize(wanted_.sha256 ? count * sha256::kDigestBytes : 0);
    blake3_.resize(wanted_.blake3 ? count * blake3::kCvBytes : 0);
    std::atomic<bool> out_of_memory{false};  // nothing may be thrown out of the loop
    ThreadPool::Shared().ParallelFor(count, [&](size_t i) {
      if (out_of_memory || !control_.Add(*this, 0)) return;
      try {
        Status hashed = HashOne(folder, i);
        if (hashed.ok()) return;
        std::lock_guard<std::mutex> lock(mutex_);
        failures_.push_back(Failure{i, std::move(hashed)});
      } catch (const std::bad_alloc&) {
        out_of_memory = true;
      }
    });
    if (out_of_memory) return OutOfMemory();
    return control_.Add(*this, 0) ? status : Stopped();
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    result.Set("facts", NumbersValue(env, facts_));
    result.Set("sha256", BytesValue(env, sha256_));
    result.Set("blake3", BytesValue(env, blake3_));
    result.Set("failures", FailuresValue(env, failures_));
    return result;
  }

 private:
  Status HashOne(const Descriptor& folder, size_t i) {
    Descriptor file;
    const std::string name = folder_ + "/" + paths_[i];
    Status status = OpenFileBeneath(folder, paths_[i], name, &file);
    if (!status.ok()) return status;
    Fresh fresh(wanted_, kernels_, blake3::Hasher(kernels_.blake3));
    const auto progress = [this](uint64_t bytes) { return control_.Add(*this, bytes); };
    FileFacts facts;
    status = HashFile(file, name, fresh.hashers, progress, &facts);
    if (!status.ok()) return status;
    PutFacts(facts, facts_.data() + i * kFactsCount);
    if (wanted_.sha256) fresh.sha256.Digest(sha256_.data() + i * sha256::kDigestBytes);
    if (wanted_.blake3) {
      fresh.blake3.Digest(0, blake3_.data() + i * blake3::kCvBytes, blake3::kCvBytes);
    }
    return status;
  }

  const std::string folder_;
  std::vector<std::string> paths_;
  const Wanted wanted_;
  const HashKernels& kernels_;
  const TaskControl control_;
  std::vector<int64_t> facts_;
  std::vector<uint8_t> sha256_, blake3_;
  std::mutex mutex_;
  std::vector<Failure> failures_;
};

class ListFolderTask final : public AsyncTask {
 public:
  // (folder, entriesMax, depthMax, control)
  explicit ListFolderTask(const Napi::CallbackInfo& info)
      : folder_(PathArgument(info, 0, "folder")),
        limits_{static_cast<size_t>(CountArgument(info, 1, "entriesMax")),
                static_cast<size_t>(CountArgument(info, 2, "depthMax"))},
        control_(info, 3) {}

 protected:
  Status Execute() override {
    std::vector<FolderEntry> entries;
    const Status status = ListFolder(
        folder_, limits_, [this] { return control_.Add(*this, 0); }, &entries);
    if (status.ok()) Pack(entries);
    return status;
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    result.Set("failures", FailuresValue(env, failures_));
    result.Set("paths", BytesValue(env, paths_));
    result.Set("kinds", BytesValue(env, kinds_));
    result.Set("facts", NumbersValue(env, facts_));
    return result;
  }

 private:
  void Pack(const std::vector<FolderEntry>& entries) {
    facts_.resize(entries.size() * kFactsCount);
    for (size_t i = 0; i < entries.size(); ++i) {
      const FolderEntry& entry = entries[i];
      paths_.insert(paths_.end(), entry.path.begin(), entry.path.end());
      paths_.push_back(0);
      kinds_.push_back(static_cast<uint8_t>(entry.kind));
      PutFacts(entry.facts, facts_.data() + i * kFactsCount);
      if (entry.kind == EntryKind::kUnreadable) {
        const std::string what = "cannot read " + folder_ + "/" + entry.path;
        failures_.push_back(Failure{i, SystemError(what, entry.error)});
      }
    }
  }

  const std::string folder_;
  const ListLimits limits_;
  const TaskControl control_;
  std::vector<uint8_t> paths_, kinds_;
  std::vector<int64_t> facts_;
  std::vector<Failure> failures_;
};

}  // namespace

void RegisterFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("hashFile", Napi::Function::New(env, StartTask<HashFileTask>));
  exports.Set("hashFiles", Napi::Function::New(env, StartTask<HashFilesTask>));
  exports.Set("listFolder", Napi::Function::New(env, StartTask<ListFolderTask>));
}

}  // namespace quipu
