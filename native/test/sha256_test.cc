// SHA-256 kernels of each instruction set against the portable ones, whichever of them this
// processor would choose: every size around a block, every count around the lanes, with and without
// a prefix.
#include "kernels/sha256/sha256.h"

#include <algorithm>

#include "dispatch/hash_kernels.h"
#include "kernels/sha256/sha256_many.h"
#include "support/cpu_features.h"
#include "support/message_tasks.h"
#include "test/check.h"

namespace quipu::test {
namespace {

using namespace sha256;

struct Set {
  const char* name;
  bool usable;
  Kernels kernels;
};

bool ManyAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes, size_t count, size_t step,
               int prefix) {
  std::vector<ByteView> messages;
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = i * step % 400;
    if (at + size > bytes.size()) at = 0;
    messages.push_back(ByteView{bytes.data() + at, size});
    at += size;
  }
  std::vector<uint8_t> want(count * kDigestBytes), got(count * kDigestBytes);
  ManyPortable(messages.data(), count, prefix, want.data());
  kernels.many(messages.data(), count, prefix, got.data());
  return want == got;
}

bool RunAgrees(const Kernels& kernels, const std::vector<uint8_t>& bytes, size_t count, size_t size,
               int prefix) {
  // A copy of its own, so that a read before the first byte or after the last is seen by a
  // sanitizer.
  const std::vector<uint8_t> data(bytes.begin(), bytes.begin() + count * size);
  std::vector<uint8_t> want(count * kDigestBytes), got(count * kDigestBytes);
  RunPortable(Run{data.data(), size, count}, prefix, want.data());
  kernels.run(Run{data.data(), size, count}, prefix, got.data());
  return want == got;
}

// With the number of messages that go one after another forced to all and to none.
bool FewAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes) {
  bool ok = true;
  for (size_t count = 0; count <= 20; ++count) {
    std::vector<uint64_t> ends;
    for (size_t i = 1; i <= count; ++i) ends.push_back(i * i);
    for (const Messages& messages : {Messages{bytes.data(), nullptr, 64, count},
                                     Messages{bytes.data(), ends.data(), 0, count}}) {
      std::vector<uint8_t> digests[2];
      for (const size_t few : {0, 100}) {
        Kernels forced = kernels;
        forced.few = few;
        std::vector<uint8_t>& out = digests[few == 0 ? 0 : 1];
        out.resize(count * kDigestBytes);
        HashSome(forced, messages, 0, count, 1, out.data());
      }
      ok = ok && digests[0] == digests[1];
    }
  }
  return ok;
}

// Some messages that share the lanes, and between them some that are hashed alone. Stopped, a long
// one ends on its way.
bool LongAgree(const Kernels& kernels) {
  const size_t size = kLongBytes + 5;
  const std::vector<uint8_t> bytes = Noise(size + 300);
  const std::vector<uint64_t> ends = {100, 200, size + 200, size + 250, size + 300};
  const Messages messages{bytes.data(), ends.data(), 0, ends.size()};
  std::vector<uint8_t> want(ends.size() * kDigestBytes), got(want.size());
  uint64_t told = 0;
  int asked = 0;
  HashSome(kernels, messages, 0, ends.size(), 0, want.data());
  const Status status = HashMany(kernels, messages, 0, ends.size(), 0, got.data(), [&](uint64_t n) {
    told += n;
    return true;
  });
  const Status stopped =
      HashMany(kernels, messages, 2, 1, 0, got.data(), [&](uint64_t) { return ++asked < 3; });
  return status.ok() && want == got && told == bytes.size() && stopped.code == Code::kCancelled &&
         asked == 4;  // the third on its way, the fourth at its end
}

bool InPlaceAgrees(const Kernels& kernels, const std::vector<uint8_t>& bytes, size_t count) {
  std::vector<uint8_t> want(count * kDigestBytes);
  RunPortable(Run{bytes.data(), 2 * kDigestBytes, count}, 1, want.data());
  std::vector<uint8_t> level(bytes.begin(), bytes.begin() + count * 2 * kDigestBytes);
  kernels.run(Run{level.data(), 2 * kDigestBytes, count}, 1, level.data());
  return std::equal(want.begin(), want.end(), level.begin());
}

bool BlocksAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes) {
  for (size_t count = 0; count < 9; ++count) {
    uint32_t want[8], got[8];
    std::copy(kInitial, kInitial + 8, want);
    std::copy(kInitial, kInitial + 8, got);
    BlocksPortable(want, bytes.data() + count, count);
    kernels.blocks(got, bytes.data() + count, count);
    if (!std::equal(want, want + 8, got)) return false;
  }
  return true;
}

void TestKernels(const Set& set) {
  const std::string name = std::string("SHA-256 ") + set.name + ": ";
  if (!set.usable) return Skip(name + "all", "this processor cannot run it");
  const std::vector<uint8_t> bytes = Noise(64 * 1100);
  bool many = true, run = true, in_place = true;
  for (const int prefix : {kNoPrefix, 0, 1, 255}) {
    for (size_t count = 0; count <= 50; ++count) {
      for (const size_t step : {0, 1, 55, 64, 97}) {
        many = many && ManyAgree(set.kernels, bytes, count, step, prefix);
      }
    }
    for (size_t size = 0; size <= 200; ++size) {
      for (const size_t count : {1, 3, 4, 5, 15, 16, 17, 33}) {
        run = run && RunAgrees(set.kernels, bytes, count, size, prefix);
      }
    }
    for (const size_t size : {1000, 1024, 4099}) {
      run = run && RunAgrees(set.kernels, bytes, 17, size, prefix);
    }
  }
  for (size_t count = 0; count <= 70; ++count) {
    in_place = in_place && InPlaceAgrees(set.kernels, bytes, count);
  }
  Check(many, name + "many messages of different sizes");
  Check(run, name + "runs of equal sizes");
  Check(in_place, name + "a tree level over its own children");
  Check(FewAgree(set.kernels, bytes), name + "few messages, one after another or at once");
  Check(BlocksAgree(set.kernels, bytes), name + "blocks of one message");
}

}  // namespace

void TestSha256() {
#if QUIPU_X86
  const CpuFeatures& cpu = Cpu();
  const Set sets[] = {
      {"shani", cpu.sha, {BlocksShani, ManyShani, RunShani}},
      {"shani_avx512", cpu.sha && cpu.avx512, {BlocksShani, ManyShaniAvx512, RunShaniAvx512}},
      {"avx2", cpu.avx2, {BlocksPortable, ManyAvx2, RunAvx2}},
      {"avx512", cpu.avx512, {BlocksPortable, ManyAvx512, RunAvx512}},
  };
  for (const Set& set : sets) TestKernels(set);
  Check(LongAgree(HashKernelsOf(BestCpuBackend()).sha256),
        "SHA-256: long messages among short ones");
#endif
}

}  // namespace quipu::test
