// programOpen and programRun: flat tensor programs, and the digests of what they computed.
#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "addon/arguments.h"
#include "addon/async_task.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "program/compiled.h"

namespace quipu {
namespace {

using Handle = std::shared_ptr<CompiledProgram>;

constexpr napi_type_tag kProgramTag = {0x71756970752d7072, 0x6f6772616d2d7631};
constexpr double kPiecesMax = 1024;

CompiledProgram& ProgramArgument(const Napi::CallbackInfo& info, size_t index, Handle* handle) {
  if (info[index].IsExternal()) {
    const auto external = info[index].As<Napi::External<Handle>>();
    if (external.CheckTypeTag(&kProgramTag)) {
      *handle = *external.Data();
      return **handle;
    }
  }
  RefuseArgument(info.Env(), "program", "must be what programOpen gave");
}

// programOpen(bytes, memoryBytesMax) → handle
Napi::Value ProgramOpen(const Napi::CallbackInfo& info) {
  const ByteView bytes = BytesArgument(info, 0, "bytes");
  if (!info[1].IsNumber()) RefuseArgument(info.Env(), "memoryBytesMax", "must be a number");
  const double memory = info[1].As<Napi::Number>().DoubleValue();
  if (!(memory >= 0 && memory <= 9007199254740991.0)) {
    RefuseArgument(info.Env(), "memoryBytesMax", "must be a whole number of bytes");
  }
  auto program = std::make_shared<CompiledProgram>();
  ThrowIfError(info.Env(), program->Open(bytes, static_cast<uint64_t>(memory)));
  const auto external = Napi::External<Handle>::New(
      info.Env(), new Handle(std::move(program)), [](Napi::Env, Handle* handle) { delete handle; });
  external.TypeTag(&kProgramTag);
  return external;
}

class RunTask final : public AsyncTask {
 public:
  RunTask(Handle program, Backend backend, size_t pieces)
      : program_(std::move(program)), backend_(backend) {
    run_.pieces = pieces;
    run_.cancelled = [this] { return cancelled(); };
  }

  ProgramRun* run() { return &run_; }

 protected:
  Status Execute() override { return program_->Run(backend_, run_); }

  Napi::Value Result(Napi::Env env) override {
    return Napi::String::New(env, BackendName(backend_));
  }

 private:
  const Handle program_;
  const Backend backend_;
  ProgramRun run_;
};

// The memory of element `index` of an array of Uint8Array, of exactly `bytes` bytes.
uint8_t* Lent(const Napi::Env& env, const Napi::Array& arrays, uint32_t index,
              const ProgramTensor& tensor, const char* name, AsyncTask* task) {
  const Napi::Value value = arrays.Get(index);
  const std::string which = std::string(name) + "[" + std::to_string(index) + "]";
  const OutputView bytes = LentBytes(env, value, which.c_str());
  if (bytes.size != tensor.bytes) {
    RefuseArgument(env, which.c_str(), "must have " + std::to_string(tensor.bytes) + " bytes");
  }
  if (reinterpret_cast<uintptr_t>(bytes.data) % DTypeBytes(tensor.dtype) != 0) {
    RefuseArgument(env, which.c_str(), "must be aligned to its element size");
  }
  task->Lend(value);
  return bytes.data;
}

// programRun(handle, inputs, outputs, backend?, pieces?) → Promise<backend that ran>
Napi::Value ProgramRunEntry(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle handle;
  const Program& program = ProgramArgument(info, 0, &handle).program();
  if (!info[1].IsArray()) RefuseArgument(env, "inputs", "must be an array");
  if (!info[2].IsArray()) RefuseArgument(env, "outputs", "must be an array");
  const auto inputs = info[1].As<Napi::Array>();
  const auto outputs = info[2].As<Napi::Array>();
  if (inputs.Length() != program.input_count) {
    RefuseArgument(env, "inputs", "must be " + std::to_string(program.input_count) + " arrays");
  }
  if (outputs.Length() != program.outputs.size()) {
    RefuseArgument(env, "outputs", "must be " + std::to_string(program.outputs.size()) + " arrays");
  }
  const Backend backend = BackendArgument(info, 3);
  double pieces = 0;
  if (info[4].IsNumber()) pieces = info[4].As<Napi::Number>().DoubleValue();
  if (!(pieces >= 0 && pieces <= kPiecesMax)) RefuseArgument(env, "pieces", "must be 0 to 1024");
  auto task = std::make_unique<RunTask>(handle, backend, static_cast<size_t>(pieces));
  for (uint32_t i = 0; i < program.input_count; ++i) {
    const ProgramTensor& tensor = program.tensors[i];
    task->run()->inputs.push_back(Lent(env, inputs, i, tensor, "inputs", task.get()));
  }
  for (uint32_t i = 0; i < program.outputs.size(); ++i) {
    const ProgramTensor& tensor = program.tensors[program.outputs[i]];
    task->run()->outputs.push_back(Lent(env, outputs, i, tensor, "outputs", task.get()));
  }
  return AsyncTask::Start(info, std::move(task));
}

}  // namespace

void RegisterProgram(Napi::Env env, Napi::Object exports) {
  exports.Set("programOpen", Napi::Function::New(env, ProgramOpen));
  exports.Set("programRun", Napi::Function::New(env, ProgramRunEntry));
}

}  // namespace quipu
