// Ensembles of trees against one walk at a time, all comparisons and aggregates, with values that
// are equal, unordered and signed zeros; in pieces and on the emulated device; and ensembles that
// would leave their memory.
#include "kernels/trees/trees.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/trees/trees_cuda.h"
#include "test/check.h"
#include "test/random.h"

namespace quipu::test {
namespace {

struct Ensemble {
  std::vector<float> rows;
  std::vector<int32_t> roots;
  std::vector<TreeNode> nodes;
  std::vector<TreeWeight> weights;
  std::vector<float> base;
  Trees job = {};

  void Point() {
    job.rows = rows.data();
    job.roots = roots.data();
    job.nodes = nodes.data();
    job.weights = weights.data();
    job.base = base.empty() ? nullptr : base.data();
    job.tree_count = static_cast<int64_t>(roots.size());
    job.node_count = static_cast<int64_t>(nodes.size());
    job.weight_count = static_cast<int64_t>(weights.size());
  }
};

uint32_t BitsOf(float number) {
  uint32_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  return bits;
}

int32_t Grow(Ensemble* e, int depth, Random* random) {
  const size_t at = e->nodes.size();
  e->nodes.emplace_back();
  const float value = HardNumbers(1, random)[0];
  if (depth == 0 || random->Between(0, 5) == 0) {
    const auto first = static_cast<int32_t>(e->weights.size());
    const int64_t count = random->Between(0, 2);
    for (int64_t i = 0; i < count; ++i) {
      e->weights.push_back({static_cast<int32_t>(random->Between(0, e->job.targets - 1)),
                            HardNumbers(1, random)[0]});
    }
    e->nodes[at] = {kTreeLeaf, 0, {first, static_cast<int32_t>(e->weights.size())}};
    return static_cast<int32_t>(at);
  }
  const auto feature = static_cast<uint32_t>(random->Between(0, e->job.features - 1));
  const auto test = static_cast<uint32_t>(random->Between(0, 15));
  const int32_t yes = Grow(e, depth - 1, random);
  const int32_t no = random->Between(0, 5) == 0 ? yes : Grow(e, depth - 1, random);
  e->nodes[at] = {feature << kTreeFeatureShift | test, BitsOf(value), {yes, no}};
  return static_cast<int32_t>(at);
}

Ensemble RandomEnsemble(int64_t row_count, Random* random) {
  Ensemble e;
  e.job.row_count = row_count;
  e.job.features = random->Between(1, 12);
  e.job.targets = random->Between(1, 3);
  e.job.aggregate = static_cast<TreesAggregate>(random->Between(0, 3));
  e.rows = HardNumbers(static_cast<size_t>(row_count * e.job.features), random);
  const int64_t trees = random->Between(0, 6);
  for (int64_t tree = 0; tree < trees; ++tree) {
    e.roots.push_back(Grow(&e, static_cast<int>(random->Between(0, 6)), random));
  }
  if (random->Between(0, 1) == 0) {
    e.base = HardNumbers(static_cast<size_t>(e.job.targets), random);
  }
  e.Point();
  return e;
}

bool Holds(uint32_t test, float x, float value) {
  if (std::isnan(x) || std::isnan(value)) return (test & 8) != 0;
  return ((test & 1) != 0 && x < value) || ((test & 2) != 0 && x == value) ||
         ((test & 4) != 0 && x > value);
}

float Least(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return NAN;
  if (a == 0 && b == 0) return std::signbit(a) ? a : b;
  return std::min(a, b);
}

// All weights of one target in order, then what becomes of them.
float TargetOf(const Ensemble& e, int64_t row, int32_t target) {
  std::vector<float> found;
  for (const int32_t root : e.roots) {
    const TreeNode* node = &e.nodes[static_cast<size_t>(root)];
    while (node->test != kTreeLeaf) {
      const float x = e.rows[static_cast<size_t>(row * e.job.features + (node->test >> 5))];
      float value;
      std::memcpy(&value, &node->value, sizeof(value));
      node = &e.nodes[static_cast<size_t>(node->next[Holds(node->test, x, value) ? 0 : 1])];
    }
    for (int32_t i = node->next[0]; i < node->next[1]; ++i) {
      const TreeWeight& weight = e.weights[static_cast<size_t>(i)];
      if (weight.target == target) found.push_back(weight.weight);
    }
  }
  const bool based = !e.base.empty();
  const float base = based ? e.base[static_cast<size_t>(target)] : 0;
  const TreesAggregate aggregate = e.job.aggregate;
  float result = aggregate == TreesAggregate::kSum ? base : 0;
  if (aggregate == TreesAggregate::kSum || aggregate == TreesAggregate::kAverage) {
    for (const float weight : found) result += weight;
    if (aggregate == TreesAggregate::kSum) return result;
    result /= static_cast<float>(e.roots.size());
  } else if (!found.empty()) {
    const float sign = aggregate == TreesAggregate::kMinimum ? 1 : -1;
    result = sign * found[0];
    for (const float weight : found) result = Least(result, sign * weight);
    result *= sign;
  }
  return based ? result + base : result;
}

bool Same(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::isnan(x) ? std::isnan(y) : BitsOf(x) == BitsOf(y);
  });
}

bool Agrees(int64_t row_count, Random* random) {
  Ensemble e = RandomEnsemble(row_count, random);
  std::vector<float> want;
  for (int64_t row = 0; row < row_count; ++row) {
    for (int32_t target = 0; target < e.job.targets; ++target) {
      want.push_back(TargetOf(e, row, target));
    }
  }
  std::vector<float> whole(want.size()), pieces(want.size()), device(want.size());
  bool ok = TreesAreSound(e.job);
  e.job.to = whole.data();
  RunTrees(e.job, 0, row_count);
  e.job.to = pieces.data();
  for (int64_t at = 0; at < row_count;) {
    const int64_t end = std::min(row_count, at + random->Between(1, 40));
    RunTrees(e.job, at, end);
    at = end;
  }
  e.job.to = device.data();
  ok = ok && LaunchTrees(e.job, nullptr) == cudaSuccess &&
       cudaStreamSynchronize(nullptr) == cudaSuccess;
  return ok && Same(whole, want) && Same(pieces, want) && Same(device, want);
}

void TestSoundness() {
  Ensemble good;
  good.job.features = 2;
  good.job.targets = 1;
  good.roots = {0};
  good.nodes = {{1 << kTreeFeatureShift | kTreeLess, 0, {1, 2}},
                {kTreeLeaf, 0, {0, 1}},
                {kTreeLeaf, 0, {1, 1}}};
  good.weights = {{0, 1.0f}};
  const auto sound = [&](const auto& change) {
    Ensemble e = good;
    change(&e);
    e.Point();
    return TreesAreSound(e.job);
  };
  Check(sound([](Ensemble*) {}), "trees: a sound ensemble");
  bool refused = true;
  for (const int32_t root : {-1, 3}) refused &= !sound([&](Ensemble* e) { e->roots[0] = root; });
  for (const int32_t node : {-1, 0, 3}) {
    refused &= !sound([&](Ensemble* e) { e->nodes[0].next[0] = node; });
    refused &= !sound([&](Ensemble* e) { e->nodes[0].next[1] = node; });
  }
  for (const int32_t weight : {-1, 2}) {
    refused &= !sound([&](Ensemble* e) { e->nodes[1].next[1] = weight; });
    refused &= !sound([&](Ensemble* e) { e->nodes[1].next[0] = weight; });
  }
  for (const int32_t target : {-1, 1}) {
    refused &= !sound([&](Ensemble* e) { e->weights[0].target = target; });
  }
  refused &= !sound([](Ensemble* e) { e->nodes[0].test = 2u << kTreeFeatureShift; });
  refused &= !sound([](Ensemble* e) { e->nodes[0].test = 0xffffffe0u; });
  refused &= !sound([](Ensemble* e) { e->nodes[1].test |= 1u << kTreeFeatureShift; });
  refused &= !sound([](Ensemble* e) { e->job.features = 0; });
  refused &= !sound([](Ensemble* e) { e->job.targets = 0; });
  refused &= !sound([](Ensemble* e) { e->job.aggregate = static_cast<TreesAggregate>(4); });
  Check(refused, "trees: an ensemble that would leave its memory is not sound");
}

}  // namespace

void TestTreeEnsembles() {
  Random random(4);
  bool ok = true;
  for (int i = 0; i < 300; ++i) ok = ok && Agrees(random.Between(0, 70), &random);
  for (int i = 0; i < 20; ++i) ok = ok && Agrees(1100, &random);
  Check(ok, "trees: all comparisons and aggregates, in pieces and on a device");
  TestSoundness();
}

}  // namespace quipu::test
