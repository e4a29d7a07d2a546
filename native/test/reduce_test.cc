// Reductions: the portable kernel against the definition written down another way, every other
// backend and the emulated device against the portable one, and parts of a job against the whole.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "dispatch/backend.h"
#include "kernels/reduce/reduce_cuda.h"
#include "kernels/reduce/reduce_order.h"
#include "test/check.h"
#include "test/values.h"

namespace quipu::test {
namespace {

using Function = ReduceFunction;

constexpr Function kFunctions[] = {
    Function::kSum,         Function::kProduct,      Function::kMaximum,
    Function::kMinimum,     Function::kSumOfSquares, Function::kMaximumFirst,
    Function::kMaximumLast, Function::kMinimumFirst, Function::kMinimumLast};

bool IsPlace(Function function) { return function >= Function::kMaximumFirst; }

// The tree of lanes from its root down, and the pairs of blocks from the whole down.
template <class Take, class Join>
float Canonical(const std::vector<float>& row, float start, const Take& take, const Join& join) {
  const auto lanes = [&](size_t first, size_t lane, size_t step, const auto& self) -> float {
    if (step < 64) {
      return join(self(first, lane, step * 2, self), self(first, lane + step, step * 2, self));
    }
    float value = start;
    for (size_t i = first + lane; i < std::min(row.size(), first + 4096); i += 64) {
      value = take(value, row[i]);
    }
    return value;
  };
  const auto blocks = [&](size_t first, size_t count, const auto& self) -> float {
    if (count == 1) return lanes(first * 4096, 0, 1, lanes);
    size_t left = 1;
    while (left * 2 < count) left *= 2;
    return join(self(first, left, self), self(first + left, count - left, self));
  };
  return row.empty() ? start : blocks(0, (row.size() + 4095) / 4096, blocks);
}

float Extreme(const std::vector<float>& row, bool largest) {
  float best = std::numeric_limits<float>::infinity() * (largest ? -1 : 1);
  for (const float x : row) {
    if (std::isnan(x)) return x;
    const bool further = x == best
                             ? std::signbit(x) != std::signbit(best) && std::signbit(x) != largest
                             : (x > best) == largest;
    if (further) best = x;
  }
  return best;
}

float Naive(const std::vector<float>& row, Function function) {
  const auto add = [](float a, float b) { return a + b; };
  const auto multiply = [](float a, float b) { return a * b; };
  switch (function) {
    case Function::kSum:
      return Canonical(row, 0, add, add);
    case Function::kProduct:
      return Canonical(row, 1, multiply, multiply);
    case Function::kSumOfSquares:
      return Canonical(
          row, 0, [](float lane, float x) { return std::fma(x, x, lane); }, add);
    default:
      return Extreme(row, function == Function::kMaximum);
  }
}

// In the order of top-k: NaN is above all numbers.
int64_t NaivePlace(const std::vector<float>& row, Function function) {
  const bool largest = function <= Function::kMaximumLast;
  const bool last = function == Function::kMaximumLast || function == Function::kMinimumLast;
  const auto below = [](float a, float b) { return std::isnan(b) ? !std::isnan(a) : a < b; };
  size_t best = 0;
  for (size_t i = 1; i < row.size(); ++i) {
    const bool further = largest ? below(row[best], row[i]) : below(row[i], row[best]);
    const bool equal = !below(row[best], row[i]) && !below(row[i], row[best]);
    if (further || (last && equal)) best = i;
  }
  return static_cast<int64_t>(best);
}

struct Shape {
  int64_t outer, length, inner, inner_stride;

  size_t from() const { return static_cast<size_t>(outer * length * inner_stride); }
  size_t to() const { return static_cast<size_t>(outer * inner_stride); }
};

template <class From, class To>
Reduce JobOf(const Shape& shape, const std::vector<From>& from, std::vector<To>* to) {
  to->assign(shape.to(), To{7});  // what a kernel must leave as it is
  return {from.data(), to->data(), shape.outer, shape.length, shape.inner, shape.inner_stride};
}

bool ReduceEmulated(const Reduce& job, Function function, DType dtype) {
  return LaunchReduce(job, function, dtype, nullptr) == cudaSuccess &&
         cudaStreamSynchronize(nullptr) == cudaSuccess;
}

struct Named {
  const char* name;
  ReduceRun run;
};

std::vector<Named> Others() {
  std::vector<Named> others = {{"CUDA", ReduceEmulated}};
#if QUIPU_X86
  if (BestCpuBackend() >= Backend::kAvx2) others.push_back({"AVX2", ReduceAvx2});
  if (BestCpuBackend() >= Backend::kAvx512) others.push_back({"AVX-512", ReduceAvx512});
#endif
  return others;
}

const std::vector<int64_t> kLengths = {
    0,   1,    2,    7,    8,    9,        16,           17,           31,  33,
    49,  63,   64,   65,   100,  127,      128,          129,          511, 512,
    513, 1000, 4095, 4096, 4097, 2 * 4096, 3 * 4096 + 1, 5 * 4096 + 70};

std::vector<Shape> Shapes() {
  std::vector<Shape> shapes = {
      {0, 5, 1, 1}, {3, 5, 0, 4}, {2, 9 * 4096 + 5, 1, 1}, {2, 35 * 4096 + 70, 1, 1}};
  for (const int64_t length : kLengths) {
    shapes.push_back({length < 100 ? 9 : 3, length, 1, 1});
    shapes.push_back({2, length, 3, 3});
    shapes.push_back({1, length, 1, 2});
    if (length <= 129) shapes.push_back({2, length, 64, 64});
    if (length <= 129 || length == 4097) shapes.push_back({2, length, 70, 73});
  }
  return shapes;
}

std::vector<float> RowOf(const Shape& shape, const std::vector<float>& from, int64_t o, int64_t i) {
  std::vector<float> row;
  for (int64_t j = 0; j < shape.length; ++j) {
    row.push_back(from[static_cast<size_t>((o * shape.length + j) * shape.inner_stride + i)]);
  }
  return row;
}

void TestDefinition() {
  for (const Kind kind : kKinds) {
    bool ok = true;
    for (const Shape& shape : Shapes()) {
      const std::vector<float> from = Values(shape.from(), kind, 3);
      for (const Function function : kFunctions) {
        if (IsPlace(function) && shape.length == 0) continue;
        std::vector<float> got, want(shape.to(), 7);
        std::vector<int64_t> places, want_places(shape.to(), 7);
        ok = ok &&
             (IsPlace(function) ? ReducePortable(JobOf(shape, from, &places), function, DType::kF32)
                                : ReducePortable(JobOf(shape, from, &got), function, DType::kF32));
        for (int64_t at = 0; at < shape.outer * shape.inner; ++at) {
          const int64_t o = at / shape.inner, i = at % shape.inner;
          const auto to = static_cast<size_t>(o * shape.inner_stride + i);
          const std::vector<float> row = RowOf(shape, from, o, i);
          if (IsPlace(function)) want_places[to] = NaivePlace(row, function);
          if (!IsPlace(function)) want[to] = Naive(row, function);
        }
        ok = ok && (IsPlace(function) ? places == want_places : SameBits(got, want));
      }
    }
    Check(ok, "reduce: the portable kernel is the definition, values " + NameOf(kind));
  }
}

template <class From, class To, class Same>
bool Agrees(const Named& other, const Shape& shape, const std::vector<From>& from,
            Function function, DType dtype, const Same& same) {
  std::vector<To> want, got;
  return ReducePortable(JobOf(shape, from, &want), function, dtype) &&
         other.run(JobOf(shape, from, &got), function, dtype) && same(want, got);
}

void TestBackends() {
  for (const Named& other : Others()) {
    for (const Kind kind : kKinds) {
      // The emulated device is slow, and does not tell numbers apart.
      if (other.run == ReduceEmulated && kind != Kind::kUnit && kind != Kind::kHostile) continue;
      bool ok = true;
      for (const Shape& shape : Shapes()) {
        const std::vector<float> from = Values(shape.from(), kind, 5);
        for (const Function function : kFunctions) {
          if (IsPlace(function) && shape.length == 0) continue;
          ok = ok && (IsPlace(function) ? Agrees<float, int64_t>(other, shape, from, function,
                                                                 DType::kF32, std::equal_to())
                                        : Agrees<float, float>(other, shape, from, function,
                                                               DType::kF32, SameBits));
        }
      }
      Check(ok,
            std::string("reduce: ") + other.name + " gives the same bits, values " + NameOf(kind));
    }
  }
}

template <class Integer>
void TestIntegers(DType dtype, const std::string& name) {
  std::vector<Named> all = Others();
  all.push_back({"portable", ReducePortable});
  bool ok = true;
  for (const Shape& shape : Shapes()) {
    std::vector<Integer> from(shape.from());
    const std::vector<uint8_t> noise = Noise(from.size() * sizeof(Integer), 9);
    if (!noise.empty()) std::memcpy(from.data(), noise.data(), noise.size());
    for (const Function function : kFunctions) {
      for (const Named& each : all) {
        if (IsPlace(function)) {
          std::vector<int64_t> to;
          ok = ok && !each.run(JobOf(shape, from, &to), function, dtype);
        } else {
          ok = ok && Agrees<Integer, Integer>(each, shape, from, function, dtype, std::equal_to());
        }
      }
    }
  }
  Check(ok, "reduce: " + name + " on every backend");
}

void TestSmallIntegers() {
  const std::vector<int32_t> from = {INT32_MAX, 3, -2, INT32_MIN, 5};
  const int32_t want[] = {7 - 2, 0, INT32_MAX, INT32_MIN, 1 + 9 + 4 + 0 + 25};
  bool ok = true;
  for (int f = 0; f < 5; ++f) {
    int32_t to = 0;
    const Reduce job{from.data(), &to, 1, 5, 1, 1};
    ok = ok && ReducePortable(job, kFunctions[f], DType::kI32) && to == want[f];
  }
  Check(ok, "reduce: integers wrap");
}

// Parts of the columns, and parts of the length that are joined.
void TestParts() {
  const Shape whole{2, 13 * 4096 + 9, 70, 73};
  const std::vector<float> from = Values(whole.from(), Kind::kUnit, 11);
  bool columns = true, lengths = true;
  for (int f = 0; f < 5; ++f) {
    std::vector<float> want, got, parts(whole.to() * 7);
    ReducePortable(JobOf(whole, from, &want), kFunctions[f], DType::kF32);
    Reduce job = JobOf(whole, from, &got);
    for (const auto& [begin, end] : {std::pair{0, 33}, std::pair{33, 34}, std::pair{34, 70}}) {
      const Reduce part{from.data() + begin, got.data() + begin, 2, whole.length, end - begin, 73};
      columns = columns && ReducePortable(part, kFunctions[f], DType::kF32);
    }
    columns = columns && SameBits(got, want);
    constexpr int64_t kPart = 2 * kReduceBlock;
    for (int64_t o = 0; o < 2; ++o) {
      for (int64_t p = 0; p < 7; ++p) {
        const int64_t some = std::min(whole.length - p * kPart, kPart);
        const Reduce part{from.data() + (o * whole.length + p * kPart) * 73,
                          parts.data() + (o * 7 + p) * 73,
                          1,
                          some,
                          70,
                          73};
        lengths = lengths && ReducePortable(part, kFunctions[f], DType::kF32);
      }
    }
    job = JobOf(Shape{2, 7, 70, 73}, parts, &got);
    lengths = lengths && JoinReduced(job, kFunctions[f], DType::kF32) && SameBits(got, want);
  }
  Check(columns, "reduce: parts of the columns");
  Check(lengths, "reduce: parts of the length, joined");
}

}  // namespace

void TestReduce() {
  TestDefinition();
  TestBackends();
  TestIntegers<int32_t>(DType::kI32, "i32");
  TestIntegers<int64_t>(DType::kI64, "i64");
  TestSmallIntegers();
  TestParts();
}

}  // namespace quipu::test
