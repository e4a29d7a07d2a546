// AVX-512: sixteen lanes at a time.
#include "kernels/lanes/floats16.h"
#include "kernels/map/tiles.h"

namespace quipu {
namespace {

constexpr MapTiles kTiles = TilesOverLanes<Floats16>();

}  // namespace

void MapAvx512(const Map& job, const MapPart& part, uint8_t* scratch) {
  RunMap(kTiles, job, part, scratch);
}

}  // namespace quipu
