// Maps: every function on every backend and on the emulated device against the portable one, over
// operands that are dense, repeat, or lie apart; outputs in the memory of inputs; work divided
// anywhere; and maps that are not sound.
#include "kernels/map/functions.h"
#include "test/map_work.h"

namespace quipu::test {
namespace {

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
  TestManyKept();
  TestSharedMemory();
  TestSoundness();
}

}  // namespace quipu::test
