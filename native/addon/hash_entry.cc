// blake3 and sha256 over one array or many messages, each at once or as a promise. Results are
// written into the caller's `out`. What a promise borrows must be out of anyone else's reach until
// it settles.
#include "addon/arguments.h"
#include "addon/async_task.h"
#include "addon/blake3_mode.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/guarded.h"
#include "addon/packed.h"
#include "addon/pieces.h"
#include "addon/task_control.h"
#include "dispatch/hash_kernels.h"
#include "kernels/blake3/blake3_many.h"
#include "kernels/sha256/sha256_hasher.h"
#include "kernels/sha256/sha256_many.h"

namespace quipu {
namespace {

// A call with its checked arguments; `Run` needs no JavaScript. kControl is the argument that may
// hold a TaskControl.
struct Blake3Call {
  // (data, out, keyOrContext, backend, control)
  static constexpr size_t kControl = 4;
  explicit Blake3Call(const Napi::CallbackInfo& info)
      : data(BytesArgument(info, 0, "data")),
        out(OutputArgument(info, 1, "out")),
        hasher(MakeBlake3Hasher(info, 2, HashKernelsOf(BackendArgument(info, 3)))) {}

  Status Run(const GoOn& go_on) {
    const Status status = UpdateInPieces(hasher, data, go_on);
    if (status.ok()) hasher.Digest(0, out.data, out.size);
    return status;
  }

  ByteView data;
  OutputView out;
  blake3::Hasher hasher;
};

struct Sha256Call {
  // (data, out, backend, control)
  static constexpr size_t kControl = 3;
  explicit Sha256Call(const Napi::CallbackInfo& info)
      : data(BytesArgument(info, 0, "data")),
        out(OutputArgument(info, 1, "out", sha256::kDigestBytes)),
        kernels(&HashKernelsOf(BackendArgument(info, 2)).sha256) {}

  Status Run(const GoOn& go_on) {
    sha256::Hasher hasher(*kernels);
    const Status status = UpdateInPieces(hasher, data, go_on);
    if (status.ok()) hasher.Digest(out);
    return status;
  }

  ByteView data;
  uint8_t* out;
  const sha256::Kernels* kernels;
};

struct Blake3ManyCall {
  // (data, count, ends, out, keyOrContext, backend, control)
  static constexpr size_t kControl = 6;
  explicit Blake3ManyCall(const Napi::CallbackInfo& info)
      : messages(info, 0),
        out(OutputArgument(info, 3, "out", messages.count() * blake3::kCvBytes)),
        hasher(MakeBlake3Hasher(info, 4, HashKernelsOf(BackendArgument(info, 5)))) {}

  Status Run(const GoOn& go_on) {
    return blake3::HashMany(hasher, messages.view(), 0, messages.count(), out, go_on);
  }

  Packed messages;
  uint8_t* out;
  blake3::Hasher hasher;
};

struct Sha256ManyCall {
  // (data, count, ends, out, backend, control)
  static constexpr size_t kControl = 5;
  explicit Sha256ManyCall(const Napi::CallbackInfo& info)
      : messages(info, 0),
        out(OutputArgument(info, 3, "out", messages.count() * sha256::kDigestBytes)),
        kernels(&HashKernelsOf(BackendArgument(info, 4)).sha256) {}

  Status Run(const GoOn& go_on) {
    return sha256::HashMany(*kernels, messages.view(), 0, messages.count(), sha256::kNoPrefix, out,
                            go_on);
  }

  Packed messages;
  uint8_t* out;
  const sha256::Kernels* kernels;
};

template <class Call>
void AtOnce(const Napi::CallbackInfo& info) {
  Guarded(info.Env(), [&info] {
    Call call(info);
    ThrowIfError(info.Env(), call.Run(Always));
  });
}

template <class Call>
class CallTask final : public AsyncTask {
 public:
  explicit CallTask(const Napi::CallbackInfo& info) : call_(info), control_(info, Call::kControl) {}

 protected:
  Status Execute() override {
    return call_.Run([this](uint64_t bytes) { return control_.Add(*this, bytes); });
  }
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

 private:
  Call call_;
  const TaskControl control_;
};

}  // namespace

void RegisterHash(Napi::Env env, Napi::Object exports) {
  exports.Set("blake3", Napi::Function::New(env, AtOnce<Blake3Call>));
  exports.Set("blake3Async", Napi::Function::New(env, StartTask<CallTask<Blake3Call>>));
  exports.Set("sha256", Napi::Function::New(env, AtOnce<Sha256Call>));
  exports.Set("sha256Async", Napi::Function::New(env, StartTask<CallTask<Sha256Call>>));
  exports.Set("blake3Many", Napi::Function::New(env, AtOnce<Blake3ManyCall>));
  exports.Set("blake3ManyAsync", Napi::Function::New(env, StartTask<CallTask<Blake3ManyCall>>));
  exports.Set("sha256Many", Napi::Function::New(env, AtOnce<Sha256ManyCall>));
  exports.Set("sha256ManyAsync", Napi::Function::New(env, StartTask<CallTask<Sha256ManyCall>>));
}

}  // namespace quipu
