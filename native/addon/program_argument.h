// Flat programs as JavaScript holds them, and the memory that it lends to a run.
#ifndef QUIPU_ADDON_PROGRAM_ARGUMENT_H_
#define QUIPU_ADDON_PROGRAM_ARGUMENT_H_

#include <napi.h>

#include <memory>

#include "addon/arguments.h"
#include "program/compiled.h"

namespace quipu {

using ProgramHandle = std::shared_ptr<CompiledProgram>;

// What programOpen gave.
ProgramHandle ProgramArgument(const Napi::CallbackInfo& info, size_t index);

// An array of as many Uint8Arrays as the program has inputs.
Napi::Array ProgramInputs(const Napi::CallbackInfo& info, size_t index, const Program& program);
Napi::Array ProgramOutputs(const Napi::CallbackInfo& info, size_t index, const Program& program);

// The memory of one of them, which has the size of its tensor and lies as its elements must.
uint8_t* TensorMemory(Napi::Env env, napi_value value, const ProgramTensor& tensor,
                      const char* name, uint32_t index);

}  // namespace quipu

#endif  // QUIPU_ADDON_PROGRAM_ARGUMENT_H_
