// NVIDIA's cuBLASLt, opened at run time with our own declarations of the few functions that are
// used: no header, nothing to link, absent is normal.
#ifndef QUIPU_SUPPORT_CUBLASLT_H_
#define QUIPU_SUPPORT_CUBLASLT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "quipu/status.h"

namespace quipu::cublaslt {

// cublasLt.h, as its documentation gives it: alike in the releases for CUDA 12 and 13.
using Result = int;
using Handle = struct OpaqueHandle*;
using Description = struct OpaqueDescription*;
using Layout = struct OpaqueLayout*;
using Preference = struct OpaquePreference*;

constexpr Result kSuccess = 0;
constexpr Result kNotSupported = 15;

constexpr int kBinary32 = 0;      // CUDA_R_32F
constexpr int kComputeBf16 = 75;  // CUBLAS_COMPUTE_32F_FAST_16BF
constexpr int kComputeTf32 = 77;  // CUBLAS_COMPUTE_32F_FAST_TF32

constexpr int kLayoutBatchCount = 5;     // int32_t
constexpr int kLayoutBatchDistance = 6;  // int64_t, in elements

constexpr int kPreferenceWorkspaceBytes = 1;           // uint64_t
constexpr int kPreferenceAlignments[] = {5, 6, 7, 8};  // uint32_t, bytes; of A, B, C and D

struct Algorithm {
  uint64_t data[8];
};
struct Proposal {
  Algorithm algorithm;
  size_t workspace_bytes;
  Result result;  // the rest says nothing unless this is kSuccess
  float waves;
  int reserved[4];
};
static_assert(sizeof(Proposal) == 96);

// Matrices are column-major.
struct Library {
  const char* (*result_text)(Result);
  Result (*create)(Handle*);
  Result (*destroy)(Handle);
  Result (*create_description)(Description*, int compute, int scale);
  Result (*destroy_description)(Description);
  Result (*create_layout)(Layout*, int type, uint64_t rows, uint64_t columns, int64_t stride);
  Result (*set_layout)(Layout, int attribute, const void* value, size_t value_bytes);
  Result (*destroy_layout)(Layout);
  Result (*create_preference)(Preference*);
  Result (*set_preference)(Preference, int attribute, const void* value, size_t value_bytes);
  Result (*destroy_preference)(Preference);
  Result (*propose)(Handle, Description, Layout a, Layout b, Layout c, Layout d, Preference,
                    int wanted, Proposal* proposals, int* given);
  Result (*multiply)(Handle, Description, const void* alpha, const void* a, Layout, const void* b,
                     Layout, const void* beta, const void* c, Layout, void* d, Layout,
                     const Algorithm*, void* workspace, size_t workspace_bytes, void* stream);

  // What a call that did not succeed means for the run that made it.
  Status Failed(const std::string& what, Result result) const;
};

// The library that QUIPU_CUBLASLT names, else that for CUDA 13 or 12; it stays open.
// BACKEND_UNAVAILABLE where it is missing.
Status Open(Library* library);

Status Unavailable(const std::string& why);

template <class Object>
using Owned = std::unique_ptr<Object, Result (*)(Object*)>;

// Makes the object that `owned` gives back.
template <class Object, class Create, class... Arguments>
Result Make(Owned<Object>* owned, Create create, Arguments... arguments) {
  Object* made = nullptr;
  const Result result = create(&made, arguments...);
  if (result == kSuccess) owned->reset(made);
  return result;
}

}  // namespace quipu::cublaslt

#endif  // QUIPU_SUPPORT_CUBLASLT_H_
