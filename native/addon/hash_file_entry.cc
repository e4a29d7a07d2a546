// hashFile(path, control, backend): promise of { sizeBytes, sha256, blake3 } with raw digests.
// `control` is a BigInt64Array of two: JavaScript writes other than 0 into the first to cancel, and
// reads the bytes done so far from the second.
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "addon/arguments.h"
#include "addon/async_task.h"
#include "addon/entries.h"
#include "dispatch/hash_kernels.h"
#include "kernels/hash/hash_file.h"

namespace quipu {
namespace {

class HashFileTask : public AsyncTask {
 public:
  HashFileTask(std::string path, Napi::BigInt64Array control, const HashKernels& kernels)
      : path_(std::move(path)), control_(control.Data()), kernels_(kernels) {
    Lend(control);
  }

 protected:
  Status Execute() override {
    const FileProgress progress = [this](uint64_t done_bytes) {
      std::atomic_ref<int64_t>(control_[1])
          .store(static_cast<int64_t>(done_bytes), std::memory_order_relaxed);
      return !cancelled() &&
             std::atomic_ref<int64_t>(control_[0]).load(std::memory_order_relaxed) == 0;
    };
    return HashFile(path_, kernels_.sha256, kernels_.blake3, progress, &digests_);
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    result.Set("sizeBytes", static_cast<double>(digests_.size_bytes));
    result.Set("sha256", Napi::Buffer<uint8_t>::Copy(env, digests_.sha256, 32));
    result.Set("blake3", Napi::Buffer<uint8_t>::Copy(env, digests_.blake3, 32));
    return result;
  }

 private:
  const std::string path_;
  int64_t* const control_;
  const HashKernels& kernels_;
  FileDigests digests_;
};

Napi::Value HashFileLater(const Napi::CallbackInfo& info) {
  std::string path = StringArgument(info, 0, "path");
  if (path.find('\0') != std::string::npos) {
    RefuseArgument(info.Env(), "path", "must not contain a zero byte");
  }
  const Napi::Value control = info[1];
  if (!control.IsTypedArray() ||
      control.As<Napi::TypedArray>().TypedArrayType() != napi_bigint64_array ||
      control.As<Napi::TypedArray>().ElementLength() != 2) {
    RefuseArgument(info.Env(), "control", "must be a BigInt64Array of two");
  }
  return AsyncTask::Start(
      info.Env(), std::make_unique<HashFileTask>(std::move(path), control.As<Napi::BigInt64Array>(),
                                                 HashKernelsOf(BackendArgument(info, 2))));
}

}  // namespace

void RegisterHashFile(Napi::Env env, Napi::Object exports) {
  exports.Set("hashFile", Napi::Function::New(env, HashFileLater));
}

}  // namespace quipu
