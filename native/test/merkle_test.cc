// Merkle trees below what JavaScript can reach: a device in the middle of them, which works, fails,
// or fails later; and the functions that a device's threads run.
#include <algorithm>
#include <cstring>

#include "dispatch/hash_kernels.h"
#include "kernels/merkle/merkle_device.h"
#include "kernels/merkle/merkle_frontier.h"
#include "kernels/merkle/merkle_tree.h"
#include "kernels/sha256/sha256_many.h"
#include "kernels/sha256/sha256_one.h"
#include "test/check.h"

namespace quipu::test {
namespace {

using namespace merkle;

int device_calls = 0;
int device_calls_until_failure = 0;

const sha256::Kernels& Sha256() { return HashKernelsOf(BestCpuBackend()).sha256; }

// What a device computes, computed here, until it is lost.
Status FakeDevice(const Messages& leaves, size_t first, int height, uint8_t* const levels[]) {
  ++device_calls;
  if (device_calls > device_calls_until_failure) {
    return Error(Code::kDeviceLost, "the device has fallen off the bus");
  }
  std::vector<uint8_t> digests((size_t{1} << height) * kDigestBytes);
  sha256::HashSome(Sha256(), leaves, first, size_t{1} << height, kLeafPrefix, digests.data());
  for (int level = 0;; ++level) {
    const size_t count = size_t{1} << (height - level);
    if (levels[level] != nullptr) {
      std::memcpy(levels[level], digests.data(), count * kDigestBytes);
    }
    if (level == height) return Status{};
    HashNodes(Sha256(), digests.data(), count / 2, digests.data());
  }
}

void TestDevices(const char* what, int until_failure) {
  const std::vector<uint8_t> bytes = Noise(40000 * 8);
  const Messages leaves{bytes.data(), nullptr, 8, 40000};
  const merkle::Kernels cpu{&Sha256(), nullptr}, device{&Sha256(), FakeDevice};
  bool frontier_ok = true, tree_ok = true;
  for (const size_t head : {size_t{0}, size_t{1}, size_t{1000}, size_t{8192}}) {
    Frontier want, got;
    Tree want_tree, got_tree;
    const size_t rest = leaves.count - head;
    frontier_ok = frontier_ok && want.Append(cpu, leaves, 0, leaves.count, Always).ok();
    device_calls = 0;
    device_calls_until_failure = until_failure;
    frontier_ok = frontier_ok && got.Append(device, leaves, 0, head, Always).ok() &&
                  got.Append(device, leaves, head, rest, Always).ok();
    // Asked at all, and not again once it has failed.
    const auto asked = [&] { return device_calls > 0 && device_calls <= until_failure + 1; };
    frontier_ok = frontier_ok && asked();
    uint8_t a[kDigestBytes], b[kDigestBytes];
    want.Root(cpu, a);
    got.Root(cpu, b);
    frontier_ok = frontier_ok && std::memcmp(a, b, sizeof(a)) == 0;
    device_calls = 0;
    tree_ok = tree_ok && want_tree.Append(cpu, leaves, 0, leaves.count, Always).ok() &&
              got_tree.Append(device, leaves, 0, head, Always).ok() &&
              got_tree.Append(device, leaves, head, rest, Always).ok();
    tree_ok = tree_ok && asked();
    for (const uint64_t index : {uint64_t{0}, uint64_t{8191}, uint64_t{20000}, uint64_t{39999}}) {
      tree_ok = tree_ok && want_tree.Inclusion(Sha256(), index, leaves.count) ==
                               got_tree.Inclusion(Sha256(), index, leaves.count);
    }
    if (!tree_ok) break;
    got_tree.Root(Sha256(), leaves.count, b);
    tree_ok = std::memcmp(a, b, sizeof(a)) == 0;
  }
  Check(frontier_ok, std::string("Merkle frontier, ") + what);
  Check(tree_ok, std::string("Merkle tree, ") + what);
}

void TestResident() {
  const std::vector<uint8_t> bytes = Noise(64);
  Messages leaves{bytes.data(), nullptr, 8, 8};
  leaves.on_device = true;
  device_calls = 0;
  device_calls_until_failure = 0;
  Frontier frontier;
  const Status status =
      frontier.Append(merkle::Kernels{&Sha256(), FakeDevice}, leaves, 0, leaves.count, Always);
  Check(status.code == Code::kDeviceLost,
        "Merkle: leaves that only a lost device has are an error, never read here");
  Check(Frontier()
                .Append(merkle::Kernels{&Sha256(), nullptr}, leaves, 0, leaves.count, Always)
                .code == Code::kInvalidArgument,
        "Merkle: leaves on a device are refused where no device hashes");
}

// The word-by-word hash of one thread of a device.
void TestThreadHash() {
  const std::vector<uint8_t> bytes = Noise(400);
  bool ok = true;
  for (size_t size = 0; size <= 300; ++size) {
    for (const size_t shift : {0, 1, 2, 3}) {
      uint8_t want[kDigestBytes], got[kDigestBytes];
      const ByteView message{bytes.data() + shift, size};
      sha256::HashOne(sha256::BlocksPortable, message, kNodePrefix, want);
      HashPrefixed<false>(kNodePrefix, message.data, size, sha256::kConstants, got);
      ok = ok && std::memcmp(want, got, sizeof(want)) == 0;
      if (reinterpret_cast<uintptr_t>(message.data) % 4 != 0) continue;
      HashPrefixed<true>(kNodePrefix, message.data, size, sha256::kConstants, got);
      ok = ok && std::memcmp(want, got, sizeof(want)) == 0;
    }
  }
  Check(ok, "Merkle: a device thread's hash of 0 to 300 bytes, aligned and not");
}

}  // namespace

void TestMerkle() {
  TestDevices("a device that works", 1000);
  TestDevices("a device that fails at once", 0);
  TestDevices("a device that fails in mid-run", 1);
  TestResident();
  TestThreadHash();
}

}  // namespace quipu::test
