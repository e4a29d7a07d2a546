// Copies between strided views against one element at a time: axes in any order, reversed,
// repeated, with gaps; whole, in pieces, and on the emulated device.
#include "kernels/copy/copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "kernels/copy/copy_cuda.h"
#include "support/quick_division.h"
#include "test/check.h"
#include "test/random.h"

namespace quipu::test {
namespace {

struct Job {
  Copy copy = {};
  std::vector<uint8_t> from, to;
};

// A view of axes in any order in memory, gaps between them; `*bytes` is what it spans, and the
// result where it begins.
int64_t Lay(const int64_t* shape, int32_t rank, bool repeats, Random* random, int64_t* stride,
            int64_t* elements) {
  std::vector<int32_t> order(static_cast<size_t>(rank));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = order.size(); i > 1; --i) {
    if (random->Between(0, 1) == 0) std::swap(order[i - 1], order[random->Between(0, i - 1)]);
  }
  int64_t next = random->Between(0, 5) == 0 ? 2 : 1;
  int64_t start = 0;
  *elements = 1;
  for (size_t i = order.size(); i-- > 0;) {
    const int32_t axis = order[i];
    stride[axis] = next;
    if (repeats && random->Between(0, 4) == 0) {
      stride[axis] = 0;
      continue;
    }
    const int64_t size = std::max<int64_t>(shape[axis], 1);
    *elements += (size - 1) * next;
    if (random->Between(0, 4) == 0) {
      start += (size - 1) * next;
      stride[axis] = -next;
    }
    next *= size + (random->Between(0, 3) == 0 ? 1 : 0);
  }
  return start;
}

Job RandomJob(Random* random) {
  static const int32_t widths[] = {1, 2, 4, 8};
  Job job;
  Copy& copy = job.copy;
  copy.element_bytes = widths[random->Between(0, 3)];
  copy.rank = static_cast<int32_t>(random->Between(0, 5));
  int64_t most = copy.rank <= 2 ? 80 : copy.rank == 3 ? 40 : 9;
  for (int32_t axis = 0; axis < copy.rank; ++axis) {
    copy.shape[axis] = random->Between(0, 40) == 0 ? 0 : random->Between(1, most);
  }
  int64_t from_elements = 0, to_elements = 0;
  const int64_t from = Lay(copy.shape, copy.rank, true, random, copy.from_stride, &from_elements);
  const int64_t to = Lay(copy.shape, copy.rank, false, random, copy.to_stride, &to_elements);
  // Sometimes not at the beginning, so that it is aligned to its elements only.
  const int64_t shift = random->Between(0, 1);
  const auto bytes = [&](int64_t elements) {
    return static_cast<size_t>((elements + shift) * copy.element_bytes);
  };
  job.from = Noise(bytes(from_elements), static_cast<uint64_t>(random->Between(1, 1 << 20)));
  job.to.assign(bytes(to_elements), 0xee);
  copy.from = job.from.data() + bytes(from);
  copy.to = job.to.data() + bytes(to);
  return job;
}

std::vector<uint8_t> OneByOne(const Job& job) {
  std::vector<uint8_t> target = job.to;
  const Copy& copy = job.copy;
  const int64_t to_start = static_cast<uint8_t*>(copy.to) - job.to.data();
  for (int64_t i = 0; i < CopyCount(copy); ++i) {
    int64_t rest = i, from = 0, to = 0;
    for (int32_t axis = copy.rank - 1; axis >= 0; --axis) {
      from += rest % copy.shape[axis] * copy.from_stride[axis];
      to += rest % copy.shape[axis] * copy.to_stride[axis];
      rest /= copy.shape[axis];
    }
    std::memcpy(target.data() + to_start + to * copy.element_bytes,
                static_cast<const uint8_t*>(copy.from) + from * copy.element_bytes,
                static_cast<size_t>(copy.element_bytes));
  }
  return target;
}

// `run` on a fresh target.
template <class Run>
bool Gives(const Job& job, const std::vector<uint8_t>& want, const Run& run) {
  std::vector<uint8_t> target = job.to;
  Copy copy = job.copy;
  copy.to = target.data() + (static_cast<uint8_t*>(job.copy.to) - job.to.data());
  return run(copy) && target == want;
}

void TestViews() {
  Random random(1);
  bool whole = true, pieces = true, device = true;
  for (int i = 0; i < 3000; ++i) {
    const Job job = RandomJob(&random);
    const std::vector<uint8_t> want = OneByOne(job);
    const int64_t count = CopyCount(job.copy);
    whole = whole && Gives(job, want, [&](const Copy& copy) {
              CopyElements(copy, 0, count);
              return true;
            });
    pieces = pieces && Gives(job, want, [&](const Copy& copy) {
               for (int64_t at = 0; at < count;) {
                 const int64_t end = std::min(count, at + random.Between(1, count / 3 + 1));
                 CopyElements(copy, at, end);
                 at = end;
               }
               return true;
             });
    device = device && (i % 10 != 0 || Gives(job, want, [&](const Copy& copy) {
                          return LaunchCopy(copy, nullptr) == cudaSuccess &&
                                 cudaStreamSynchronize(nullptr) == cudaSuccess;
                        }));
  }
  Check(whole, "copy: views of all kinds, one element at a time");
  Check(pieces, "copy: in pieces");
  Check(device, "CUDA copy: views of all kinds");
}

// Larger ones, in which whole tiles are moved.
void TestTransposes() {
  bool ok = true, device = true;
  for (const int32_t width : {1, 2, 4, 8, -4}) {  // below 0: fours on both sides
    Job job;
    const int64_t rows = width < 0 ? 132 : 130, columns = width < 0 ? 68 : 67;
    const int64_t matrices = 2, together = 2;
    job.copy.element_bytes = std::abs(width);
    for (const bool paired : {false, true}) {
      const int64_t last = paired ? together : 1;
      job.copy.rank = 4;
      const int64_t shape[] = {matrices, columns, rows, last};
      const int64_t from_stride[] = {rows * columns * last, last, columns * last, 1};
      const int64_t to_stride[] = {rows * columns * last, rows * last, last, 1};
      std::copy_n(shape, 4, job.copy.shape);
      std::copy_n(from_stride, 4, job.copy.from_stride);
      std::copy_n(to_stride, 4, job.copy.to_stride);
      job.from = Noise(static_cast<size_t>(CopyCount(job.copy) * std::abs(width)));
      job.to.assign(job.from.size(), 0);
      job.copy.from = job.from.data();
      job.copy.to = job.to.data();
      const std::vector<uint8_t> want = OneByOne(job);
      ok = ok && Gives(job, want, [&](const Copy& copy) {
             CopyElements(copy, 0, CopyCount(copy));
             return true;
           });
      device = device && Gives(job, want, [&](const Copy& copy) {
                 return LaunchCopy(copy, nullptr) == cudaSuccess &&
                        cudaStreamSynchronize(nullptr) == cudaSuccess;
               });
    }
  }
  Check(ok, "copy: transposed matrices");
  Check(device, "CUDA copy: transposed matrices");
}

void TestMerging() {
  Copy job = {};
  job.rank = 5;
  const int64_t shape[] = {2, 1, 3, 4, 5};
  const int64_t stride[] = {60, 7, 20, 5, 1};
  std::copy_n(shape, 5, job.shape);
  std::copy_n(stride, 5, job.from_stride);
  std::copy_n(stride, 5, job.to_stride);
  Copy merged = MergedCopy(job);
  bool ok = merged.rank == 1 && merged.shape[0] == 120 && merged.from_stride[0] == 1;
  job.from_stride[0] = 0;
  merged = MergedCopy(job);
  ok = ok && merged.rank == 2 && merged.shape[0] == 2 && merged.shape[1] == 60;
  job.shape[3] = 0;
  ok = ok && CopyCount(MergedCopy(job)) == 0 && MergedCopy(job).rank == 1;
  job.rank = 0;
  ok = ok && CopyCount(MergedCopy(job)) == 1 && MergedCopy(job).rank == 1;
  Check(ok, "copy: axes are merged");
}

void TestFill() {
  bool ok = true;
  const uint64_t bits = 0x8899aabbccddeeff;
  for (const int32_t width : {1, 2, 4, 8}) {
    for (const int64_t count : {0, 1, 7, 1000}) {
      std::vector<uint8_t> want(static_cast<size_t>(count * width) + 8, 1);
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(want.data() + i * width, &bits, static_cast<size_t>(width));
      }
      std::vector<uint8_t> got(want.size(), 1), device(want.size(), 1);
      FillElements(got.data(), width, bits, count);
      ok = ok && LaunchFill(device.data(), width, bits, count, nullptr) == cudaSuccess &&
           cudaStreamSynchronize(nullptr) == cudaSuccess && got == want && device == want;
    }
  }
  Check(ok, "fill: all widths, on a device too");
}

void TestQuickDivision() {
  bool ok = true;
  const auto divides = [&ok](int64_t size, int64_t number) {
    if (size < 1 || size > INT32_MAX || number < 0 || number > INT32_MAX) return;
    const uint32_t quotient = DivisorOf(size).Quotient(static_cast<uint32_t>(number));
    ok = ok && quotient == number / size;
  };
  for (int64_t size = 1; size <= INT32_MAX; size += size < 3000 ? 1 : size / 977) {
    for (int64_t multiple = size; multiple <= INT32_MAX; multiple += size * (1 + multiple / size)) {
      for (int64_t beside = -1; beside <= 1; ++beside) divides(size, multiple + beside);
    }
    for (int64_t beside = -1; beside <= 1; ++beside)
      divides(size, INT32_MAX / size * size + beside);
    divides(size, INT32_MAX);
  }
  for (int power = 1; power < 31; ++power) {
    for (int64_t beside = -1; beside <= 1; ++beside) {
      divides((int64_t{1} << power) + beside, INT32_MAX);
      divides((int64_t{1} << power) + beside, (int64_t{1} << power) - 1);
    }
  }
  Check(ok, "quick division: the quotients of division");
}

}  // namespace

void TestCopy() {
  TestQuickDivision();
  TestViews();
  TestTransposes();
  TestMerging();
  TestFill();
}

}  // namespace quipu::test
