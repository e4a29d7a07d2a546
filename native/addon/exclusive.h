// State of a JavaScript object that one task at a time may work on, on another thread.
#ifndef QUIPU_ADDON_EXCLUSIVE_H_
#define QUIPU_ADDON_EXCLUSIVE_H_

#include <napi.h>

#include <memory>
#include <utility>

#include "addon/async_task.h"
#include "addon/environment.h"

namespace quipu {

// All on the JavaScript thread, but for what a task does with the state between Start and its end.
template <class State>
class Exclusive {
 public:
  explicit Exclusive(State state) : held_(std::make_shared<Held>(Held{std::move(state)})) {}

  // For use here and now; throws CONFLICT while a task has it.
  State& Use(Napi::Env env) const {
    if (held_->busy) {
      Throw(env, Error(Code::kConflict, "an asynchronous call on this object is still running",
                       "await it first"));
    }
    return held_->state;
  }

  // A task that works on the state: `work` (State&, const AsyncTask&) → Status on a task thread.
  // The promise is of what `result` (Napi::Env, State&) makes of it.
  template <class Work, class Make>
  Napi::Promise Start(const Napi::CallbackInfo& info, Work work, Make result) const {
    Use(info.Env());
    auto task = std::make_unique<Task<Work, Make>>(held_, std::move(work), std::move(result));
    task->Lend(info.This());  // `result` may use the object
    return AsyncTask::Start(info, std::move(task));
  }

 private:
  struct Held {
    State state;
    bool busy = false;
  };

  template <class Work, class Make>
  class Task final : public AsyncTask {
   public:
    Task(std::shared_ptr<Held> held, Work work, Make result)
        : held_(std::move(held)), work_(std::move(work)), result_(std::move(result)) {
      held_->busy = true;
    }
    ~Task() override { held_->busy = false; }

   protected:
    Status Execute() override { return work_(held_->state, *this); }
    Napi::Value Result(Napi::Env env) override { return result_(env, held_->state); }

   private:
    const std::shared_ptr<Held> held_;
    Work work_;
    Make result_;
  };

  std::shared_ptr<Held> held_;
};

}  // namespace quipu

#endif  // QUIPU_ADDON_EXCLUSIVE_H_
