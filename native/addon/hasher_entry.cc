// Blake3Hasher and Sha256Hasher: input in pieces. V8 checks the receiver of each method against
// the class, so a method never sees a foreign object.
#include "addon/arguments.h"
#include "addon/blake3_mode.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/exclusive.h"
#include "addon/pieces.h"
#include "addon/task_control.h"
#include "kernels/sha256/sha256_hasher.h"

namespace quipu {
namespace {

// (data, control) → promise of nothing
template <class Hasher>
Napi::Value UpdateLater(const Napi::CallbackInfo& info, const Exclusive<Hasher>& hasher) {
  const ByteView data = BytesArgument(info, 0, "data");
  const TaskControl control(info, 1);
  return hasher.Start(
      info,
      [data, control](Hasher& state, const AsyncTask& task) {
        return UpdateInPieces(state, data,
                              [&](uint64_t bytes) { return control.Add(task, bytes); });
      },
      [](Napi::Env env, Hasher&) { return env.Undefined(); });
}

class Blake3Object : public Napi::ObjectWrap<Blake3Object> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Blake3Hasher",
                       {InstanceMethod<&Blake3Object::Update>("update"),
                        InstanceMethod<&Blake3Object::UpdateAsync>("updateAsync"),
                        InstanceMethod<&Blake3Object::Digest>("digest")});
  }

  // (keyOrContext, backend)
  explicit Blake3Object(const Napi::CallbackInfo& info)
      : ObjectWrap(info),
        hasher_(MakeBlake3Hasher(info, 0, HashKernelsOf(BackendArgument(info, 1)))) {}

 private:
  void Update(const Napi::CallbackInfo& info) {
    hasher_.Use(info.Env()).Update(BytesArgument(info, 0, "data"));
  }
  Napi::Value UpdateAsync(const Napi::CallbackInfo& info) { return UpdateLater(info, hasher_); }
  void Digest(const Napi::CallbackInfo& info) {
    const OutputView out = OutputArgument(info, 0, "out");
    hasher_.Use(info.Env()).Digest(0, out.data, out.size);
  }

  const Exclusive<blake3::Hasher> hasher_;
};

class Sha256Object : public Napi::ObjectWrap<Sha256Object> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Sha256Hasher",
                       {InstanceMethod<&Sha256Object::Update>("update"),
                        InstanceMethod<&Sha256Object::UpdateAsync>("updateAsync"),
                        InstanceMethod<&Sha256Object::Digest>("digest")});
  }

  // (backend)
  explicit Sha256Object(const Napi::CallbackInfo& info)
      : ObjectWrap(info), hasher_(sha256::Hasher(HashKernelsOf(BackendArgument(info, 0)).sha256)) {}

 private:
  void Update(const Napi::CallbackInfo& info) {
    hasher_.Use(info.Env()).Update(BytesArgument(info, 0, "data"));
  }
  Napi::Value UpdateAsync(const Napi::CallbackInfo& info) { return UpdateLater(info, hasher_); }
  void Digest(const Napi::CallbackInfo& info) {
    hasher_.Use(info.Env()).Digest(OutputArgument(info, 0, "out", sha256::kDigestBytes));
  }

  const Exclusive<sha256::Hasher> hasher_;
};

}  // namespace

void RegisterHashers(Napi::Env env, Napi::Object exports) {
  exports.Set("Blake3Hasher", Blake3Object::Define(env));
  exports.Set("Sha256Hasher", Sha256Object::Define(env));
}

}  // namespace quipu
