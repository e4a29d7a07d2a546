// map  inputs → outputs | rank, shape[rank], of each input stride[rank]; constants: how many, of
// each its type and bits; steps: how many, of each function | a << 16 | b << 24 | c << 32; a
// register for each output
#include "program/operator.h"
#include "program/run_cpu.h"
#include "program/words.h"

namespace quipu {
namespace {

bool ReadMap(const Program& program, const ProgramOperator& op, Map* map) {
  Words words(op);
  *map = Map{};
  map->input_count = static_cast<int32_t>(op.reads.size());
  map->output_count = static_cast<int32_t>(op.writes.size());
  if (map->input_count > kMapInputsMax || map->output_count > kMapOutputsMax) return false;
  if (map->output_count == 0) return false;  // its size is that of what it writes
  map->rank = static_cast<int32_t>(words.Between(0, kRankMax));
  words.Sizes(map->shape, map->rank);
  for (int32_t i = 0; i < map->input_count; ++i) {
    map->inputs[i].dtype = program.Read(op, static_cast<size_t>(i)).dtype;
    words.Sizes(map->inputs[i].stride, map->rank);
  }
  map->constant_count = static_cast<int32_t>(words.Between(0, kMapConstantsMax));
  for (int32_t i = 0; i < map->constant_count; ++i) {
    map->constants[i].dtype = static_cast<DType>(words.Between(0, 31));
    map->constants[i].bits = static_cast<uint64_t>(words.Next());
  }
  map->step_count = static_cast<int32_t>(words.Between(0, kMapStepsMax));
  for (int32_t i = 0; i < map->step_count; ++i) {
    const int64_t word = words.Between(0, (int64_t{1} << 40) - 1);
    map->steps[i].function = static_cast<uint16_t>(word);
    for (int operand = 0; operand < 3; ++operand) {
      map->steps[i].operands[operand] = static_cast<uint8_t>(word >> (16 + 8 * operand));
    }
  }
  for (int32_t i = 0; i < map->output_count; ++i) {
    map->outputs[i].dtype = program.Written(op, static_cast<size_t>(i)).dtype;
    map->outputs[i].reg = static_cast<uint8_t>(words.Between(0, kMapRegistersMax - 1));
  }
  return words.Done() && MapIsSound(*map);
}

Status Check(Program* program, ProgramOperator* op) {
  Map map;
  if (!ReadMap(*program, *op, &map)) return Refused("a malformed map");
  const int64_t elements = ProductOf(map.shape, map.rank);
  for (size_t i = 0; i < op->writes.size(); ++i) {
    if (program->Written(*op, i).elements != elements) {
      return Refused("a map that does not fill what it writes");
    }
  }
  for (size_t i = 0; i < op->reads.size(); ++i) {
    if (!ViewFits(0, map.shape, map.inputs[i].stride, map.rank, program->Read(*op, i).elements)) {
      return Refused("a map that leaves its tensors");
    }
  }
  PlanMap(&map);
  op->map = program->maps.size();
  program->maps.push_back(map);
  return Status{};
}

size_t ScratchBytes(const Program& program, const ProgramOperator& op) {
  return MapScratchBytes(program.maps[op.map]);
}

Status Run(const CpuRun& run, const ProgramOperator& op) {
  const Map map = MapOf(run, op);
  const int64_t elements = run.program.Written(op, 0).elements;
  const int64_t work = elements * (1 + map.step_count / 4);
  run.Split(elements, run.PiecesFor(work, kElementsPerPiece), kMapTile,
            [&](Range mine, size_t piece) {
              run.kernels.map(map, MapPart{mine.begin, mine.end}, run.Scratch<uint8_t>(piece));
            });
  return Status{};
}

}  // namespace

Map MapOf(const CpuRun& run, const ProgramOperator& op) {
  Map map = run.program.maps[op.map];
  for (size_t i = 0; i < op.reads.size(); ++i) map.inputs[i].data = run.At(op.reads[i]);
  for (size_t i = 0; i < op.writes.size(); ++i) map.outputs[i].data = run.Written<>(op, i);
  return map;
}

const OperatorKind kMapKind = {Opcode::kMap, Check, ScratchBytes, Run};

}  // namespace quipu
