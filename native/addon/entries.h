// Every file of this folder that adds names to the module. A new one adds its line here and its
// call in addon.cc.
#ifndef QUIPU_ADDON_ENTRIES_H_
#define QUIPU_ADDON_ENTRIES_H_

#include <napi.h>

namespace quipu {

void RegisterCapabilities(Napi::Env env, Napi::Object exports);
void RegisterDevice(Napi::Env env, Napi::Object exports);
void RegisterHash(Napi::Env env, Napi::Object exports);
void RegisterHashers(Napi::Env env, Napi::Object exports);
void RegisterFiles(Napi::Env env, Napi::Object exports);
void RegisterMerkle(Napi::Env env, Napi::Object exports);
void RegisterHost(Napi::Env env, Napi::Object exports);
void RegisterProgram(Napi::Env env, Napi::Object exports);
void RegisterProgramRuns(Napi::Env env, Napi::Object exports);

}  // namespace quipu

#endif  // QUIPU_ADDON_ENTRIES_H_
