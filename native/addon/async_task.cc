#include "addon/async_task.h"

#include "addon/environment.h"

namespace quipu {

void AsyncTask::Lend(const Napi::Value& value) {
  lent_.push_back(Napi::Reference<Napi::Value>::New(value, 1));
}

Napi::Promise AsyncTask::Start(const Napi::CallbackInfo& info, std::unique_ptr<AsyncTask> task) {
  const Napi::Env env = info.Env();
  for (size_t i = 0; i < info.Length(); ++i) {
    if (info[i].IsTypedArray()) task->Lend(info[i]);
  }
  task->deferred_ = std::make_unique<Napi::Promise::Deferred>(env);
  const Napi::Promise promise = task->deferred_->Promise();
  Environment::Of(env).line.Push(env, task.release());
  return promise;
}

void AsyncTask::Settle(Napi::Env env) {
  const Napi::HandleScope scope(env);
  if (!status_.ok()) {
    deferred_->Reject(MakeError(env, status_));
    return;
  }
  try {
    deferred_->Resolve(Result(env));
  } catch (const Napi::Error& error) {
    deferred_->Reject(error.Value());
  }
}

void AsyncTask::Abandon() {
  for (Napi::Reference<Napi::Value>& reference : lent_) reference.SuppressDestruct();
}

}  // namespace quipu
