// GPU readings through NVIDIA's management library, opened at run time with our own declarations of
// the few functions that are used: no header, nothing to link, absent is normal.
#ifndef QUIPU_SUPPORT_NVML_H_
#define QUIPU_SUPPORT_NVML_H_

#include <cstdint>
#include <string>
#include <vector>

#include "quipu/status.h"

namespace quipu {

// What a device does not report is NaN, never 0.
struct GpuReading {
  int index = 0;
  std::string name;
  std::string uuid;  // as CUDA and nvidia-smi print it, GPU-...
  double utilization = 0;  // 0 to 1
  double memory_used_bytes = 0;
  double memory_total_bytes = 0;
  double temperature_celsius = 0;
  double power_watts = 0;
};

struct GpuReadings {
  // Why there are none: no library, no driver, no device. Empty when there are some.
  std::string reason;
  std::string driver_version;
  std::vector<GpuReading> gpus;
};

// Blocks while the driver answers. Absence is told in `reason`; an error is a library that was
// there and failed.
Status ReadGpus(GpuReadings* readings);

}  // namespace quipu

#endif  // QUIPU_SUPPORT_NVML_H_
