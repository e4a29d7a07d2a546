// Entries that may need more memory than there is: JavaScript hears of it as LIMIT_EXCEEDED.
#ifndef QUIPU_ADDON_GUARDED_H_
#define QUIPU_ADDON_GUARDED_H_

#include <napi.h>

#include <memory>
#include <new>

#include "addon/async_task.h"
#include "addon/environment.h"

namespace quipu {

template <class Call>
auto Guarded(Napi::Env env, const Call& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    Throw(env, OutOfMemory());
  }
}

// The entry of a task that reads its arguments itself.
template <class Task>
Napi::Value StartTask(const Napi::CallbackInfo& info) {
  return Guarded(info.Env(),
                 [&info] { return AsyncTask::Start(info, std::make_unique<Task>(info)); });
}

}  // namespace quipu

#endif  // QUIPU_ADDON_GUARDED_H_
