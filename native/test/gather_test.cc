// Gathers against one element at a time: all shapes and widths, negative indices, pieces, the
// emulated device; and indices out of range, which are told and never followed.
#include "kernels/gather/gather.h"

#include <algorithm>
#include <cstring>

#include "kernels/gather/gather_cuda.h"
#include "test/check.h"
#include "test/random.h"

namespace quipu::test {
namespace {

constexpr int32_t kWidths[] = {1, 2, 4, 8};

// Indices into an axis of `size`, from its end too, in memory of either width.
struct Indices {
  Indices(size_t count, bool wide, int64_t size, Random* random) : narrow(count), list(count) {
    for (size_t i = 0; i < count; ++i) Put(i, random->Between(-size, size - 1), size);
    view = IndexList{wide ? static_cast<const void*>(list.data()) : narrow.data(), wide};
  }

  void Put(size_t at, int64_t index, int64_t size) {
    list[at] = index;
    narrow[at] = static_cast<int32_t>(index);
    if (places.size() <= at) places.resize(at + 1);
    places[at] = index < 0 ? index + size : index;
  }

  std::vector<int32_t> narrow;
  std::vector<int64_t> list;
  std::vector<int64_t> places;
  IndexList view;
};

int64_t Product(const int64_t* shape, int32_t rank) {
  int64_t product = 1;
  for (int32_t axis = 0; axis < rank; ++axis) product *= shape[axis];
  return product;
}

// The whole, random pieces, and the device give `want`; `parts` of them are counted by the job.
template <class Job>
bool Gives(Job job, int64_t parts, const std::vector<uint8_t>& want, Random* random) {
  std::vector<uint8_t> whole(want.size(), 1), pieces(want.size(), 1), device(want.size(), 1);
  BadIndex bad = {-1, 0, 0};
  job.to = whole.data();
  bool ok = Gather(job, 0, parts, &bad) && whole == want;
  job.to = pieces.data();
  for (int64_t at = 0; at < parts;) {
    const int64_t end = std::min(parts, at + random->Between(1, parts / 2 + 1));
    ok = ok && Gather(job, at, end, &bad);
    at = end;
  }
  job.to = device.data();
  ok = ok && LaunchGather(job, &bad, nullptr) == cudaSuccess &&
       cudaStreamSynchronize(nullptr) == cudaSuccess;
  return ok && pieces == want && device == want && bad.position == -1;
}

bool AxisAgrees(Random* random) {
  GatherAxis job = {};
  job.element_bytes = kWidths[random->Between(0, 3)];
  job.outer = random->Between(0, 4);
  job.axis = random->Between(1, 9);
  job.inner = random->Between(0, 9);
  job.count = random->Between(0, 12);
  const Indices indices(static_cast<size_t>(job.count), random->Between(0, 1) == 0, job.axis,
                        random);
  job.indices = indices.view;
  const int64_t slice = job.inner * job.element_bytes;
  const std::vector<uint8_t> data = Noise(static_cast<size_t>(job.outer * job.axis * slice));
  std::vector<uint8_t> want;
  for (int64_t o = 0; o < job.outer; ++o) {
    for (const int64_t place : indices.places) {
      const auto from = data.begin() + (o * job.axis + place) * slice;
      want.insert(want.end(), from, from + slice);
    }
  }
  job.data = data.data();
  return Gives(job, job.outer * job.count, want, random);
}

bool ElementsAgree(Random* random) {
  GatherElements job = {};
  job.element_bytes = kWidths[random->Between(0, 3)];
  job.rank = static_cast<int32_t>(random->Between(1, 5));
  job.axis = static_cast<int32_t>(random->Between(0, job.rank - 1));
  for (int32_t axis = 0; axis < job.rank; ++axis) {
    job.data_shape[axis] = random->Between(1, 5);
    job.index_shape[axis] = axis == job.axis             ? random->Between(0, 6)
                            : random->Between(0, 1) == 0 ? job.data_shape[axis]
                                                         : random->Between(1, job.data_shape[axis]);
  }
  const int64_t count = Product(job.index_shape, job.rank);
  const Indices indices(static_cast<size_t>(count), random->Between(0, 1) == 0,
                        job.data_shape[job.axis], random);
  job.indices = indices.view;
  const std::vector<uint8_t> data =
      Noise(static_cast<size_t>(Product(job.data_shape, job.rank) * job.element_bytes));
  std::vector<uint8_t> want;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, at = 0, stride = 1;
    for (int32_t axis = job.rank - 1; axis >= 0; --axis) {
      const int64_t here = rest % job.index_shape[axis];
      rest /= job.index_shape[axis];
      at += (axis == job.axis ? indices.places[static_cast<size_t>(i)] : here) * stride;
      stride *= job.data_shape[axis];
    }
    const auto from = data.begin() + at * job.element_bytes;
    want.insert(want.end(), from, from + job.element_bytes);
  }
  job.data = data.data();
  return Gives(job, count, want, random);
}

bool NdAgrees(Random* random) {
  GatherNd job = {};
  job.element_bytes = kWidths[random->Between(0, 3)];
  job.batch = random->Between(1, 3);
  job.tuples = random->Between(0, 9);
  job.inner = random->Between(0, 9);
  job.list.depth = static_cast<int32_t>(random->Between(0, 3));
  for (int32_t d = 0; d < job.list.depth; ++d) job.list.dims[d] = random->Between(1, 5);
  const int64_t rows = job.batch * job.tuples;
  Indices indices(static_cast<size_t>(rows * job.list.depth), random->Between(0, 1) == 0, 1,
                  random);
  const int64_t slices = Product(job.list.dims, job.list.depth);
  const int64_t slice = job.inner * job.element_bytes;
  const std::vector<uint8_t> data = Noise(static_cast<size_t>(job.batch * slices * slice));
  std::vector<uint8_t> want;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t at = row / job.tuples * slices, stride = slices;
    for (int32_t d = 0; d < job.list.depth; ++d) {
      const int64_t size = job.list.dims[d];
      const auto position = static_cast<size_t>(row * job.list.depth + d);
      indices.Put(position, random->Between(-size, size - 1), size);
      stride /= size;
      at += indices.places[position] * stride;
    }
    want.insert(want.end(), data.begin() + at * slice, data.begin() + (at + 1) * slice);
  }
  job.list.indices = indices.view;
  job.data = data.data();
  return Gives(job, rows, want, random);
}

// `job` has bad indices, the first of them as given, on the processor and on the device.
template <class Job>
bool Tells(const Job& job, int64_t parts, int64_t position, int64_t index, int64_t size) {
  BadIndex bad = {-1, 0, 0}, device = {-1, 0, 0};
  const bool refused = !Gather(job, 0, parts, &bad) &&
                       LaunchGather(job, &device, nullptr) == cudaSuccess &&
                       cudaStreamSynchronize(nullptr) == cudaSuccess;
  const BadIndex want = {position, index, size};
  return refused && std::memcmp(&bad, &want, sizeof(bad)) == 0 &&
         std::memcmp(&device, &want, sizeof(bad)) == 0;
}

void TestBadIndices() {
  const std::vector<float> data(2 * 3 * 4, 1);
  std::vector<float> to(1000, 7);
  const int64_t list[] = {0, -3, 3, 2, INT64_MIN, INT64_MAX, -4, 1};
  GatherAxis axis = {data.data(), {list, true}, to.data(), 4, 2, 3, 4, 8};
  bool ok = Tells(axis, 16, 2, 3, 3);
  ok = ok && to[8] == 0 && to[4] == 1;  // the device's zeros, and what is good
  const int32_t narrow[] = {0, 0, 1, INT32_MIN};
  axis.indices = {narrow, false};
  axis.count = 4;
  ok = ok && Tells(axis, 8, 3, INT32_MIN, 3);
  axis.axis = 0;  // nothing can be named
  ok = ok && Tells(axis, 8, 0, 0, 0);
  GatherElements elements = {{2, 1, {2, 3}, {2, 4}}, data.data(), {list, true}, to.data(), 4};
  ok = ok && Tells(elements, 8, 2, 3, 3);
  GatherNd nd = {data.data(), {{list, true}, 2, {2, 3}}, to.data(), 4, 1, 4, 4};
  ok = ok && Tells(nd, 4, 2, 3, 2);
  nd.list.dims[0] = 4;
  nd.inner = 2;
  ok = ok && Tells(nd, 4, 4, INT64_MIN, 4);
  nd.list.dims[1] = 0;
  ok = ok && Tells(nd, 4, 1, -3, 0);
  Check(ok, "gather: an index out of range is told, on a device too");
}

}  // namespace

void TestGather() {
  Random random(2);
  bool axis = true, elements = true, nd = true;
  for (int i = 0; i < 500; ++i) {
    axis = axis && AxisAgrees(&random);
    elements = elements && ElementsAgree(&random);
    nd = nd && NdAgrees(&random);
  }
  Check(axis, "gather: along an axis");
  Check(elements, "gather: elements");
  Check(nd, "gather: tuples");
  TestBadIndices();
}

}  // namespace quipu::test
