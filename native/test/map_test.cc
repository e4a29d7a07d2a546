// Maps: every function on every backend and on the emulated device against the portable one, over
// operands that are dense, repeat, or lie apart; outputs in the memory of inputs; work divided
// anywhere; and maps that are not sound.
#include <algorithm>
#include <cstring>

#include "kernels/map/functions.h"
#include "kernels/map/map_cuda.h"
#include "kernels/math/canonical.h"
#include "support/cpu_features.h"
#include "test/check.h"
#include "test/emulated/device.h"

namespace quipu::test {
namespace {

constexpr uint32_t kSpecials[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000,
    0xbf800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345,
    0x7f812345, 0x477fe000, 0x33000001, 0x3f000000, 0xbf000000, 0x5f000000, 0xdf000000};

// Noise, with what is easily forgotten among it; truth values are 0 or 1.
std::vector<uint8_t> Elements(DType dtype, size_t count, uint64_t seed) {
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

std::vector<Named> Backends() {
  std::vector<Named> backends;
#if QUIPU_X86
  if (Cpu().avx2) backends.push_back({"avx2", MapAvx2});
  if (Cpu().avx512) backends.push_back({"avx512", MapAvx512});
#endif
  return backends;
}

// Whether all backends give what the portable one gives, in one piece or many.
void CheckWork(Work work, const std::string& name, bool over = false) {
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
void CheckOffset(Work work, const std::string& name) {
  const std::vector<uint8_t> want = work.Run(MapPortable, INT64_MAX / 2);
  bool same = true;
  for (const size_t lead : {4, 8, 12}) {
    work.lead = lead;
    same = same && work.Run(nullptr, -1) == want;
  }
  Check(same, name);
}

void TestEveryFunction() {
  for (int number = 0; number < kMapFunctionsMax; ++number) {
    const MapSignature* signature = MapSignatureOf(number);
    if (signature == nullptr) continue;
    int taken = 0;
    while (taken < 3 && signature->operands[taken] != DType{}) ++taken;
    for (int repeating = 0; repeating < 1 << taken; ++repeating) {
      Work work({1203});
      uint8_t operands[3] = {};
      for (int i = 0; i < taken; ++i) {
        const int64_t stride = (repeating >> i & 1) != 0 ? 0 : 1;
        operands[i] = work.Input(signature->operands[i], {stride},
                                 static_cast<uint64_t>(number * 8 + i + 1 + repeating));
      }
      const uint8_t result = work.Step(number, operands[0], operands[1], operands[2]);
      work.Output(signature->result, result);
      CheckWork(work, "map: function " + std::to_string(number) + ", repeating " +
                          std::to_string(repeating));
    }
  }
}

// (a + b) · c - a, whether it is positive, and b itself.
Work Expression(std::vector<int64_t> shape, std::vector<std::vector<int64_t>> strides) {
  Work work(std::move(shape));
  uint8_t in[3];
  for (size_t i = 0; i < 3; ++i) {
    in[i] = work.Input(DType::kF32, i < strides.size() ? strides[i] : work.Dense(), 50 + i);
  }
  const uint8_t zero = work.Constant(DType::kF32, 0);
  const uint8_t scaled = work.Step(42, work.Step(40, in[0], in[1]), in[2]);
  const uint8_t result = work.Step(41, scaled, in[0]);
  work.Output(DType::kF32, result);
  work.Output(DType::kBool, work.Step(51, zero, result));
  work.Output(DType::kF32, in[1]);
  work.Output(DType::kF32, result);
  return work;
}

void TestWalks() {
  CheckWork(Expression({}, {}), "map: a single element");
  CheckWork(Expression({0, 7}, {}), "map: nothing");
  CheckWork(Expression({3, 1700}, {{0, 1}, {1, 0}}), "map: long rows and columns");
  CheckWork(Expression({41, 30}, {{0, 1}, {1, 0}, {1, 41}}), "map: short rows, transposed");
  CheckWork(Expression({2, 3, 5, 7, 11}, {{0, 0, 1, 0, 5}, {0, 1, 0, 3, 0}, {0, 0, 0, 0, 0}}),
            "map: five axes");
  CheckWork(Expression({5, 513}, {{1026, 2}, {513, 1}, {600, 1}}), "map: strides and gaps");
}

// Whatever the device takes by fours: rows of fours and others, each start, and ends within a four.
void TestFours() {
  for (const int64_t columns : {4, 7, 64, 2052}) {
    const int64_t rows = columns > 1000 ? 3 : 37;
    bool is_first = true;
    for (const std::vector<std::vector<int64_t>>& strides :
         std::vector<std::vector<std::vector<int64_t>>>{
             {{columns, 1}, {0, 1}, {1, 0}},
             {{columns + 4, 1}, {columns + 1, 1}, {0, 0}},
             {{2 * columns, 2}, {1, rows}, {0, 1}}}) {
      Work work = Expression({rows, columns}, strides);
      CheckWork(work, "map: rows of " + std::to_string(columns));
      if (is_first) CheckOffset(work, "map: odd starts, rows of " + std::to_string(columns));
      is_first = false;
    }
  }
  for (const int64_t count : {1, 3, 4, 5, 2047, 2048, 2049, 6001}) {
    Work work = Expression({count}, {{1}, {0}, {1}});
    CheckWork(work, "map: " + std::to_string(count) + " elements");
    CheckOffset(work, "map: odd starts, " + std::to_string(count) + " elements");
  }
}

// What the device takes as chains: ends within a tile and beyond it, operands on either side, rows
// that repeat, a result that is read late, and what is nearly a chain.
void TestChains() {
  for (int number = 1; number < kMapFunctionsMax; ++number) {
    if (!IsOfChain(number)) continue;
    const bool takes_two = MapSignatureOf(number)->operands[1] != DType{};
    for (const int64_t count : {4, 2048, 6044}) {
      bool one = true;
      for (int sides = 0; sides < (takes_two ? 4 : 1); ++sides) {
        Work work({count});
        work.Input(DType::kF32, {1}, static_cast<uint64_t>(number + sides));
        work.Input(DType::kF32, {1}, static_cast<uint64_t>(number + sides + 1));
        const uint8_t half = work.Constant(DType::kF32, 0x3f000000);
        const uint8_t last = work.Step(42, 0, 1);
        const uint8_t pairs[4][2] = {{last, half}, {0, last}, {half, last}, {last, last}};
        work.Output(DType::kF32, work.Step(number, pairs[sides][0], pairs[sides][1]));
        one = one && work.Run(nullptr, -1) == work.Run(MapPortable, INT64_MAX / 2);
      }
      Check(one, "map: chain with function " + std::to_string(number) + ", " +
                     std::to_string(count) + " elements");
    }
  }
  for (const std::vector<int64_t>& strides :
       std::vector<std::vector<int64_t>>{{0, 0, 1}, {0, 60, 1}, {0, 0, 0}, {1, 0, 0}, {60, 0, 1}}) {
    for (const bool swapped : {false, true}) {
      Work work({41, 5, 60});
      work.Input(DType::kF32, swapped ? strides : work.Dense(), 50);
      work.Input(DType::kF32, swapped ? work.Dense() : strides, 51);
      const uint8_t zero = work.Constant(DType::kF32, 0);
      work.Output(DType::kF32, work.Step(45, work.Step(40, 0, 1), zero));
      CheckWork(work, "map: chain over rows");
      CheckOffset(work, "map: chain over rows, odd starts");
    }
  }
  for (const bool twice : {false, true}) {
    Work kept({5000});
    kept.Input(DType::kF32, {1}, 52);
    const uint8_t half = kept.Constant(DType::kF32, 0x3f000000);
    const uint8_t part = kept.Step(42, 0, half);
    const uint8_t sum = kept.Step(40, kept.Step(29, kept.Step(14, part)), half);
    const uint8_t result = kept.Step(41, part, sum);
    kept.Output(DType::kF32, kept.Step(43, twice ? sum : part, result));
    CheckWork(kept, "map: chain with a result that is read late");
    CheckWork(kept, "map: chain with a result that is read late, where its input was", true);
  }
}

// More results that are read late than the device keeps in shared memory.
void TestManyKept() {
  for (const int kept : {5, 6, 7, 90}) {
    Work work({777});
    work.Input(DType::kF32, {1}, 90);
    uint8_t sum = work.Constant(DType::kF32, 0x3f000000);
    std::vector<uint8_t> all;
    for (int i = 0; i < kept; ++i) all.push_back(work.Step(42, 0, i == 0 ? 1 : all.back()));
    // From the last one back, so that the first is kept to the end; then no step is left.
    for (size_t i = 0; i < 5; ++i) sum = work.Step(40, all[all.size() - 1 - i], sum);
    for (size_t i = 0; i < 1; ++i) sum = work.Step(41, all[i], sum);
    work.Output(DType::kF32, sum);
    for (size_t i = 0; i < 3; ++i) work.Output(DType::kF32, all[i]);
    CheckWork(work, "map: " + std::to_string(kept) + " results");
  }
}

void TestSharedMemory() {
  Work swap({1501});
  for (int i = 0; i < 3; ++i) swap.Input(DType::kI32, {1}, 60 + static_cast<uint64_t>(i));
  const uint8_t sum = swap.Step(133, 0, 1);
  swap.Output(DType::kI32, 1);
  swap.Output(DType::kI32, 2);
  swap.Output(DType::kI32, swap.Step(133, sum, 0));
  CheckWork(swap, "map: outputs in the memory of inputs that are outputs too", true);
  Work late({1501});
  late.Input(DType::kF32, {1}, 70);
  late.Output(DType::kF32, late.Step(40, late.Step(1, 0), 0));
  CheckWork(late, "map: an output in the memory of its input", true);
  Work early({1501});
  for (int i = 0; i < 2; ++i) early.Input(DType::kF32, {1}, 80 + static_cast<uint64_t>(i));
  early.Output(DType::kF32, early.Step(2, 1));
  early.Output(DType::kF32, early.Step(40, 0, 1));
  CheckWork(early, "map: an input that is read after an output in its memory is known", true);
}

void TestSoundness() {
  const Work work = Expression({4, 4}, {});
  const auto refused = [&work](const char* what, void (*spoil)(Map&)) {
    Map map = work.map;
    spoil(map);
    Check(MapIsSound(work.map) && !MapIsSound(map), std::string("map: refused: ") + what);
  };
  refused("too many inputs", [](Map& map) { map.input_count = kMapInputsMax + 1; });
  refused("fewer than no steps", [](Map& map) { map.step_count = -1; });
  refused("too many axes", [](Map& map) { map.rank = kRankMax + 1; });
  refused("a negative stride", [](Map& map) { map.inputs[1].stride[1] = -1; });
  refused("a function that does not exist", [](Map& map) { map.steps[0].function = 0; });
  refused("a number beyond all functions", [](Map& map) { map.steps[0].function = 65535; });
  refused("a register that is not defined yet", [](Map& map) { map.steps[0].operands[1] = 5; });
  refused("an operand of another type", [](Map& map) { map.inputs[0].dtype = DType::kI32; });
  refused("an operand too many", [](Map& map) { map.steps[0].function = 1; });
  refused("an output of another type", [](Map& map) { map.outputs[1].dtype = DType::kF32; });
  refused("an output of nothing", [](Map& map) { map.outputs[0].reg = 200; });
  refused("a type that no map knows", [](Map& map) { map.constants[0].dtype = DType::kF64; });
}

}  // namespace

void TestMap() {
  TestEveryFunction();
  TestWalks();
  TestFours();
  TestChains();
  TestManyKept();
  TestSharedMemory();
  TestSoundness();
}

}  // namespace quipu::test
