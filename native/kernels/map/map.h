// An expression of elementwise functions over broadcast inputs, in one pass over memory.
//
// Registers are numbered: the inputs, then the constants, then the result of each step, each
// written once. A step is a function of up to three registers. Every element of the output shape is
// computed by itself, so work may be divided over elements in any way.
#ifndef QUIPU_KERNELS_MAP_MAP_H_
#define QUIPU_KERNELS_MAP_MAP_H_

#include <stddef.h>
#include <stdint.h>

#include "quipu/views.h"

namespace quipu {

constexpr int kMapInputsMax = 8, kMapConstantsMax = 32, kMapStepsMax = 96, kMapOutputsMax = 4;
constexpr int kMapRegistersMax = kMapInputsMax + kMapConstantsMax + kMapStepsMax;
// Elements that go through all steps before the next ones do: they stay in first-level cache.
constexpr int64_t kMapTile = 1024;

struct MapStep {
  uint16_t function;    // a number of functions.h
  uint8_t operands[3];  // registers; 0 where the function takes less
  uint8_t slot;         // tile buffer of the result, by PlanMap; registers may share one
  uint8_t with_next;    // 1: taken together with the next step, by PlanMap
};

// `stride` counts elements, outermost axis first; 0 repeats.
struct MapInput {
  const void* data;
  DType dtype;
  int64_t stride[kRankMax];
};

struct MapConstant {
  DType dtype;
  uint64_t bits;  // the element in the lowest bytes
};

// Dense, row-major. May be the memory of an input that is dense too and has elements of the same
// size; it overlaps no other input and no other output.
struct MapOutput {
  void* data;
  DType dtype;
  uint8_t reg;
};

struct Map {
  int32_t input_count, constant_count, step_count, output_count;
  int32_t rank;        // 0: one element. Neighbouring axes that lie one behind the other in every
  int32_t slot_count;  // input are best merged by the caller. slot_count by PlanMap
  int64_t shape[kRankMax];
  MapInput inputs[kMapInputsMax];
  MapConstant constants[kMapConstantsMax];
  MapStep steps[kMapStepsMax];
  MapOutput outputs[kMapOutputsMax];
};

// Counts are in bounds, every register is defined before it is used and has the type that is asked
// for, shapes and strides are not negative. Pointers are not looked at.
bool MapIsSound(const Map& job);

// Gives each step of a sound map a tile buffer that holds nothing that is still to be read, and
// finds the steps that are taken in pairs.
void PlanMap(Map* job);

// Output elements, as the shape says.
int64_t MapElements(const Map& job);

// Output elements [begin, end) in row-major order, and so many more times as many, each `apart`
// elements after the last.
struct MapPart {
  int64_t begin;
  int64_t end;
  int64_t repeats = 0;
  int64_t apart = 0;
};

// `scratch`: MapScratchBytes, for this call alone.
using MapRun = void (*)(const Map& job, const MapPart& part, uint8_t* scratch);

size_t MapScratchBytes(const Map& job);
void MapPortable(const Map& job, const MapPart& part, uint8_t* scratch);
void MapAvx2(const Map& job, const MapPart& part, uint8_t* scratch);
void MapAvx512(const Map& job, const MapPart& part, uint8_t* scratch);

}  // namespace quipu

#endif  // QUIPU_KERNELS_MAP_MAP_H_
