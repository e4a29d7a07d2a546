// The walk of a map over its tiles, which is the same for every instruction set; each brings its
// own table of steps.
#ifndef QUIPU_KERNELS_MAP_MAP_RUN_H_
#define QUIPU_KERNELS_MAP_MAP_RUN_H_

#include "kernels/map/functions.h"
#include "kernels/map/map.h"
#include "kernels/map/pairs.h"

namespace quipu {

// Element i of a tile's operand: data[i · step]; the step is 0 or 1.
struct MapOperand {
  const void* data;
  int64_t step;
};

// One step over `count` elements.
using MapTileStep = void (*)(const MapOperand operands[3], void* result, int64_t count);
// A pair of steps: operands of the first, then others of the second, which end at the fourth place.
using MapTilePair = void (*)(const MapOperand operands[4], void* result, int64_t count);

struct MapTiles {
  MapTileStep of[kMapFunctionsMax];
  MapTilePair pairs[kPairs];
};

void RunMap(const MapTiles& tiles, const Map& job, const MapPart& part, uint8_t* scratch);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_MAP_RUN_H_
