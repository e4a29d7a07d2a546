// programRun: a run of a flat tensor program on a task thread. programRunNow: one here and now.
// programBind: a function that runs one here and now, in memory that it was given once.
#include <napi.h>

#include <cstring>
#include <memory>
#include <vector>

#include "addon/async_task.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/program_argument.h"
#include "addon/task_control.h"
#include "support/aligned.h"

namespace quipu {
namespace {

constexpr double kPiecesMax = 1024;

class RunTask final : public AsyncTask {
 public:
  RunTask(ProgramHandle program, Backend backend, size_t pieces, TaskControl control)
      : program_(std::move(program)), backend_(backend) {
    run_.pieces = pieces;
    run_.go_on = [this, control](uint64_t operators) { return control.Add(*this, operators); };
  }

  ProgramRun* run() { return &run_; }

 protected:
  Status Execute() override { return program_->Run(backend_, run_); }

  Napi::Value Result(Napi::Env env) override {
    return Napi::String::New(env, BackendName(backend_));
  }

 private:
  const ProgramHandle program_;
  const Backend backend_;
  ProgramRun run_;
};

Fast FastArgument(const Napi::CallbackInfo& info, size_t index) {
  if (info[index].IsUndefined()) return Fast::kNone;
  const std::string name = StringArgument(info, index, "fast");
  for (const Fast fast : {Fast::kTf32, Fast::kBf16}) {
    if (name == FastName(fast)) return fast;
  }
  RefuseArgument(info.Env(), "fast", "must be tf32 or bf16");
}

// The memory that arguments 1 and 2 lend to a run.
ProgramRun RunArguments(const Napi::CallbackInfo& info, const Program& program) {
  const Napi::Array inputs = ProgramInputs(info, 1, program);
  const Napi::Array outputs = ProgramOutputs(info, 2, program);
  ProgramRun run;
  for (uint32_t i = 0; i < inputs.Length(); ++i) {
    run.inputs.push_back(TensorMemory(info.Env(), inputs.Get(i), program.tensors[i], "inputs", i));
  }
  for (uint32_t i = 0; i < outputs.Length(); ++i) {
    const ProgramTensor& tensor = program.tensors[program.outputs[i]];
    run.outputs.push_back(TensorMemory(info.Env(), outputs.Get(i), tensor, "outputs", i));
  }
  return run;
}

// programRun(handle, inputs, outputs, backend?, pieces?, control?, fast?) → Promise<backend that
// ran>
Napi::Value RunProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ProgramHandle handle = ProgramArgument(info, 0);
  const Program& program = handle->program();
  ProgramRun run = RunArguments(info, program);
  const Backend backend = BackendArgument(info, 3);
  double pieces = 0;
  if (info[4].IsNumber()) pieces = info[4].As<Napi::Number>().DoubleValue();
  if (!(pieces >= 0 && pieces <= kPiecesMax)) RefuseArgument(env, "pieces", "must be 0 to 1024");
  const Fast fast = FastArgument(info, 6);
  auto task = std::make_unique<RunTask>(std::move(handle), backend, static_cast<size_t>(pieces),
                                        TaskControl(info, 5));
  task->run()->inputs = std::move(run.inputs);
  task->run()->outputs = std::move(run.outputs);
  task->run()->fast = fast;
  for (const size_t argument : {1, 2}) {
    const auto arrays = info[argument].As<Napi::Array>();
    for (uint32_t i = 0; i < arrays.Length(); ++i) task->Lend(arrays.Get(i));
  }
  return AsyncTask::Start(info, std::move(task));
}

// programRunNow(handle, inputs, outputs, backend?)
void RunProgramNow(const Napi::CallbackInfo& info) {
  const ProgramHandle handle = ProgramArgument(info, 0);
  const ProgramRun run = RunArguments(info, handle->program());
  ThrowIfError(info.Env(), handle->TryRun(BackendArgument(info, 3), run));
}

// Memory for inputs and outputs that belongs to the run: JavaScript sees it through buffers that it
// may transfer or drop as it likes, and the memory lasts as long as anybody needs it. So a call has
// nothing to check.
class BoundRun {
 public:
  using Memory = std::shared_ptr<AlignedArray<uint8_t>>;

  BoundRun(ProgramHandle program, Backend backend)
      : program_(std::move(program)), backend_(backend) {}

  Napi::Value AddInput(Napi::Env env, const ProgramTensor& tensor) {
    const Napi::Value buffer = Add(env, tensor);
    run_.inputs.push_back(memory_.back()->get());
    return buffer;
  }
  Napi::Value AddOutput(Napi::Env env, const ProgramTensor& tensor) {
    const Napi::Value buffer = Add(env, tensor);
    run_.outputs.push_back(memory_.back()->get());
    return buffer;
  }

  // The hot path: one call into the engine, and what JavaScript throws is made only on failure.
  static napi_value Call(napi_env env, napi_callback_info info) {
    void* data = nullptr;
    napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
    auto* const self = static_cast<BoundRun*>(data);
    const Status status = self->program_->TryRun(self->backend_, self->run_);
    if (!status.ok()) napi_throw(env, MakeError(env, status));
    return nullptr;
  }

 private:
  Napi::Value Add(Napi::Env env, const ProgramTensor& tensor) {
    auto memory = std::make_shared<AlignedArray<uint8_t>>(AllocateAligned<uint8_t>(tensor.bytes));
    if (*memory == nullptr) Throw(env, OutOfMemory());
    std::memset(memory->get(), 0, tensor.bytes);
    memory_.push_back(memory);
    return Napi::ArrayBuffer::New(
        env, memory->get(), tensor.bytes, [](Napi::Env, void*, Memory* kept) { delete kept; },
        new Memory(memory));
  }

  const ProgramHandle program_;
  const Backend backend_;
  ProgramRun run_;
  std::vector<Memory> memory_;
};

// programBind(handle, backend?) → { run: () => void, backend, inputs, outputs: ArrayBuffer[] }
Napi::Value BindProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ProgramHandle handle = ProgramArgument(info, 0);
  const Program& program = handle->program();
  const Backend backend = BackendArgument(info, 1);
  auto bound = std::make_unique<BoundRun>(handle, backend);
  auto inputs = Napi::Array::New(env);
  for (uint32_t i = 0; i < program.input_count; ++i) {
    inputs.Set(i, bound->AddInput(env, program.tensors[i]));
  }
  auto outputs = Napi::Array::New(env);
  for (uint32_t i = 0; i < program.outputs.size(); ++i) {
    outputs.Set(i, bound->AddOutput(env, program.tensors[program.outputs[i]]));
  }
  napi_value run = nullptr;
  if (napi_create_function(env, "run", NAPI_AUTO_LENGTH, BoundRun::Call, bound.get(), &run) !=
      napi_ok) {
    Throw(env, Error(Code::kInternal, "no function could be made"));
  }
  Napi::Function(env, run).AddFinalizer([](Napi::Env, BoundRun* gone) { delete gone; },
                                        bound.release());
  auto result = Napi::Object::New(env);
  result.Set("run", Napi::Value(env, run));
  result.Set("backend", BackendName(backend));
  result.Set("inputs", inputs);
  result.Set("outputs", outputs);
  return result;
}

}  // namespace

void RegisterProgramRuns(Napi::Env env, Napi::Object exports) {
  exports.Set("programRun", Napi::Function::New(env, RunProgram));
  exports.Set("programRunNow", Napi::Function::New(env, RunProgramNow));
  exports.Set("programBind", Napi::Function::New(env, BindProgram));
}

}  // namespace quipu
