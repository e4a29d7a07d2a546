// The bytes of a flat tensor program, version 2: written by src/compute/tensor/program/encode.ts,
// read by decode.cc. Frozen; another layout is another version. All numbers are little-endian.
//
//   header     128 bytes
//   tensors    tensor_count × 24 bytes; the first input_count of them are the inputs, in order
//   operators  operator_count × 24 bytes, in the order in which they run; the first prelude_count
//              depend on constants only and run once
//   words      word_count × 8 bytes: of each operator its operands and all that it has to know;
//              operators together have no more words than there are
//   outputs    output_count × 4 bytes: tensor numbers
//   padding    zeros up to a multiple of 64
//   constants  constant_bytes bytes, to the end
//
// A tensor is a flat buffer. Shapes and strides stand in the words of operators, so that a tensor
// may be seen in many shapes and reshaping is no operator.
#ifndef QUIPU_PROGRAM_FORMAT_H_
#define QUIPU_PROGRAM_FORMAT_H_

#include <cstddef>
#include <cstdint>

namespace quipu {

constexpr uint32_t kProgramMagic = 0x47525051;  // "QPRG"
constexpr uint32_t kProgramVersion = 2;
constexpr uint32_t kArithmeticVersion = 1;  // canonical-1

constexpr size_t kHeaderBytes = 128;
constexpr size_t kTensorRecordBytes = 24;
constexpr size_t kOperatorRecordBytes = 24;
constexpr uint64_t kPlacementBytes = 64;  // tensors start at multiples of it

constexpr uint32_t kTensorsMax = 65'536;
constexpr uint32_t kOperatorsMax = 32'768;
constexpr uint32_t kOutputsMax = 1'024;
constexpr uint32_t kOperandsMax = 1'024;
constexpr uint64_t kWordsMax = 1'048'576;

// Offsets of header fields; what is not named is zero.
enum HeaderField : size_t {
  kHeaderMagic = 0,           // u32
  kHeaderVersion = 4,         // u32
  kHeaderArithmetic = 8,      // u32
  kHeaderTensorCount = 12,    // u32
  kHeaderOperatorCount = 16,  // u32
  kHeaderInputCount = 20,     // u32
  kHeaderOutputCount = 24,    // u32
  kHeaderPreludeCount = 28,   // u32
  kHeaderConstantBytes = 32,  // u64
  kHeaderArenaBytes = 40,     // u64
  kHeaderPreparedBytes = 48,  // u64
  kHeaderWordCount = 56,      // u64
  kHeaderTotalBytes = 64,     // u64, of the whole program
  kHeaderFlags = 72,          // u32, ProgramFlag
};

enum ProgramFlag : uint32_t {
  kOneByOne = 1,  // no operator begins before the one in front of it has ended
};

enum TensorField : size_t {
  kTensorDType = 0,     // u32, quipu::DType
  kTensorPlace = 4,     // u32, Place
  kTensorElements = 8,  // u64
  kTensorOffset = 16,   // u64, bytes into its place, a multiple of 64
};

enum class Place : uint32_t {
  kInput = 1,
  kConstant = 2,
  kArena = 3,     // written in each run
  kPrepared = 4,  // written by the prelude
};

enum OperatorField : size_t {
  kOperatorOpcode = 0,    // u32, Opcode
  kOperatorReads = 4,     // u32, how many of the operands are read
  kOperatorWrites = 8,    // u32, how many are written
  kOperatorWords = 12,    // u32, with the operands
  kOperatorWordsAt = 16,  // u64, number of its first word
};

// What the words after the operands mean: the head of each file in program/operators.
enum class Opcode : uint32_t {
  kMatmul = 1,
  kMap = 2,
  kReduce = 3,
  kSoftmax = 4,
  kNormalise = 5,
  kCopy = 6,
  kGather = 7,
  kGatherElements = 8,
  kGatherNd = 9,
  kScatterElements = 10,
  kScatterNd = 11,
  kScan = 12,
  kTopK = 13,
  kConvolution = 14,
  kPool = 15,
  kTrees = 16,
};

}  // namespace quipu

#endif  // QUIPU_PROGRAM_FORMAT_H_
