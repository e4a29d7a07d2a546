// Maps that the device takes as chains, against the portable ones.
#include "kernels/map/functions.h"
#include "test/map_work.h"

namespace quipu::test {

// Ends within a tile and beyond it, operands on either side, rows
// that repeat, a result that is read late, and what is nearly a chain.
void TestMapChains() {
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

}  // namespace quipu::test
