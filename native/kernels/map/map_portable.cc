// The readable truth of the map: one element after the other.
#include "kernels/lanes/floats1.h"
#include "kernels/map/tiles.h"

namespace quipu {
namespace {

constexpr MapTiles kTiles = TilesOverLanes<Floats1>();

}  // namespace

void MapPortable(const Map& job, const MapPart& part, uint8_t* scratch) {
  RunMap(kTiles, job, part, scratch);
}

}  // namespace quipu
