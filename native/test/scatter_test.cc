// Scatters against one update at a time in order, many of which meet: every function and type,
// numbers that depend on the order, the emulated device; and indices out of range.
#include "kernels/scatter/scatter.h"

#include <cmath>
#include <cstring>

#include "kernels/scatter/scatter_cuda.h"
#include "test/check.h"
#include "test/random.h"

namespace quipu::test {
namespace {

using Bytes = std::vector<uint8_t>;

// In words of the standard library rather than of the kernels.
template <class T>
T Updated(ScatterFunction function, T old, T update) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, float,
                                  std::conditional_t<sizeof(T) == 8, unsigned __int128, int64_t>>;
  switch (function) {
    case ScatterFunction::kAdd:
      return static_cast<T>(static_cast<Wide>(old) + static_cast<Wide>(update));
    case ScatterFunction::kMultiply:
      return static_cast<T>(static_cast<Wide>(old) * static_cast<Wide>(update));
    case ScatterFunction::kMaximum:
    case ScatterFunction::kMinimum: {
      if constexpr (std::is_same_v<T, float>) {
        if (std::isnan(old) || std::isnan(update)) return NAN;
        if (old == 0 && update == 0) {
          const bool least = function == ScatterFunction::kMinimum;
          const bool negative = least ? std::signbit(old) || std::signbit(update)
                                      : std::signbit(old) && std::signbit(update);
          return negative ? -0.0f : 0.0f;
        }
      }
      return (old < update) == (function == ScatterFunction::kMaximum) ? update : old;
    }
    default:
      return update;
  }
}

template <class T>
void UpdateBytes(ScatterFunction function, uint8_t* at, const uint8_t* from) {
  T old, update;
  std::memcpy(&old, at, sizeof(T));
  std::memcpy(&update, from, sizeof(T));
  old = Updated(function, old, update);
  std::memcpy(at, &old, sizeof(T));
}

void UpdateOne(ScatterFunction function, DType dtype, uint8_t* at, const uint8_t* from) {
  if (function == ScatterFunction::kSet) {
    std::memcpy(at, from, DTypeBytes(dtype));
  } else if (dtype == DType::kF32) {
    UpdateBytes<float>(function, at, from);
  } else if (dtype == DType::kI32) {
    UpdateBytes<int32_t>(function, at, from);
  } else {
    UpdateBytes<int64_t>(function, at, from);
  }
}

Bytes Values(int64_t count, DType dtype, Random* random) {
  if (dtype != DType::kF32) {
    return Noise(static_cast<size_t>(count) * DTypeBytes(dtype),
                 static_cast<uint64_t>(random->Between(1, 1000)));
  }
  const std::vector<float> numbers = HardNumbers(static_cast<size_t>(count), random);
  Bytes bytes(numbers.size() * sizeof(float));
  if (!bytes.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

// Equal, all NaN being one.
bool Same(DType dtype, Bytes a, Bytes b) {
  if (dtype == DType::kF32) {
    for (Bytes* const bytes : {&a, &b}) {
      for (size_t i = 0; i < bytes->size(); i += sizeof(float)) {
        float number;
        std::memcpy(&number, bytes->data() + i, sizeof(number));
        if (std::isnan(number)) std::memset(bytes->data() + i, 0xff, sizeof(number));
      }
    }
  }
  return a == b;
}

template <class Job>
bool Gives(Job job, const Bytes& before, const Bytes& want) {
  Bytes got = before, device = before;
  BadIndex bad = {-1, 0, 0};
  job.to = got.data();
  bool ok = Scatter(job, &bad);
  job.to = device.data();
  ok = ok && LaunchScatter(job, &bad, nullptr) == cudaSuccess &&
       cudaStreamSynchronize(nullptr) == cudaSuccess && bad.position == -1;
  return ok && Same(job.dtype, got, want) && Same(job.dtype, device, want);
}

template <class Job>
void Choose(Job* job, Random* random) {
  static const DType any[] = {DType::kF32, DType::kI64,  DType::kI32, DType::kU8,
                              DType::kF16, DType::kBool, DType::kF64};
  do {
    job->function = static_cast<ScatterFunction>(random->Between(0, 4));
    job->dtype = any[random->Between(0, 6)];
  } while (!ScatterIsKnown(job->function, job->dtype));
}

bool ElementsAgree(Random* random) {
  ScatterElements job = {};
  Choose(&job, random);
  job.rank = static_cast<int32_t>(random->Between(1, 4));
  job.axis = static_cast<int32_t>(random->Between(0, job.rank - 1));
  int64_t elements = 1, count = 1;
  for (int32_t axis = 0; axis < job.rank; ++axis) {
    job.data_shape[axis] = random->Between(1, 6);
    job.index_shape[axis] = random->Between(0, axis == job.axis ? 20 : job.data_shape[axis]);
    elements *= job.data_shape[axis];
    count *= job.index_shape[axis];
  }
  const int64_t size = job.data_shape[job.axis];
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(random->Between(-size, size - 1));
  const Bytes before = Values(elements, job.dtype, random);
  const Bytes updates = Values(count, job.dtype, random);
  job.indices = IndexList{indices.data(), true};
  job.updates = updates.data();
  Bytes want = before;
  const size_t width = DTypeBytes(job.dtype);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = 0, stride = 1;
    const int64_t index = indices[static_cast<size_t>(i)];
    for (int32_t axis = job.rank - 1; axis >= 0; --axis) {
      const int64_t here = rest % job.index_shape[axis];
      rest /= job.index_shape[axis];
      at += (axis != job.axis ? here : index < 0 ? index + size : index) * stride;
      stride *= job.data_shape[axis];
    }
    UpdateOne(job.function, job.dtype, want.data() + static_cast<size_t>(at) * width,
              updates.data() + static_cast<size_t>(i) * width);
  }
  return Gives(job, before, want);
}

bool NdAgrees(Random* random) {
  ScatterNd job = {};
  Choose(&job, random);
  job.tuples = random->Between(0, 20);
  job.inner = random->Between(0, 5);
  job.list.depth = static_cast<int32_t>(random->Between(0, 3));
  int64_t slices = 1;
  for (int32_t d = 0; d < job.list.depth; ++d) {
    job.list.dims[d] = random->Between(1, 4);
    slices *= job.list.dims[d];
  }
  const size_t width = DTypeBytes(job.dtype);
  const Bytes before = Values(slices * job.inner, job.dtype, random);
  const Bytes updates = Values(job.tuples * job.inner, job.dtype, random);
  Bytes want = before;
  std::vector<int32_t> indices;
  for (int64_t tuple = 0; tuple < job.tuples; ++tuple) {
    int64_t slice = 0;
    for (int32_t d = 0; d < job.list.depth; ++d) {
      const int64_t place = random->Between(0, job.list.dims[d] - 1);
      const bool from_end = random->Between(0, 1) == 0;
      indices.push_back(static_cast<int32_t>(place - (from_end ? job.list.dims[d] : 0)));
      slice = slice * job.list.dims[d] + place;
    }
    for (int64_t i = 0; i < job.inner; ++i) {
      UpdateOne(job.function, job.dtype,
                want.data() + static_cast<size_t>(slice * job.inner + i) * width,
                updates.data() + static_cast<size_t>(tuple * job.inner + i) * width);
    }
  }
  job.list.indices = IndexList{indices.data(), false};
  job.updates = updates.data();
  return Gives(job, before, want);
}

// One long line, which a device shares out among owners.
bool LineAgrees(Random* random) {
  ScatterElements job = {};
  job.function = ScatterFunction::kAdd;
  job.dtype = DType::kF32;
  job.rank = 1;
  job.data_shape[0] = 700;
  job.index_shape[0] = 3000;
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < 3000; ++i) indices.push_back(random->Between(0, 699));
  const Bytes before = Values(700, DType::kF32, random);
  const Bytes updates = Values(3000, DType::kF32, random);
  Bytes want = before;
  for (size_t i = 0; i < indices.size(); ++i) {
    UpdateOne(job.function, job.dtype, want.data() + indices[i] * 4, updates.data() + i * 4);
  }
  job.indices = IndexList{indices.data(), true};
  job.updates = updates.data();
  return Gives(job, before, want);
}

template <class Job>
bool Tells(const Job& job, int64_t position, int64_t index, int64_t size) {
  BadIndex bad = {-1, 0, 0}, device = {-1, 0, 0};
  const BadIndex want = {position, index, size};
  return !Scatter(job, &bad) && LaunchScatter(job, &device, nullptr) == cudaSuccess &&
         cudaStreamSynchronize(nullptr) == cudaSuccess &&
         std::memcmp(&bad, &want, sizeof(bad)) == 0 &&
         std::memcmp(&device, &want, sizeof(bad)) == 0;
}

void TestBadIndices() {
  std::vector<float> to(6, 0);
  const std::vector<float> updates(6, 1);
  const int64_t list[] = {0, 1, -2, 3, -4, 7};
  ScatterElements elements = {{2, 1, {2, 3}, {2, 3}}, to.data(),   {list, true},
                              updates.data(),         DType::kF32, ScatterFunction::kAdd};
  bool ok = Tells(elements, 3, 3, 3);
  elements.axis = 0;
  ok = ok && Tells(elements, 3, 3, 2) && to[0] == 4 && to[1] == 4;  // two runs of each
  ScatterNd nd = {
      to.data(), {{list, true}, 2, {2, 3}}, updates.data(), DType::kF32, ScatterFunction::kSet, 3,
      1};
  ok = ok && Tells(nd, 3, 3, 3);
  nd.list.dims[0] = 0;
  ok = ok && Tells(nd, 0, 0, 0);
  Check(ok, "scatter: an index out of range is told, on a device too");
}

}  // namespace

void TestScatter() {
  Random random(3);
  bool elements = true, nd = true;
  for (int i = 0; i < 700; ++i) {
    elements = elements && ElementsAgree(&random);
    nd = nd && NdAgrees(&random);
  }
  Check(elements, "scatter: elements");
  Check(nd, "scatter: tuples");
  Check(LineAgrees(&random), "scatter: one long line");
  Check(!ScatterIsKnown(ScatterFunction::kAdd, DType::kU8) &&
            !ScatterIsKnown(static_cast<ScatterFunction>(5), DType::kF32),
        "scatter: what is not computed is not known");
  TestBadIndices();
}

}  // namespace quipu::test
