// Ways to cut work into pieces that share no output.
#ifndef QUIPU_PROGRAM_SPLIT_H_
#define QUIPU_PROGRAM_SPLIT_H_

#include <cstdint>

namespace quipu {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
};

// Part `index` of `parts` of [0, count), cut at multiples of `unit`.
inline Range PartOf(int64_t count, int64_t parts, int64_t index, int64_t unit) {
  const int64_t units = (count + unit - 1) / unit;
  const int64_t begin = units * index / parts * unit;
  const int64_t end = units * (index + 1) / parts * unit;
  return Range{begin < count ? begin : count, end < count ? end : count};
}

struct Grid {
  int64_t rows = 1;
  int64_t columns = 1;
};

// At most `parts` tiles of an m × n matrix: the largest tile as small as can be, then the least
// packing, which grows with the sides of a tile.
inline Grid GridOf(int64_t m, int64_t n, int64_t parts, int64_t row_unit, int64_t column_unit) {
  Grid best;
  double best_cost = -1;
  for (int64_t rows = 1; rows <= parts; ++rows) {
    const int64_t columns = parts / rows;
    const int64_t row_units = (m + row_unit - 1) / row_unit;
    const int64_t column_units = (n + column_unit - 1) / column_unit;
    if (rows > row_units || columns > column_units) continue;
    const double height = static_cast<double>((row_units + rows - 1) / rows * row_unit);
    const double width = static_cast<double>((column_units + columns - 1) / columns * column_unit);
    const double cost = height * width + (height + width) / 16;
    if (best_cost < 0 || cost < best_cost) {
      best_cost = cost;
      best = Grid{rows, columns};
    }
  }
  return best;
}

// Products are cut where the micro tiles of every backend end: multiples of 6 and 8, and of 32.
constexpr int64_t kRowUnit = 24;
constexpr int64_t kColumnUnit = 32;

// So large a tile of a product is still in the second-level cache when it is done.
constexpr int64_t kTileRows = 336;
constexpr int64_t kTileColumns = 512;

// Multiply-adds that take so long that somebody may want to stop them.
constexpr int64_t kLongWork = int64_t{1} << 31;

// Calls compute(rows, columns) for tiles of a part of a product: the whole part at once, or, where
// something is still to be done with each tile while it is near, or the product may be stopped,
// small ones.
template <class Compute>
void Tiles(Range rows, Range columns, bool are_small, const Compute& compute) {
  const int64_t height = are_small ? kTileRows : rows.end - rows.begin;
  const int64_t width = are_small ? kTileColumns : columns.end - columns.begin;
  for (int64_t j = columns.begin; j < columns.end; j += width) {
    for (int64_t i = rows.begin; i < rows.end; i += height) {
      compute(Range{i, i + height < rows.end ? i + height : rows.end},
              Range{j, j + width < columns.end ? j + width : columns.end});
    }
  }
}

}  // namespace quipu

#endif  // QUIPU_PROGRAM_SPLIT_H_
