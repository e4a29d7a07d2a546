// Two axes of a copy: runs, repeats, and transposes in tiles. Strides are in bytes.
//
// In an unnamed namespace: each includer compiles it with its own flags.
#ifndef QUIPU_KERNELS_COPY_COPY_PLANE_H_
#define QUIPU_KERNELS_COPY_COPY_PLANE_H_

#include <stdint.h>
#include <string.h>

#include <algorithm>

namespace quipu {
namespace {

struct CopyAxis {
  int64_t size;
  int64_t from;
  int64_t to;
};

struct CopyPlane {
  CopyAxis rows;
  CopyAxis columns;  // the innermost axis of the target
  int64_t bytes;     // of an element: 1, 2, 4, 8, 16
};

struct Bytes16 {
  uint64_t low, high;
};

// Views need not be aligned to an element that was widened.
template <class Element>
static inline void Move(const char* from, char* to) {
  Element element;
  memcpy(&element, from, sizeof element);
  memcpy(to, &element, sizeof element);
}

// A side of a tile: 16 elements of four bytes fill a cache line.
constexpr int64_t kCopyTile = 16;

template <class Element>
static inline void MoveTile(const char* from, int64_t from_row, int64_t from_column, char* to,
                            int64_t to_row, int64_t to_column, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      Move<Element>(from + i * from_row + j * from_column, to + i * to_row + j * to_column);
    }
  }
}

// Rows of the target are columns of the source. The source is read by whole lines into a buffer:
// its lines may all fall into one set of the cache, which does not hold a tile of them.
template <class Element>
static inline void TransposeTile(const char* from, int64_t from_column, char* to, int64_t to_row) {
  constexpr int64_t kLine = kCopyTile * sizeof(Element);
  alignas(64) char lines[kCopyTile * kLine];
  for (int64_t j = 0; j < kCopyTile; ++j) memcpy(lines + j * kLine, from + j * from_column, kLine);
  MoveTile<Element>(lines, sizeof(Element), kLine, to, to_row, sizeof(Element), kCopyTile,
                    kCopyTile);
}

using Lanes4 = uint32_t __attribute__((vector_size(16)));

// Four by four elements of four bytes in registers.
template <>
inline void TransposeTile<uint32_t>(const char* from, int64_t from_column, char* to,
                                    int64_t to_row) {
  constexpr int64_t kLine = kCopyTile * sizeof(uint32_t);
  alignas(64) char lines[kCopyTile * kLine];
  for (int64_t j = 0; j < kCopyTile; ++j) memcpy(lines + j * kLine, from + j * from_column, kLine);
  for (int64_t i = 0; i < kCopyTile; i += 4) {
    for (int64_t j = 0; j < kCopyTile; j += 4) {
      Lanes4 in[4];
      for (int64_t k = 0; k < 4; ++k) memcpy(&in[k], lines + (j + k) * kLine + i * 4, sizeof in[k]);
      const Lanes4 low02 = __builtin_shufflevector(in[0], in[2], 0, 4, 1, 5);
      const Lanes4 low13 = __builtin_shufflevector(in[1], in[3], 0, 4, 1, 5);
      const Lanes4 high02 = __builtin_shufflevector(in[0], in[2], 2, 6, 3, 7);
      const Lanes4 high13 = __builtin_shufflevector(in[1], in[3], 2, 6, 3, 7);
      const Lanes4 out[4] = {__builtin_shufflevector(low02, low13, 0, 4, 1, 5),
                             __builtin_shufflevector(low02, low13, 2, 6, 3, 7),
                             __builtin_shufflevector(high02, high13, 0, 4, 1, 5),
                             __builtin_shufflevector(high02, high13, 2, 6, 3, 7)};
      for (int64_t k = 0; k < 4; ++k) {
        memcpy(to + (i + k) * to_row + j * 4, &out[k], sizeof out[k]);
      }
    }
  }
}

// Tile by tile, because the source is read most closely along the rows.
template <class Element>
static inline void CopyTiles(const CopyPlane& plane, const char* from, char* to) {
  constexpr auto kBytes = static_cast<int64_t>(sizeof(Element));
  const CopyAxis& rows = plane.rows;
  const CopyAxis& columns = plane.columns;
  const bool transpose = rows.from == kBytes && columns.to == kBytes;
  for (int64_t i = 0; i < rows.size; i += kCopyTile) {
    const int64_t height = std::min(kCopyTile, rows.size - i);
    for (int64_t j = 0; j < columns.size; j += kCopyTile) {
      const int64_t width = std::min(kCopyTile, columns.size - j);
      const char* const source = from + i * rows.from + j * columns.from;
      char* const target = to + i * rows.to + j * columns.to;
      if (transpose && height == kCopyTile && width == kCopyTile) {
        TransposeTile<Element>(source, columns.from, target, rows.to);
      } else {
        MoveTile<Element>(source, rows.from, columns.from, target, rows.to, columns.to, height,
                          width);
      }
    }
  }
}

template <class Element>
static inline void CopyPlaneOf(const CopyPlane& plane, const char* from, char* to) {
  constexpr auto kBytes = static_cast<int64_t>(sizeof(Element));
  const CopyAxis& rows = plane.rows;
  const CopyAxis& columns = plane.columns;
  const auto step = [](int64_t stride) { return stride < 0 ? -stride : stride; };
  if (rows.from != 0 && step(rows.from) < step(columns.from)) {
    return CopyTiles<Element>(plane, from, to);
  }
  for (int64_t i = 0; i < rows.size; ++i, from += rows.from, to += rows.to) {
    if (columns.to == kBytes && columns.from == kBytes) {
      memcpy(to, from, static_cast<size_t>(columns.size * kBytes));
    } else if (columns.to == kBytes) {  // the compiler's loop, for a target without gaps
      MoveTile<Element>(from, 0, columns.from, to, 0, kBytes, 1, columns.size);
    } else {
      MoveTile<Element>(from, 0, columns.from, to, 0, columns.to, 1, columns.size);
    }
  }
}

static inline void CopyPlaneElements(const CopyPlane& plane, const char* from, char* to) {
  switch (plane.bytes) {
    case 1:
      return CopyPlaneOf<uint8_t>(plane, from, to);
    case 2:
      return CopyPlaneOf<uint16_t>(plane, from, to);
    case 4:
      return CopyPlaneOf<uint32_t>(plane, from, to);
    case 8:
      return CopyPlaneOf<uint64_t>(plane, from, to);
    default:
      return CopyPlaneOf<Bytes16>(plane, from, to);
  }
}

}  // namespace
}  // namespace quipu

#endif  // QUIPU_KERNELS_COPY_COPY_PLANE_H_
