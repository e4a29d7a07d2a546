// Two numbers that JavaScript and a task share: a BigInt64Array whose first is other than 0 once
// the task is to stop, and whose second counts what has been done: bytes, or operators.
#ifndef QUIPU_ADDON_TASK_CONTROL_H_
#define QUIPU_ADDON_TASK_CONTROL_H_

#include <napi.h>

#include <atomic>

#include "addon/arguments.h"
#include "addon/async_task.h"

namespace quipu {

class TaskControl {
 public:
  // Of argument `index`, which may be absent.
  TaskControl(const Napi::CallbackInfo& info, size_t index) {
    if (info[index].IsUndefined()) return;
    if (!info[index].IsTypedArray() ||
        info[index].As<Napi::TypedArray>().TypedArrayType() != napi_bigint64_array ||
        info[index].As<Napi::TypedArray>().ElementLength() != 2) {
      RefuseArgument(info.Env(), "control", "must be a BigInt64Array of two");
    }
    words_ = info[index].As<Napi::BigInt64Array>().Data();
  }

  // From any thread: counts what has been done, and says whether to go on.
  bool Add(const AsyncTask& task, uint64_t done) const {
    if (words_ == nullptr) return !task.cancelled();
    std::atomic_ref<int64_t>(words_[1]).fetch_add(static_cast<int64_t>(done),
                                                  std::memory_order_relaxed);
    return !task.cancelled() &&
           std::atomic_ref<int64_t>(words_[0]).load(std::memory_order_relaxed) == 0;
  }

 private:
  int64_t* words_ = nullptr;
};

}  // namespace quipu

#endif  // QUIPU_ADDON_TASK_CONTROL_H_
