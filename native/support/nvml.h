// GPU readings through NVIDIA's management library, opened at run time with our own declarations of
// the few functions that are used: no header, nothing to link, absent is normal.
#ifndef QUIPU_SUPPORT_NVML_H_
#define QUIPU_SUPPORT_NVML_H_

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "quipu/status.h"

namespace quipu {

// What a device does not report is NaN, never 0.
struct GpuReading {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

  int index = 0;
  std::string name;
  std::string uuid;               // as CUDA and nvidia-smi print it, GPU-...
  double utilization = kUnknown;  // 0 to 1
  double memory_used_bytes = kUnknown;
  double memory_total_bytes = kUnknown;
  double temperature_celsius = kUnknown;
  double power_watts = kUnknown;
};

struct GpuReadings {
  // Why there are none: no library, no driver, no device. Empty when there are some.
  std::string reason;
  std::string driver_version;
  std::vector<GpuReading> gpus;
};

// Blocks while the driver answers. Absence is told in `reason`; an error is a library that was
// there and failed for every device. A device that fails alone is there with nothing known.
Status ReadGpus(GpuReadings* readings);

}  // namespace quipu

#endif  // QUIPU_SUPPORT_NVML_H_
