#include <algorithm>
#include <string>

#include "program/operators/matmul.h"
#include "program/operators/matmul_fast.h"

namespace quipu {
namespace {

// The library finds nothing better with more, on any device so far.
constexpr uint64_t kWorkspaceBytes = uint64_t{32} << 20;

// Beyond it, kernels of the library are known to fail.
constexpr int64_t kBatchMax = 65'535;

constexpr uintptr_t kAlignmentBytesMax = 256;

// Products of one call: matrices `index` to `index + matrices - 1` of c, for every multiple of that
// number. Distances count matrices.
struct Batch {
  int64_t matrices = 1;
  int64_t a_distance = 0;
  int64_t b_distance = 0;
  bool tall = false;  // one b for all, and a without gaps: one product of all rows

  explicit Batch(const MatmulWords& w) {
    for (int64_t axis = w.rank - 1; axis >= 0; --axis) {
      if (w.shape[axis] == 1) continue;
      if (matrices == 1) {
        a_distance = w.a_stride[axis];
        b_distance = w.b_stride[axis];
        tall = a_distance == 1 && b_distance == 0;
      }
      const int64_t most = tall ? INT32_MAX / w.m : kBatchMax;
      if (w.shape[axis] > most / matrices || w.a_stride[axis] != a_distance * matrices ||
          w.b_stride[axis] != b_distance * matrices) {
        break;
      }
      matrices *= w.shape[axis];
    }
  }
};

uint32_t AlignmentBytes(const float* first, int64_t distance) {
  const uintptr_t bits = reinterpret_cast<uintptr_t>(first) | kAlignmentBytesMax |
                         static_cast<uintptr_t>(distance) * sizeof(float);
  return static_cast<uint32_t>(bits & -bits);
}

// There is something to add up; else the canonical kernel writes the zeros.
bool HasProducts(const Program& program, const ProgramOperator& op) {
  Words words(op);
  return program.Written(op, 0).elements > 0 && MatmulWords(&words).k > 0;
}

std::string NameOf(const ProgramOperator& op) {
  Words words(op);
  const MatmulWords w(&words);
  return "a product of " + std::to_string(w.m) + " × " + std::to_string(w.n) + " × " +
         std::to_string(w.k);
}

#define QUIPU_CUBLASLT_RETURN_IF_ERROR(call)         \
  do {                                               \
    const cublaslt::Result result = (call);          \
    if (result != cublaslt::kSuccess) return result; \
  } while (false)

// Of `count` matrices; `distance` counts elements.
cublaslt::Result MakeLayout(const cublaslt::Library& library, int64_t rows, int64_t columns,
                            int64_t count, int64_t distance,
                            cublaslt::Owned<cublaslt::OpaqueLayout>* layout) {
  QUIPU_CUBLASLT_RETURN_IF_ERROR(
      cublaslt::Make(layout, library.create_layout, cublaslt::kBinary32, rows, columns, rows));
  const auto batch = static_cast<int32_t>(count);
  QUIPU_CUBLASLT_RETURN_IF_ERROR(
      library.set_layout(layout->get(), cublaslt::kLayoutBatchCount, &batch, sizeof(batch)));
  return library.set_layout(layout->get(), cublaslt::kLayoutBatchDistance, &distance,
                            sizeof(distance));
}

}  // namespace

// The library's matrices are column-major, so that it sees ours transposed: cᵀ = bᵀ × aᵀ, and no
// byte has to move.
struct FastMatmul::Plan {
  explicit Plan(const cublaslt::Library& library)
      : description(nullptr, library.destroy_description),
        a(nullptr, library.destroy_layout),
        b(nullptr, library.destroy_layout),
        c(nullptr, library.destroy_layout) {}

  int64_t matrices = 1;  // of a call
  cublaslt::Owned<cublaslt::OpaqueDescription> description;
  cublaslt::Owned<cublaslt::OpaqueLayout> a, b, c;
  cublaslt::Algorithm algorithm{};
};

FastMatmul::FastMatmul(Fast precision) : precision_(precision) {}

FastMatmul::~FastMatmul() = default;

cublaslt::Result FastMatmul::Find(const CudaAddresses& at, const ProgramOperator& op,
                                  Plan* plan) const {
  Words words(op);
  const MatmulWords w(&words);
  const Batch batch(w);
  const int64_t rows = batch.tall ? w.m * batch.matrices : w.m;
  const int64_t count = batch.tall ? 1 : batch.matrices;
  plan->matrices = batch.matrices;
  const int compute = precision_ == Fast::kBf16 ? cublaslt::kComputeBf16 : cublaslt::kComputeTf32;
  QUIPU_CUBLASLT_RETURN_IF_ERROR(cublaslt::Make(&plan->description, library_.create_description,
                                                compute, cublaslt::kBinary32));
  QUIPU_CUBLASLT_RETURN_IF_ERROR(
      MakeLayout(library_, w.n, w.k, count, batch.b_distance * w.k * w.n, &plan->b));
  QUIPU_CUBLASLT_RETURN_IF_ERROR(
      MakeLayout(library_, w.k, rows, count, batch.a_distance * w.m * w.k, &plan->a));
  QUIPU_CUBLASLT_RETURN_IF_ERROR(MakeLayout(library_, w.n, rows, count, w.m * w.n, &plan->c));
  cublaslt::Owned<cublaslt::OpaquePreference> preference(nullptr, library_.destroy_preference);
  QUIPU_CUBLASLT_RETURN_IF_ERROR(cublaslt::Make(&preference, library_.create_preference));
  QUIPU_CUBLASLT_RETURN_IF_ERROR(
      library_.set_preference(preference.get(), cublaslt::kPreferenceWorkspaceBytes,
                              &kWorkspaceBytes, sizeof(kWorkspaceBytes)));
  const uint32_t alignment = std::min({AlignmentBytes(at.Read(op, 0), w.m * w.k),
                                       AlignmentBytes(at.Read(op, 1), w.k * w.n),
                                       AlignmentBytes(at.Written(op, 0), w.m * w.n)});
  for (const int attribute : cublaslt::kPreferenceAlignments) {
    QUIPU_CUBLASLT_RETURN_IF_ERROR(
        library_.set_preference(preference.get(), attribute, &alignment, sizeof(alignment)));
  }
  cublaslt::Proposal proposal{};
  int given = 0;
  QUIPU_CUBLASLT_RETURN_IF_ERROR(
      library_.propose(handle_.get(), plan->description.get(), plan->b.get(), plan->a.get(),
                       plan->c.get(), plan->c.get(), preference.get(), 1, &proposal, &given));
  if (given == 0) return cublaslt::kNotSupported;
  plan->algorithm = proposal.algorithm;
  return proposal.result;
}

Status FastMatmul::Open(const CudaAddresses& at, Fast precision,
                        std::unique_ptr<FastMatmul>* opened) {
  std::unique_ptr<FastMatmul> fast(new FastMatmul(precision));
  const cublaslt::Library& library = fast->library_;
  if (Status s = cublaslt::Open(&fast->library_); !s.ok()) return s;
  fast->handle_ = {nullptr, library.destroy};
  if (const cublaslt::Result result = cublaslt::Make(&fast->handle_, library.create);
      result != cublaslt::kSuccess) {
    return library.Failed("cublasLtCreate", result);
  }
  if (Status s = fast->workspace_.Allocate(kWorkspaceBytes); !s.ok()) return s;
  const Program& program = at.program;
  fast->plans_.resize(program.operators.size());
  for (size_t i = program.prelude_count; i < program.operators.size(); ++i) {
    const ProgramOperator& op = program.operators[i];
    if (op.opcode != Opcode::kMatmul || !HasProducts(program, op)) continue;
    auto plan = std::make_unique<Plan>(library);
    if (const cublaslt::Result result = fast->Find(at, op, plan.get());
        result != cublaslt::kSuccess) {
      return library.Failed(NameOf(op), result);
    }
    fast->plans_[i] = std::move(plan);
  }
  *opened = std::move(fast);
  return Status{};
}

Status FastMatmul::Start(const CudaAddresses& at, const ProgramOperator& op,
                         cudaStream_t stream) const {
  const Plan* const plan = plans_[&op - at.program.operators.data()].get();
  if (plan == nullptr) return CudaError(StartMatmul(at, op, stream), "StartMatmul");
  Words words(op);
  const MatmulWords w(&words);
  const float one = 1;
  const float zero = 0;
  const int64_t matrices = at.program.Written(op, 0).elements / (w.m * w.n);
  for (int64_t matrix = 0; matrix < matrices; matrix += plan->matrices) {
    int64_t a_at = 0;
    int64_t b_at = 0;
    w.Locate(matrix, &a_at, &b_at);
    float* const c = at.Written(op, 0) + matrix * w.m * w.n;
    const cublaslt::Result result = library_.multiply(
        handle_.get(), plan->description.get(), &one, at.Read(op, 1) + b_at * w.k * w.n,
        plan->b.get(), at.Read(op, 0) + a_at * w.m * w.k, plan->a.get(), &zero, c, plan->c.get(), c,
        plan->c.get(), &plan->algorithm, workspace_.get(), kWorkspaceBytes, stream);
    if (result != cublaslt::kSuccess) return library_.Failed("cublasLtMatmul", result);
  }
  return Status{};
}

}  // namespace quipu
