// A block of rows goes through one tree after another, so that each tree is read from memory once a
// block. Rows walk side by side: a step waits for memory, and the step of the next row does not
// depend on it.
#include "kernels/trees/trees.h"

#include <string.h>

#include <algorithm>

#include "kernels/trees/trees_walk.h"

namespace quipu {
namespace {

constexpr int kWalks = 16;

// Rows of a block: their features stay in the second-level cache while all trees come by.
constexpr int64_t kBlockRowsMin = 4 * kWalks;
static_assert(kTreesBlockRowsMax % kWalks == 0);
constexpr int64_t kBlockFeatures = int64_t{1} << 16;

// Four walks in lanes: compared so, no jump depends on the rows, whose ways cannot be predicted.
using Floats4 = float __attribute__((vector_size(16)));
using Words4 = int32_t __attribute__((vector_size(16)));

// The nodes after four nodes; a walk that has come to a leaf stays. Adds to `*walking` what is not
// 0 where one goes on.
Words4 Step4(const TreeNode* nodes, Words4 at, const float* rows, int64_t features,
             Words4* walking) {
  Words4 test, next;
  Floats4 x, value;
  const TreeNode* node[4];
  for (int i = 0; i < 4; ++i) {
    node[i] = nodes + at[i];
    test[i] = static_cast<int32_t>(node[i]->test);
    value[i] = F32OfBits(node[i]->value);
    x[i] = rows[i * features + (node[i]->test >> kTreeFeatureShift)];
  }
  const Words4 less = x<value, equal = x == value, greater = x> value;
  const Words4 found = (less & kTreeLess) | (equal & kTreeEqual) | (greater & kTreeGreater) |
                       (~(less | equal | greater) & kTreeUnordered);
  const Words4 fails = (found & test) == 0;  // -1, otherwise 0
  for (int i = 0; i < 4; ++i) next[i] = node[i]->next[-fails[i]];
  const Words4 branch = (test & kTreeLeaf) == 0;
  *walking |= branch;
  return (branch & next) | (~branch & at);
}

// The leaves that rows first … first + kWalks - 1 fall into.
void WalkTogether(const Trees& job, int32_t root, const float* rows, int32_t* leaves) {
  constexpr int kVectors = kWalks / 4;
  Words4 at[kVectors];
  for (Words4& vector : at) vector = Words4{root, root, root, root};
  for (;;) {
    Words4 walking = {};
    for (int i = 0; i < kVectors; ++i) {
      at[i] = Step4(job.nodes, at[i], rows + 4 * i * job.features, job.features, &walking);
    }
    if ((walking[0] | walking[1] | walking[2] | walking[3]) == 0) break;
  }
  memcpy(leaves, at, sizeof at);
}

// Rows [begin, end), whose number is a multiple of kWalks.
void RunBlock(const Trees& job, int64_t begin, int64_t end) {
  const auto targets_of = [&](int64_t row) { return job.to + row * job.targets; };
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t i = 0; i < job.targets; ++i) targets_of(row)[i] = TreeStart(job, i);
  }
  for (int64_t tree = 0; tree < job.tree_count; ++tree) {
    for (int64_t row = begin; row < end; row += kWalks) {
      int32_t leaves[kWalks];
      WalkTogether(job, job.roots[tree], job.rows + row * job.features, leaves);
      for (int walk = 0; walk < kWalks; ++walk) {
        TreeJoinLeaf(job, job.nodes[leaves[walk]], targets_of(row + walk));
      }
    }
  }
  for (int64_t row = begin; row < end; ++row) {
    float* const targets = targets_of(row);
    for (int64_t i = 0; i < job.targets; ++i) targets[i] = TreeEnd(job, i, targets[i]);
  }
}

bool NodeIsSound(const Trees& job, int64_t at) {
  const TreeNode& node = job.nodes[at];
  if ((node.test & kTreeLeaf) != 0) {
    // A walk that waits for others at its leaf looks at feature 0 as if it were a branch.
    return node.test == uint32_t{kTreeLeaf} && 0 <= node.next[0] && node.next[0] <= node.next[1] &&
           node.next[1] <= job.weight_count;
  }
  return node.test >> kTreeFeatureShift < job.features && at < node.next[0] && at < node.next[1] &&
         node.next[0] < job.node_count && node.next[1] < job.node_count;
}

}  // namespace

bool TreesAreSound(const Trees& job) {
  if (job.features < 1 || job.targets < 1 || job.aggregate < TreesAggregate::kSum ||
      job.aggregate > TreesAggregate::kMaximum) {
    return false;
  }
  for (int64_t tree = 0; tree < job.tree_count; ++tree) {
    if (job.roots[tree] < 0 || job.roots[tree] >= job.node_count) return false;
  }
  for (int64_t node = 0; node < job.node_count; ++node) {
    if (!NodeIsSound(job, node)) return false;
  }
  for (int64_t i = 0; i < job.weight_count; ++i) {
    if (job.weights[i].target < 0 || job.weights[i].target >= job.targets) return false;
  }
  return true;
}

void RunTrees(const Trees& job, int64_t begin, int64_t end) {
  const int64_t most = std::clamp(kBlockFeatures / job.features, kBlockRowsMin, kTreesBlockRowsMax);
  while (end - begin >= kWalks) {
    const int64_t rows = std::min(most, end - begin) / kWalks * kWalks;
    RunBlock(job, begin, begin + rows);
    begin += rows;
  }
  for (; begin < end; ++begin) {
    RunTreesOfRow(job, job.rows + begin * job.features, job.to + begin * job.targets);
  }
}

}  // namespace quipu
