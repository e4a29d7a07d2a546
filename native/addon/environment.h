// What the addon keeps for one JavaScript environment (the main thread or one worker thread).
#ifndef QUIPU_ADDON_ENVIRONMENT_H_
#define QUIPU_ADDON_ENVIRONMENT_H_

#include <napi.h>

#include "addon/task_line.h"
#include "quipu/status.h"

namespace quipu {

struct Environment {
  explicit Environment(Napi::Env env) : line(env) {}

  // (code, message, next) => QuipuError, given by JavaScript through setErrorFactory.
  Napi::FunctionReference make_error;
  TaskLine line;

  static Environment& Of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }
};

// A QuipuError for the status; a plain Error with `code` until the factory is set.
Napi::Value MakeError(Napi::Env env, const Status& status);

// Throws it into JavaScript.
[[noreturn]] void Throw(Napi::Env env, const Status& status);

inline void ThrowIfError(Napi::Env env, const Status& status) {
  if (!status.ok()) Throw(env, status);
}

}  // namespace quipu

#endif  // QUIPU_ADDON_ENVIRONMENT_H_
