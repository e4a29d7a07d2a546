// capabilities(): what this host can run. probeCuda false makes no device call.
#include "addon/entries.h"
#include "dispatch/backend.h"
#include "support/cpu_features.h"
#include "support/thread_pool.h"

namespace quipu {
namespace {

Napi::Object CudaObject(Napi::Env env, const CudaFacts& facts) {
  Napi::Array devices = Napi::Array::New(env);
  for (const CudaDevice& device : facts.devices) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("index", device.index);
    entry.Set("name", device.name);
    entry.Set("memoryBytes", static_cast<double>(device.memory_bytes));
    entry.Set("computeCapability",
              std::to_string(device.major) + "." + std::to_string(device.minor));
    devices.Set(devices.Length(), entry);
  }
  Napi::Object cuda = Napi::Object::New(env);
  cuda.Set("compiled", facts.compiled);
  cuda.Set("usable", facts.usable);
  cuda.Set("reason", facts.reason);
  cuda.Set("devices", devices);
  return cuda;
}

Napi::Value Capabilities(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const CpuFeatures& cpu = Cpu();
  Napi::Object features = Napi::Object::New(env);
  features.Set("avx2", cpu.avx2);
  features.Set("avx512", cpu.avx512);
  features.Set("sha", cpu.sha);
  features.Set("avx512Bf16", cpu.avx512_bf16);
  features.Set("avx512Vnni", cpu.avx512_vnni);

  const bool probe_cuda = info[0].ToBoolean();
  CudaFacts facts;
  facts.compiled = QUIPU_CUDA != 0;
  facts.reason = "not asked";
  if (probe_cuda) facts = Cuda();

  Napi::Array backends = Napi::Array::New(env);
  const auto add = [&](bool usable, Backend backend) {
    if (usable) backends.Set(backends.Length(), BackendName(backend));
  };
  add(facts.usable, Backend::kCuda);
  add(cpu.avx512, Backend::kAvx512);
  add(cpu.avx2, Backend::kAvx2);
  add(true, Backend::kPortable);

  Napi::Object result = Napi::Object::New(env);
  result.Set("cpu", features);
  result.Set("threads", static_cast<double>(ThreadPool::Shared().width()));
  result.Set("backends", backends);
  result.Set("cuda", CudaObject(env, facts));
  return result;
}

}  // namespace

void RegisterCapabilities(Napi::Env env, Napi::Object exports) {
  exports.Set("capabilities", Napi::Function::New(env, Capabilities));
}

}  // namespace quipu
