// The bytes of a flat tensor program, version 1: written by src/compute/tensor/encode.ts, read by
// decode.cc. Frozen; another layout is another version. All numbers are little-endian.
//
//   header     64 bytes
//   tensors    tensor_count × 88 bytes; the first input_count of them are the inputs, in order
//   operators  operator_count × 64 bytes, in the order in which they run
//   outputs    output_count × 4 bytes: tensor numbers
//   padding    zeros up to a multiple of 64
//   constants  constant_bytes bytes, to the end
#ifndef QUIPU_PROGRAM_FORMAT_H_
#define QUIPU_PROGRAM_FORMAT_H_

#include <cstddef>
#include <cstdint>

namespace quipu {

constexpr uint32_t kProgramMagic = 0x47525051;  // "QPRG"
constexpr uint32_t kProgramVersion = 1;
constexpr uint32_t kArithmeticVersion = 1;  // canonical-1

constexpr size_t kHeaderBytes = 64;
constexpr size_t kTensorRecordBytes = 88;
constexpr size_t kOperatorRecordBytes = 64;
constexpr size_t kOperandsMax = 8;
constexpr size_t kAttributesMax = 3;

constexpr uint32_t kTensorsMax = 16'384;
constexpr uint32_t kOperatorsMax = 16'384;
constexpr uint32_t kOutputsMax = 1'024;

// Offsets of header fields; what is not named is zero.
enum HeaderField : size_t {
  kHeaderMagic = 0,           // u32
  kHeaderVersion = 4,         // u32
  kHeaderArithmetic = 8,      // u32
  kHeaderTensorCount = 12,    // u32
  kHeaderOperatorCount = 16,  // u32
  kHeaderInputCount = 20,     // u32
  kHeaderOutputCount = 24,    // u32
  kHeaderConstantBytes = 32,  // u64
  kHeaderArenaBytes = 40,     // u64
  kHeaderTotalBytes = 48,     // u64, of the whole program
};

enum TensorField : size_t {
  kTensorDType = 0,    // u32, quipu::DType
  kTensorPlace = 4,    // u32, Place
  kTensorRank = 8,     // u32, at most kRankMax
  kTensorOffset = 16,  // u64, bytes into its place, a multiple of 64
  kTensorShape = 24,   // 8 × u64; zero beyond the rank
};

enum class Place : uint32_t {
  kInput = 1,
  kConstant = 2,
  kArena = 3,
};

enum OperatorField : size_t {
  kOperatorOpcode = 0,       // u32, Opcode
  kOperatorOperands = 4,     // u32, how many operands follow
  kOperatorTensors = 8,      // 8 × u32: what is read, then what is written; zero beyond
  kOperatorAttributes = 40,  // 3 × i64; zero where an operator has none
};

enum class Opcode : uint32_t {
  kMatmul = 1,    // a, b → c; the last two axes, the others broadcast
  kAdd = 2,       // a, b → c; broadcast
  kMultiply = 3,  // a, b → c; broadcast
  kTopK = 4,      // rows → values, indices, over the last axis; attribute 0: 1 = largest
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_FORMAT_H_
