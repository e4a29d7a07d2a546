// Blake3Hasher and Sha256Hasher: input in pieces. V8 checks the receiver of each method against
// the class, so a method never sees a foreign object.
#include "addon/arguments.h"
#include "addon/blake3_mode.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "kernels/hash/sha256_hasher.h"

namespace quipu {
namespace {

class Blake3Object : public Napi::ObjectWrap<Blake3Object> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Blake3Hasher",
                       {InstanceMethod<&Blake3Object::Update>("update"),
                        InstanceMethod<&Blake3Object::Digest>("digest")});
  }

  // (keyOrContext, backend)
  explicit Blake3Object(const Napi::CallbackInfo& info)
      : ObjectWrap(info), hasher_(MakeBlake3Hasher(info, 0, BackendArgument(info, 1))) {}

 private:
  void Update(const Napi::CallbackInfo& info) {
    ThrowIfError(info.Env(), hasher_.Update(BytesArgument(info, 0, "data")));
  }

  void Digest(const Napi::CallbackInfo& info) {
    const OutputView out = OutputArgument(info, 0, "out");
    hasher_.Digest(0, out.data, out.size);
  }

  blake3::Hasher hasher_;
};

class Sha256Object : public Napi::ObjectWrap<Sha256Object> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Sha256Hasher",
                       {InstanceMethod<&Sha256Object::Update>("update"),
                        InstanceMethod<&Sha256Object::Digest>("digest")});
  }

  // (backend)
  explicit Sha256Object(const Napi::CallbackInfo& info)
      : ObjectWrap(info), hasher_(HashKernelsOf(BackendArgument(info, 0)).sha256) {}

 private:
  void Update(const Napi::CallbackInfo& info) { hasher_.Update(BytesArgument(info, 0, "data")); }

  void Digest(const Napi::CallbackInfo& info) {
    hasher_.Digest(OutputArgument(info, 0, "out", sha256::kDigestBytes));
  }

  sha256::Hasher hasher_;
};

}  // namespace

void RegisterHashers(Napi::Env env, Napi::Object exports) {
  exports.Set("Blake3Hasher", Blake3Object::Define(env));
  exports.Set("Sha256Hasher", Sha256Object::Define(env));
}

}  // namespace quipu
