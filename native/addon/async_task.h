// The one way work leaves the JavaScript thread. Derive from AsyncTask, do the work in Execute (no
// Napi there), make the JavaScript value in Result, and hand the task to Start.
#ifndef QUIPU_ADDON_ASYNC_TASK_H_
#define QUIPU_ADDON_ASYNC_TASK_H_

#include <napi.h>

#include <atomic>
#include <memory>
#include <vector>

#include "quipu/status.h"

namespace quipu {

class TaskLine;

class AsyncTask {
 public:
  virtual ~AsyncTask() = default;

  // Keeps a JavaScript value (a typed array whose memory is lent) alive until the promise settles.
  void Lend(const Napi::Value& value);

  // True when the environment shuts down: long work asks between blocks and returns kCancelled.
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // Runs the task on one of the addon's task threads and returns its promise. Typed arrays among
  // the arguments are lent to it.
  static Napi::Promise Start(const Napi::CallbackInfo& info, std::unique_ptr<AsyncTask> task);

 protected:
  // On a task thread, in the canonical floating-point mode.
  virtual Status Execute() = 0;
  // On the JavaScript thread, after Execute returned ok.
  virtual Napi::Value Result(Napi::Env env) = 0;

 private:
  friend class TaskLine;
  friend void DeliverTask(Napi::Env env, Napi::Function, TaskLine* line, AsyncTask* task);

  void Settle(Napi::Env env);
  void Abandon();  // the environment is gone: drop the references without touching it

  std::atomic<bool> cancelled_{false};
  Status status_;
  std::vector<Napi::Reference<Napi::Value>> lent_;
  std::unique_ptr<Napi::Promise::Deferred> deferred_;
};

}  // namespace quipu

#endif  // QUIPU_ADDON_ASYNC_TASK_H_
