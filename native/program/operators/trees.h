// trees  rows, roots, nodes, weights(, base) → y | row count, features, targets, aggregate
//
// Roots, nodes (four words each) and weights (two words each) are constants of type int32, whose
// layout is that of kernels/trees/trees.h; base is a constant of type f32, one a target.
#ifndef QUIPU_PROGRAM_OPERATORS_TREES_H_
#define QUIPU_PROGRAM_OPERATORS_TREES_H_

#include "kernels/trees/trees.h"
#include "program/words.h"

namespace quipu {

struct TreesWords {
  int64_t row_count, features, targets;
  TreesAggregate aggregate;

  explicit TreesWords(Words* words)
      : row_count(words->Size()),
        features(words->Size()),
        targets(words->Size()),
        aggregate(static_cast<TreesAggregate>(words->Between(0, 3))) {}

  // `at` gives addresses; `to` and the rows may be null where only constants are looked at.
  template <class At>
  Trees Job(const At& at, const Program& program, const ProgramOperator& op, const float* rows,
            float* to) const {
    Trees job = {};
    job.rows = rows;
    job.to = to;
    job.roots = reinterpret_cast<const int32_t*>(at(op.reads[1]));
    job.nodes = reinterpret_cast<const TreeNode*>(at(op.reads[2]));
    job.weights = reinterpret_cast<const TreeWeight*>(at(op.reads[3]));
    job.base = op.reads.size() == 5 ? reinterpret_cast<const float*>(at(op.reads[4])) : nullptr;
    job.row_count = row_count;
    job.features = features;
    job.targets = targets;
    job.tree_count = program.Read(op, 1).elements;
    job.node_count = program.Read(op, 2).elements / 4;
    job.weight_count = program.Read(op, 3).elements / 2;
    job.aggregate = aggregate;
    return job;
  }
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_OPERATORS_TREES_H_
