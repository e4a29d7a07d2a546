// readGpus(), sdNotify(socket, text), adviseHugePages(bytes), bootMs(): the host around this
// process.
#include <time.h>

#include "addon/arguments.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "support/aligned.h"
#include "support/nvml.h"
#include "support/sd_notify.h"

namespace quipu {
namespace {

Napi::Value ReadGpusNow(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  GpuReadings readings;
  ThrowIfError(env, ReadGpus(&readings));
  Napi::Array gpus = Napi::Array::New(env);
  for (const GpuReading& reading : readings.gpus) {
    Napi::Object gpu = Napi::Object::New(env);
    gpu.Set("index", reading.index);
    gpu.Set("name", reading.name);
    gpu.Set("uuid", reading.uuid);
    gpu.Set("utilization", reading.utilization);
    gpu.Set("memoryUsedBytes", reading.memory_used_bytes);
    gpu.Set("memoryTotalBytes", reading.memory_total_bytes);
    gpu.Set("temperatureCelsius", reading.temperature_celsius);
    gpu.Set("powerWatts", reading.power_watts);
    gpus.Set(gpus.Length(), gpu);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("reason", readings.reason);
  result.Set("driverVersion", readings.driver_version);
  result.Set("gpus", gpus);
  return result;
}

void SdNotifyNow(const Napi::CallbackInfo& info) {
  ThrowIfError(info.Env(),
               SdNotify(StringArgument(info, 0, "socket"), StringArgument(info, 1, "text")));
}

void AdviseHugePagesNow(const Napi::CallbackInfo& info) {
  const OutputView bytes = OutputArgument(info, 0, "bytes");
  AdviseHugePages(bytes.data, bytes.size);
}

/** Time since the boot, also of what the machine slept, to a microsecond and better. */
Napi::Value BootMsNow(const Napi::CallbackInfo& info) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Napi::Number::New(
      info.Env(), 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec));
}

}  // namespace

void RegisterHost(Napi::Env env, Napi::Object exports) {
  exports.Set("readGpus", Napi::Function::New(env, ReadGpusNow));
  exports.Set("sdNotify", Napi::Function::New(env, SdNotifyNow));
  exports.Set("bootMs", Napi::Function::New(env, BootMsNow));
  exports.Set("adviseHugePages", Napi::Function::New(env, AdviseHugePagesNow));
}

}  // namespace quipu
