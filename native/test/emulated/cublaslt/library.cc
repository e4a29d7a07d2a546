// A library that stands in for cuBLASLt beside the emulated device: the same functions, declared
// once more after the documentation, on column-major matrices in this processor's memory. It rounds
// what it multiplies as tensor cores do, works only when its stream is waited for, and counts what
// the real one would not forgive.
#include "test/emulated/cublaslt/library.h"

#include <cstring>

#include "test/emulated/cuda_runtime_api.h"

using quipu::test::emulated_cublaslt;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kInvalidValue = 7, kExecutionFailed = 13, kNotSupported = 15;
constexpr uint64_t kProposed = 0x70726f706f736564;  // the mark of an algorithm of ours

struct Handle {};
struct Description {
  int compute;
};
struct Layout {
  uint64_t rows, columns;
  int64_t stride;
  int32_t count = 1;
  int64_t distance = 0;

  const float* Of(const void* first, int32_t matrix) const {
    return static_cast<const float*>(first) + matrix * distance;
  }
};
struct Preference {
  uint64_t workspace_bytes = 0;
  uint32_t alignments[4] = {256, 256, 256, 256};
};
struct Algorithm {
  uint64_t mark, workspace_bytes, alignments[4], rest[2];
};
struct Proposal {
  Algorithm algorithm;
  size_t workspace_bytes;
  int result;
  float waves;
  int reserved[4];
};

template <class Object>
int Make(Object** made, Object object) {
  *made = new Object(object);
  ++emulated_cublaslt.alive;
  return 0;
}

template <class Object>
int Drop(Object* made) {
  delete made;
  --emulated_cublaslt.alive;
  return 0;
}

template <class Value>
int Set(Value* to, const void* value, size_t bytes) {
  if (bytes != sizeof(Value)) return kInvalidValue;
  std::memcpy(to, value, bytes);
  return 0;
}

bool Need(bool fact) {
  if (!fact) ++emulated_cublaslt.faults;
  return fact;
}

// To nearest even, with so many bits fewer.
float Rounded(float value, int bits) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof(word));
  word += (uint32_t{1} << (bits - 1)) - 1 + (word >> bits & 1);
  word = word >> bits << bits;
  std::memcpy(&value, &word, sizeof(word));
  return value;
}

bool Fit(const Layout& a, const Layout& b, const Layout& c) {
  const auto sound = [](const Layout& one) {
    return one.rows > 0 && one.columns > 0 && one.stride >= static_cast<int64_t>(one.rows);
  };
  return sound(a) && sound(b) && sound(c) && a.rows == c.rows && b.columns == c.columns &&
         a.columns == b.rows && a.count == c.count && b.count == c.count;
}

}  // namespace

EXPORTED const char* cublasLtGetStatusString(int) { return "the emulated library says no"; }
EXPORTED int cublasLtCreate(Handle** handle) {
  if (emulated_cublaslt.create_result != 0) return emulated_cublaslt.create_result;
  return Make(handle, Handle{});
}
EXPORTED int cublasLtDestroy(Handle* handle) { return Drop(handle); }

EXPORTED int cublasLtMatmulDescCreate(Description** description, int compute, int scale) {
  if (!Need((compute == 75 || compute == 77) && scale == 0)) return kInvalidValue;
  return Make(description, Description{compute});
}
EXPORTED int cublasLtMatmulDescDestroy(Description* description) { return Drop(description); }

EXPORTED int cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns,
                                        int64_t stride) {
  if (!Need(type == 0)) return kInvalidValue;
  return Make(layout, Layout{rows, columns, stride});
}
EXPORTED int cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value,
                                              size_t bytes) {
  if (attribute == 5) return Set(&layout->count, value, bytes);
  if (attribute == 6) return Set(&layout->distance, value, bytes);
  return kInvalidValue;
}
EXPORTED int cublasLtMatrixLayoutDestroy(Layout* layout) { return Drop(layout); }

EXPORTED int cublasLtMatmulPreferenceCreate(Preference** preference) {
  return Make(preference, Preference{});
}
EXPORTED int cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute,
                                                  const void* value, size_t bytes) {
  if (attribute == 1) return Set(&preference->workspace_bytes, value, bytes);
  if (attribute < 5 || attribute > 8) return kInvalidValue;
  return Set(&preference->alignments[attribute - 5], value, bytes);
}
EXPORTED int cublasLtMatmulPreferenceDestroy(Preference* preference) { return Drop(preference); }

EXPORTED int cublasLtMatmulAlgoGetHeuristic(Handle*, Description*, Layout* a, Layout* b, Layout* c,
                                            Layout*, Preference* preference, int wanted,
                                            Proposal* proposals, int* given) {
  ++emulated_cublaslt.proposals;
  if (!Need(Fit(*a, *b, *c)) || wanted < 1) return kInvalidValue;
  if (emulated_cublaslt.propose_result != 0) return emulated_cublaslt.propose_result;
  *given = emulated_cublaslt.proposes_nothing ? 0 : 1;
  Algorithm algorithm{kProposed, preference->workspace_bytes, {}, {}};
  for (int i = 0; i < 4; ++i) algorithm.alignments[i] = preference->alignments[i];
  *proposals = Proposal{algorithm, preference->workspace_bytes, 0, 1, {}};
  return 0;
}

EXPORTED int cublasLtMatmul(Handle*, Description* description, const void* alpha, const void* a,
                            Layout* a_layout, const void* b, Layout* b_layout, const void* beta,
                            const void* c, Layout* c_layout, void* d, Layout* d_layout,
                            const Algorithm* algorithm, void* workspace, size_t workspace_bytes,
                            cudaStream_t stream) {
  ++emulated_cublaslt.calls;
  const Layout of_a = *a_layout, of_b = *b_layout, of_c = *c_layout;
  const auto aligned = [algorithm](const Layout& layout, const void* first, int operand) {
    for (int32_t i = 0; i < layout.count; ++i) {
      const auto address = reinterpret_cast<uintptr_t>(layout.Of(first, i));
      if (address % algorithm->alignments[operand] != 0) return false;
    }
    return true;
  };
  if (!Need(*static_cast<const float*>(alpha) == 1 && *static_cast<const float*>(beta) == 0) ||
      !Need(Fit(of_a, of_b, of_c) && c == d && c_layout == d_layout) ||
      !Need(algorithm->mark == kProposed && workspace != nullptr) ||
      !Need(workspace_bytes >= algorithm->workspace_bytes) ||
      !Need(aligned(of_a, a, 0) && aligned(of_b, b, 1) && aligned(of_c, c, 2))) {
    return kInvalidValue;
  }
  const int bits = description->compute == 75 ? 16 : 13;
  EmulatedLaunch(1, 1, stream, [=] {
    std::memset(workspace, 0xcd, workspace_bytes);
    for (int32_t matrix = 0; matrix < of_c.count; ++matrix) {
      const float* const left = of_a.Of(a, matrix);
      const float* const right = of_b.Of(b, matrix);
      float* const to = static_cast<float*>(d) + matrix * of_c.distance;
      for (uint64_t i = 0; i < of_c.rows; ++i) {
        for (uint64_t j = 0; j < of_c.columns; ++j) {
          float sum = 0;
          for (uint64_t p = 0; p < of_a.columns; ++p) {
            sum += Rounded(left[i + p * of_a.stride], bits) *
                   Rounded(right[p + j * of_b.stride], bits);
          }
          to[i + j * of_c.stride] = sum;
        }
      }
    }
  });
  return cudaGetLastError() == cudaSuccess ? 0 : kExecutionFailed;
}
