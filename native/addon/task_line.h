// One environment's tasks on their way: from the JavaScript thread to the task threads and back.
// A worker_threads environment may end while tasks run; its line then cancels them and waits, so
// that no thread ever touches an environment that is gone.
#ifndef QUIPU_ADDON_TASK_LINE_H_
#define QUIPU_ADDON_TASK_LINE_H_

#include <napi.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "addon/async_task.h"

namespace quipu {

class TaskLine;

// Called on the JavaScript thread for each task that comes home; `env` is null when the environment
// is gone.
void DeliverTask(Napi::Env env, Napi::Function, TaskLine* line, AsyncTask* task);

class TaskLine {
 public:
  explicit TaskLine(Napi::Env env);

  // JavaScript thread: takes the task.
  void Push(Napi::Env env, AsyncTask* task);
  // Task thread: runs the task and sends it home.
  void Run(AsyncTask* task);

 private:
  using Home = Napi::TypedThreadSafeFunction<TaskLine, AsyncTask, DeliverTask>;
  friend void DeliverTask(Napi::Env env, Napi::Function, TaskLine* line, AsyncTask* task);
  static void Finish(void* line);
  void CancelAndWait();

  Home home_;
  size_t undelivered_ = 0;  // JavaScript thread only; the loop stays alive while it is not zero
  std::mutex mutex_;
  std::condition_variable idle_;
  std::unordered_set<AsyncTask*> running_;
  bool closing_ = false;
};

}  // namespace quipu

#endif  // QUIPU_ADDON_TASK_LINE_H_
