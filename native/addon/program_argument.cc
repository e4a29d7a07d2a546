#include "addon/program_argument.h"

#include <string>

#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/guarded.h"

namespace quipu {
namespace {

constexpr napi_type_tag kProgramTag = {0x71756970752d7072, 0x6f6772616d2d7631};

Napi::Array Arrays(const Napi::CallbackInfo& info, size_t index, const char* name, size_t count) {
  if (!info[index].IsArray()) RefuseArgument(info.Env(), name, "must be an array");
  const auto arrays = info[index].As<Napi::Array>();
  if (arrays.Length() == count) return arrays;
  RefuseArgument(info.Env(), name, "must be " + std::to_string(count) + " arrays");
}

// programOpen(bytes, memoryBytesMax) → handle
Napi::Value ProgramOpen(const Napi::CallbackInfo& info) {
  const ByteView bytes = BytesArgument(info, 0, "bytes");
  const uint64_t memory_bytes_max = CountArgument(info, 1, "memoryBytesMax");
  auto program = std::make_shared<CompiledProgram>();
  Guarded(info.Env(), [&] { ThrowIfError(info.Env(), program->Open(bytes, memory_bytes_max)); });
  const auto external =
      Napi::External<ProgramHandle>::New(info.Env(), new ProgramHandle(std::move(program)),
                                         [](Napi::Env, ProgramHandle* handle) { delete handle; });
  external.TypeTag(&kProgramTag);
  return external;
}

}  // namespace

ProgramHandle ProgramArgument(const Napi::CallbackInfo& info, size_t index) {
  if (info[index].IsExternal()) {
    const auto external = info[index].As<Napi::External<ProgramHandle>>();
    if (external.CheckTypeTag(&kProgramTag)) return *external.Data();
  }
  RefuseArgument(info.Env(), "program", "must be what programOpen gave");
}

Napi::Array ProgramInputs(const Napi::CallbackInfo& info, size_t index, const Program& program) {
  return Arrays(info, index, "inputs", program.input_count);
}

Napi::Array ProgramOutputs(const Napi::CallbackInfo& info, size_t index, const Program& program) {
  return Arrays(info, index, "outputs", program.outputs.size());
}

uint8_t* TensorMemory(Napi::Env env, napi_value value, const ProgramTensor& tensor,
                      const char* name, uint32_t index) {
  const std::string which = std::string(name) + "[" + std::to_string(index) + "]";
  const OutputView bytes = LentBytes(env, value, which.c_str());
  if (bytes.size != tensor.bytes) {
    RefuseArgument(env, which.c_str(), "must have " + std::to_string(tensor.bytes) + " bytes");
  }
  if (reinterpret_cast<uintptr_t>(bytes.data) % DTypeBytes(tensor.dtype) != 0) {
    RefuseArgument(env, which.c_str(), "must be aligned to its element size");
  }
  return bytes.data;
}

void RegisterProgram(Napi::Env env, Napi::Object exports) {
  exports.Set("programOpen", Napi::Function::New(env, ProgramOpen));
}

}  // namespace quipu
