// The module: what `require("quipu.node")` gives. Its TypeScript face is
// src/compute/native/binding.ts, which alone loads it.
#include <napi.h>

#include "addon/entries.h"
#include "addon/environment.h"

namespace quipu {
namespace {

void SetErrorFactory(const Napi::CallbackInfo& info) {
  Environment::Of(info.Env()).make_error = Napi::Persistent(info[0].As<Napi::Function>());
}

Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  exports.Set("setErrorFactory", Napi::Function::New(env, SetErrorFactory));
  RegisterCapabilities(env, exports);
  RegisterDevice(env, exports);
  RegisterHash(env, exports);
  RegisterHashers(env, exports);
  RegisterMerkle(env, exports);
  RegisterFiles(env, exports);
  RegisterHost(env, exports);
  RegisterProgram(env, exports);
  RegisterProgramRuns(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(quipu, Initialise)

}  // namespace quipu
