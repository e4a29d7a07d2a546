// Ensembles of decision trees: of each row of features the sum, mean, least or greatest of the
// weights at the leaves that it falls into, for each target (ONNX TreeEnsembleRegressor and
// TreeEnsembleClassifier).
//
// Frozen (docs/arithmetic.md, "Tree ensembles"): trees ascending, and the weights of a leaf in
// their order. A sum starts at the target's base value; the mean is a sum from +0 that is divided
// by the number of trees, the least and the greatest are of the weights alone, +0 where no leaf had
// one, and to these the base value is added last.
#ifndef QUIPU_KERNELS_TREES_TREES_H_
#define QUIPU_KERNELS_TREES_TREES_H_

#include <stdint.h>

namespace quipu {

// Four words of 32 bits. A branch compares a feature with its value and goes on at `yes` where its
// test has the bit of what was found, otherwise at `no`. Both lie after the branch, so every walk
// ends. Branches may share what follows.
struct TreeNode {
  uint32_t test;    // feature << kTreeFeatureShift | bits below
  uint32_t value;   // binary32; of a leaf 0
  int32_t next[2];  // if the test holds, if not; of a leaf its first weight and the last one's next
};

// Bits of a test.
constexpr int32_t kTreeLess = 1;
constexpr int32_t kTreeEqual = 2;
constexpr int32_t kTreeGreater = 4;
constexpr int32_t kTreeUnordered = 8;  // one of the two is NaN
constexpr int32_t kTreeLeaf = 16;
constexpr int kTreeFeatureShift = 5;
constexpr int64_t kTreeFeaturesMax = int64_t{1} << (32 - kTreeFeatureShift);

// Two words of 32 bits.
struct TreeWeight {
  int32_t target;
  float weight;
};

// Numbers are frozen: they stand in flat programs.
enum class TreesAggregate : int32_t {
  kSum = 0,
  kAverage = 1,
  kMinimum = 2,
  kMaximum = 3,
};

struct Trees {
  const float* rows;  // [row_count, features]
  float* to;          // [row_count, targets]
  const int32_t* roots;
  const TreeNode* nodes;
  const TreeWeight* weights;
  const float* base;  // one a target; null: none
  int64_t row_count;
  int64_t features;
  int64_t targets;
  int64_t tree_count;
  int64_t node_count;
  int64_t weight_count;
  TreesAggregate aggregate;
};

// Whether nothing that a walk reads or writes lies outside of what the job names, whatever the rows
// hold. Only such jobs may be run.
bool TreesAreSound(const Trees& job);

// Each tree is read from memory once for at most so many rows.
constexpr int64_t kTreesBlockRowsMax = 512;

// Rows [begin, end).
void RunTrees(const Trees& job, int64_t begin, int64_t end);

}  // namespace quipu

#endif  // QUIPU_KERNELS_TREES_TREES_H_
