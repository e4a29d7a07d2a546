#include "support/nvml.h"

#include <dlfcn.h>

#include <mutex>

namespace quipu {
namespace {

// nvml.h, as its documentation gives it. The interface is stable: new layouts get new names.
using Return = int;
using Device = struct OpaqueDevice*;
constexpr Return kSuccess = 0;
constexpr Return kDriverNotLoaded = 9;
constexpr int kTemperatureOfGpu = 0;
constexpr unsigned kTextBytes = 96;

struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned gpu, memory;  // per cent
};

struct Library {
  Return (*init)() = nullptr;
  const char* (*error_string)(Return) = nullptr;
  Return (*driver_version)(char*, unsigned) = nullptr;
  Return (*device_count)(unsigned*) = nullptr;
  Return (*device_by_index)(unsigned, Device*) = nullptr;
  Return (*name)(Device, char*, unsigned) = nullptr;
  Return (*uuid)(Device, char*, unsigned) = nullptr;
  Return (*memory)(Device, Memory*) = nullptr;
  Return (*utilization)(Device, Utilization*) = nullptr;
  Return (*temperature)(Device, int, unsigned*) = nullptr;
  Return (*power)(Device, unsigned*) = nullptr;
  std::string missing;  // why it cannot be used
};

template <class Function>
void Find(void* handle, const char* name, Function* function, std::string* missing) {
  *function = reinterpret_cast<Function>(dlsym(handle, name));
  if (*function == nullptr && missing->empty()) {
    *missing = std::string("libnvidia-ml.so.1 lacks ") + name;
  }
}

Library Open() {
  Library library;
  void* const handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    library.missing = "no NVIDIA driver is installed (libnvidia-ml.so.1 is not here)";
    return library;
  }
  std::string* const missing = &library.missing;
  Find(handle, "nvmlInit_v2", &library.init, missing);
  Find(handle, "nvmlErrorString", &library.error_string, missing);
  Find(handle, "nvmlSystemGetDriverVersion", &library.driver_version, missing);
  Find(handle, "nvmlDeviceGetCount_v2", &library.device_count, missing);
  Find(handle, "nvmlDeviceGetHandleByIndex_v2", &library.device_by_index, missing);
  Find(handle, "nvmlDeviceGetName", &library.name, missing);
  Find(handle, "nvmlDeviceGetUUID", &library.uuid, missing);
  Find(handle, "nvmlDeviceGetMemoryInfo", &library.memory, missing);
  Find(handle, "nvmlDeviceGetUtilizationRates", &library.utilization, missing);
  Find(handle, "nvmlDeviceGetTemperature", &library.temperature, missing);
  Find(handle, "nvmlDeviceGetPowerUsage", &library.power, missing);
  return library;
}

GpuReading ReadOne(const Library& nvml, Device device, int index) {
  GpuReading reading;
  reading.index = index;
  char text[kTextBytes] = {};
  if (nvml.name(device, text, kTextBytes) == kSuccess) reading.name = text;
  if (nvml.uuid(device, text, kTextBytes) == kSuccess) reading.uuid = text;
  Memory memory{};
  if (nvml.memory(device, &memory) == kSuccess) {
    reading.memory_used_bytes = static_cast<double>(memory.used);
    reading.memory_total_bytes = static_cast<double>(memory.total);
  }
  Utilization utilization{};
  if (nvml.utilization(device, &utilization) == kSuccess) {
    reading.utilization = utilization.gpu / 100.0;
  }
  unsigned number = 0;
  if (nvml.temperature(device, kTemperatureOfGpu, &number) == kSuccess) {
    reading.temperature_celsius = number;
  }
  if (nvml.power(device, &number) == kSuccess) reading.power_watts = number / 1000.0;
  return reading;
}

}  // namespace

Status ReadGpus(GpuReadings* readings) {
  static std::mutex mutex;
  static bool initialised = false;
  const std::lock_guard<std::mutex> lock(mutex);
  static const Library* const nvml = new Library(Open());
  const auto failed = [](const char* what, Return result) {
    return Error(Code::kUnavailable, std::string(what) + ": " + nvml->error_string(result),
                 "look at the driver's state with nvidia-smi");
  };
  if (!nvml->missing.empty()) {
    readings->reason = nvml->missing;
    return Status{};
  }
  if (!initialised) {
    const Return result = nvml->init();
    if (result == kDriverNotLoaded) {
      readings->reason = "the NVIDIA driver is installed and not loaded";
      return Status{};
    }
    if (result != kSuccess) return failed("nvmlInit_v2", result);
    initialised = true;
  }
  char version[kTextBytes] = {};
  if (nvml->driver_version(version, kTextBytes) == kSuccess) readings->driver_version = version;
  unsigned count = 0;
  Return result = nvml->device_count(&count);
  if (result != kSuccess) return failed("nvmlDeviceGetCount_v2", result);
  if (count == 0) readings->reason = "the NVIDIA driver finds no device";
  unsigned opened = 0;
  for (unsigned i = 0; i < count; ++i) {
    Device device = nullptr;
    const Return found = nvml->device_by_index(i, &device);
    if (found == kSuccess) {
      ++opened;
      readings->gpus.push_back(ReadOne(*nvml, device, static_cast<int>(i)));
    } else {
      // Fallen off the bus, or not this process's to see: it must not hide the healthy ones.
      result = found;
      GpuReading nothing_known;
      nothing_known.index = static_cast<int>(i);
      readings->gpus.push_back(nothing_known);
    }
  }
  if (count > 0 && opened == 0) return failed("nvmlDeviceGetHandleByIndex_v2", result);
  return Status{};
}

}  // namespace quipu
