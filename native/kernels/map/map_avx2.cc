// AVX2: eight lanes at a time.
#include "kernels/lanes/floats8.h"
#include "kernels/map/tiles.h"

namespace quipu {
namespace {

constexpr MapTiles kTiles = TilesOverLanes<Floats8>();

}  // namespace

void MapAvx2(const Map& job, const MapPart& part, uint8_t* scratch) {
  RunMap(kTiles, job, part, scratch);
}

}  // namespace quipu
