#include "addon/environment.h"

namespace quipu {

Napi::Value MakeError(Napi::Env env, const Status& status) {
  Environment& environment = Environment::Of(env);
  const Napi::String code = Napi::String::New(env, CodeName(status.code));
  const Napi::String message = Napi::String::New(env, status.message);
  const Napi::String next = Napi::String::New(env, status.next);
  if (!environment.make_error.IsEmpty()) {
    return environment.make_error.Call({code, message, next});
  }
  Napi::Object error = Napi::Error::New(env, status.message).Value();
  error.Set("code", code);
  return error;
}

void Throw(Napi::Env env, const Status& status) { throw Napi::Error(env, MakeError(env, status)); }

}  // namespace quipu
