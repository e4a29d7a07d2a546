// Maps with the memory they work on, for their tests.
#ifndef QUIPU_TEST_MAP_WORK_H_
#define QUIPU_TEST_MAP_WORK_H_

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "kernels/map/map_cuda.h"
#include "kernels/math/canonical.h"
#include "support/cpu_features.h"
#include "test/check.h"
#include "test/emulated/device.h"

namespace quipu::test {

constexpr uint32_t kSpecials[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000,
    0xbf800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345,
    0x7f812345, 0x477fe000, 0x33000001, 0x3f000000, 0xbf000000, 0x5f000000, 0xdf000000};

// Noise, with what is easily forgotten among it; truth values are 0 or 1.
inline std::vector<uint8_t> Elements(DType dtype, size_t count, uint64_t seed) {
  const size_t bytes = DTypeBytes(dtype);
  std::vector<uint8_t> elements = Noise(count * bytes, seed);
  for (size_t i = 0; i < count; ++i) {
    uint8_t* at = elements.data() + i * bytes;
    if (dtype == DType::kBool) *at &= 1;
    if (dtype == DType::kF32 && *at % 2 == 0) {
      std::memcpy(at, &kSpecials[*at / 2 % std::size(kSpecials)], 4);
    }
    if ((dtype == DType::kI32 || dtype == DType::kI64) && *at % 2 == 0) {
      const int64_t few[] = {0, 1, -1, 2, -3, 7, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
      std::memcpy(at, &few[*at / 2 % std::size(few)], bytes);
    }
  }
  return elements;
}

// A map with the memory it works on.
struct Work {
  explicit Work(std::vector<int64_t> shape) {
    map.rank = static_cast<int32_t>(shape.size());
    std::copy(shape.begin(), shape.end(), map.shape);
  }

  uint8_t Input(DType dtype, std::vector<int64_t> strides, uint64_t seed) {
    size_t count = 1;
    for (size_t i = 0; i < strides.size(); ++i) {
      count += static_cast<size_t>(strides[i] * std::max<int64_t>(map.shape[i] - 1, 0));
    }
    memory.push_back(Elements(dtype, count, seed));
    MapInput& input = map.inputs[map.input_count];
    input = {memory.back().data(), dtype, {}};
    std::copy(strides.begin(), strides.end(), input.stride);
    return static_cast<uint8_t>(map.input_count++);
  }

  uint8_t Constant(DType dtype, uint64_t bits) {
    map.constants[map.constant_count] = {dtype, bits};
    return static_cast<uint8_t>(map.input_count + map.constant_count++);
  }

  uint8_t Step(int function, uint8_t a, uint8_t b = 0, uint8_t c = 0) {
    map.steps[map.step_count] = {static_cast<uint16_t>(function), {a, b, c}, 0};
    return static_cast<uint8_t>(map.input_count + map.constant_count + map.step_count++);
  }

  void Output(DType dtype, uint8_t reg) { map.outputs[map.output_count++] = {nullptr, dtype, reg}; }

  std::vector<int64_t> Dense() const {
    std::vector<int64_t> strides(static_cast<size_t>(map.rank), 1);
    for (size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * map.shape[i];
    return strides;
  }

  // All outputs one after the other, each NaN canonical. `over`: output i lies in input i's memory.
  // A negative `piece` is the emulated device.
  std::vector<uint8_t> Run(MapRun run, int64_t piece, bool over = false) {
    PlanMap(&map);
    const int64_t count = MapElements(map);
    std::vector<std::vector<uint8_t>> outputs, copies = memory;
    Map job = map;
    for (int32_t i = 0; i < job.input_count; ++i) {
      copies[i].insert(copies[i].begin(), lead, 0);
      job.inputs[i].data = copies[i].data() + lead;
    }
    for (int32_t i = 0; i < job.output_count; ++i) {
      outputs.emplace_back(lead + static_cast<size_t>(count) * DTypeBytes(job.outputs[i].dtype));
      job.outputs[i].data = (over ? copies[i].data() : outputs.back().data()) + lead;
    }
    std::vector<uint8_t> scratch(MapScratchBytes(job));
    if (piece < 0) {
      LaunchMap(job, nullptr);
      cudaStreamSynchronize(nullptr);
    } else {
      for (int64_t at = 0; at < count; at += piece) {
        run(job, MapPart{at, std::min(at + piece, count)}, scratch.data());
      }
    }
    std::vector<uint8_t> all;
    for (int32_t i = 0; i < job.output_count; ++i) {
      uint8_t* data = static_cast<uint8_t*>(job.outputs[i].data);
      uint32_t* words = reinterpret_cast<uint32_t*>(data);
      if (job.outputs[i].dtype == DType::kF32)
        std::transform(words, words + count, words, CanonicalBitsF32);
      all.insert(all.end(), data, data + outputs[static_cast<size_t>(i)].size() - lead);
    }
    return all;
  }

  Map map = {};
  std::vector<std::vector<uint8_t>> memory;
  size_t lead = 0;  // bytes before each input and output
};

struct Named {
  const char* name;
  MapRun run;
};

inline std::vector<Named> Backends() {
  std::vector<Named> backends;
#if QUIPU_X86
  if (Cpu().avx2) backends.push_back({"avx2", MapAvx2});
  if (Cpu().avx512) backends.push_back({"avx512", MapAvx512});
#endif
  return backends;
}

// Whether all backends give what the portable one gives, in one piece or many.
inline void CheckWork(Work work, const std::string& name, bool over = false) {
  if (!MapIsSound(work.map)) return Check(false, name + ": sound");
  const std::vector<uint8_t> want = work.Run(MapPortable, INT64_MAX / 2, false);
  bool same = work.Run(MapPortable, 97, over) == want && work.Run(nullptr, -1, over) == want;
  for (const Named& backend : Backends()) {
    same = same && work.Run(backend.run, INT64_MAX / 2, over) == want &&
           work.Run(backend.run, 1000, over) == want && work.Run(backend.run, 77, over) == want;
  }
  Check(same, name);
}

// The same on the device, with inputs and outputs that begin between two fours.
inline void CheckOffset(Work work, const std::string& name) {
  const std::vector<uint8_t> want = work.Run(MapPortable, INT64_MAX / 2);
  bool same = true;
  for (const size_t lead : {4, 8, 12}) {
    work.lead = lead;
    same = same && work.Run(nullptr, -1) == want;
  }
  Check(same, name);
}

}  // namespace quipu::test

#endif  // QUIPU_TEST_MAP_WORK_H_
