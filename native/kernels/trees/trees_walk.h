// One step of a walk and what is done at its end; the same code on a processor and on a device.
//
// In an unnamed namespace: each includer compiles it with its own flags.
#ifndef QUIPU_KERNELS_TREES_TREES_WALK_H_
#define QUIPU_KERNELS_TREES_TREES_WALK_H_

#include "kernels/lanes/floats1.h"
#include "kernels/math/basic.h"
#include "kernels/trees/trees.h"

namespace quipu {
namespace {

// What a target holds before its first weight where the least or the greatest is sought: a NaN that
// no weight leaves there.
constexpr uint32_t kTreeNothing = 0x7fffffffu;

// The node after a branch.
QUIPU_LANES int32_t TreeStep(const TreeNode& node, const float* row) {
  const float x = row[node.test >> kTreeFeatureShift];
  const float value = F32OfBits(node.value);
  const uint32_t found = x < value    ? kTreeLess
                         : x > value  ? kTreeGreater
                         : x == value ? kTreeEqual
                                      : kTreeUnordered;
  return node.next[(node.test & found) != 0 ? 0 : 1];
}

QUIPU_LANES float TreeStart(const Trees& job, int64_t target) {
  switch (job.aggregate) {
    case TreesAggregate::kSum:
      return job.base == nullptr ? 0.0f : job.base[target];
    case TreesAggregate::kAverage:
      return 0.0f;
    default:
      return F32OfBits(kTreeNothing);
  }
}

QUIPU_LANES float TreeJoin(TreesAggregate aggregate, float old, float weight) {
  switch (aggregate) {
    case TreesAggregate::kSum:
    case TreesAggregate::kAverage:
      return old + weight;
    default:
      break;
  }
  if (BitsOfF32(old) == kTreeNothing) return F32OfBits(CanonicalBitsF32(BitsOfF32(weight)));
  const float joined = aggregate == TreesAggregate::kMinimum ? MinimumF32::Of<Floats1>(old, weight)
                                                             : MaximumF32::Of<Floats1>(old, weight);
  return F32OfBits(CanonicalBitsF32(BitsOfF32(joined)));
}

// Adds the weights of a leaf to the targets of its row.
QUIPU_LANES void TreeJoinLeaf(const Trees& job, const TreeNode& leaf, float* targets) {
  for (int32_t i = leaf.next[0]; i < leaf.next[1]; ++i) {
    const TreeWeight& weight = job.weights[i];
    targets[weight.target] = TreeJoin(job.aggregate, targets[weight.target], weight.weight);
  }
}

QUIPU_LANES float TreeEnd(const Trees& job, int64_t target, float value) {
  if (job.aggregate == TreesAggregate::kSum) return value;
  if (job.aggregate == TreesAggregate::kAverage) {
    value = value / static_cast<float>(job.tree_count);
  } else if (BitsOfF32(value) == kTreeNothing) {
    value = 0.0f;
  }
  return job.base == nullptr ? value : value + job.base[target];
}

// The leaf that a row falls into.
QUIPU_LANES int32_t TreeLeafOf(const Trees& job, int32_t root, const float* row) {
  int32_t at = root;
  while ((job.nodes[at].test & kTreeLeaf) == 0) at = TreeStep(job.nodes[at], row);
  return at;
}

// The readable truth.
QUIPU_LANES void RunTreesOfRow(const Trees& job, const float* row, float* targets) {
  for (int64_t i = 0; i < job.targets; ++i) targets[i] = TreeStart(job, i);
  for (int64_t tree = 0; tree < job.tree_count; ++tree) {
    TreeJoinLeaf(job, job.nodes[TreeLeafOf(job, job.roots[tree], row)], targets);
  }
  for (int64_t i = 0; i < job.targets; ++i) targets[i] = TreeEnd(job, i, targets[i]);
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_TREES_TREES_WALK_H_
