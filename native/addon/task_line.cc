#include "addon/task_line.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <string>
#include <system_error>
#include <thread>

#include "addon/environment.h"
#include "support/floating_mode.h"
#include "support/thread_pool.h"
#include "support/wait_awake.h"

namespace quipu {
namespace {

struct Errand {
  TaskLine* line;
  AsyncTask* task;
};

// The addon's task threads, shared by all environments; started as work comes, at most one a core
// and at least two, so that a long run does not hold up a small hash. Never destroyed.
class TaskThreads {
 public:
  static TaskThreads& Shared() {
    static TaskThreads* const threads = new TaskThreads();
    return *threads;
  }

  void Push(Errand errand) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (idle_ <= errands_.size() && started_ < std::max<size_t>(2, ThreadPool::Shared().width())) {
      try {
        std::thread([this] { Work(); }).detach();
        ++started_;
      } catch (const std::system_error&) {
        if (started_ == 0) throw;  // nobody would ever run it
      }
    }
    errands_.push_back(errand);
    open_.store(errands_.size(), std::memory_order_relaxed);
    wake_.notify_one();
  }

 private:
  void Work() {
    const CanonicalFloatingMode mode;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      ++idle_;
      lock.unlock();
      WaitAwake(AwakeClock::now() + kAwake,
                [this] { return open_.load(std::memory_order_relaxed) != 0; });
      lock.lock();
      wake_.wait(lock, [this] { return !errands_.empty(); });
      --idle_;
      const Errand errand = errands_.front();
      errands_.pop_front();
      open_.store(errands_.size(), std::memory_order_relaxed);
      lock.unlock();
      errand.line->Run(errand.task);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Errand> errands_;
  std::atomic<size_t> open_{0};  // what errands_ holds, to be looked at without the mutex
  size_t idle_ = 0;
  size_t started_ = 0;
};

}  // namespace

TaskLine::TaskLine(Napi::Env env) : home_(Home::New(env, "quipu.tasks", 0, 1, this)) {
  home_.Unref(env);
  // Cleanup hooks run last in, first out: this one ends all use of home_ before home_'s own runs.
  napi_add_env_cleanup_hook(env, Finish, this);
}

void TaskLine::Push(Napi::Env env, AsyncTask* task) {
  if (undelivered_++ == 0) home_.Ref(env);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    running_.insert(task);
  }
  try {
    TaskThreads::Shared().Push(Errand{this, task});
  } catch (const std::exception& error) {
    // Nobody will run it: an environment that waited for it at its end would wait for ever.
    {
      std::lock_guard<std::mutex> lock(mutex_);
      running_.erase(task);
    }
    if (--undelivered_ == 0) home_.Unref(env);
    delete task;
    Throw(env, Error(Code::kLimitExceeded, std::string("no thread can be started: ") + error.what(),
                     "raise the limit on threads of this process"));
  }
}

void TaskLine::Run(AsyncTask* task) {
  if (task->cancelled()) {
    task->status_ = Error(Code::kCancelled, "the environment is shutting down");
  } else {
    try {
      task->status_ = task->Execute();
    } catch (const std::bad_alloc&) {
      task->status_ = OutOfMemory();
    } catch (const std::exception& error) {
      task->status_ = Error(Code::kInternal, error.what());
    }
  }
  std::lock_guard<std::mutex> lock(mutex_);
  running_.erase(task);
  if (closing_ || home_.NonBlockingCall(task) != napi_ok) {
    task->Abandon();
    delete task;
  }
  idle_.notify_all();
}

void DeliverTask(Napi::Env env, Napi::Function, TaskLine* line, AsyncTask* task) {
  if (env == nullptr) {
    task->Abandon();
    delete task;
    return;
  }
  if (--line->undelivered_ == 0) line->home_.Unref(env);
  try {
    task->Settle(env);
  } catch (const Napi::Error&) {
    // The environment is ending and runs no more JavaScript: nobody is left to hear the result.
  }
  delete task;
}

void TaskLine::Finish(void* line) { static_cast<TaskLine*>(line)->CancelAndWait(); }

void TaskLine::CancelAndWait() {
  std::unique_lock<std::mutex> lock(mutex_);
  closing_ = true;
  for (AsyncTask* task : running_) task->cancelled_.store(true, std::memory_order_relaxed);
  idle_.wait(lock, [this] { return running_.empty(); });
}

}  // namespace quipu
