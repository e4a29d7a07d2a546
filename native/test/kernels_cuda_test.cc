// The CUDA kernels of BLAKE3 and of Merkle trees on the emulated device, against the CPU's: sizes
// of one segment and of more than there are slots, memory of the host and of the device, and a
// device that is lost at every single call.
#include <algorithm>
#include <cstring>
#include <set>

#include "dispatch/hash_kernels.h"
#include "kernels/blake3/blake3_hasher.h"
#include "kernels/blake3/blake3_subtree.h"
#include "kernels/merkle/merkle_frontier.h"
#include "kernels/merkle/merkle_tree.h"
#include "test/check.h"
#include "test/emulated/device.h"

namespace quipu::test {
namespace {

const HashKernels& Cpu() { return HashKernelsOf(BestCpuBackend()); }

const blake3::Kernels& EmulatedBlake3() {
  static const blake3::Kernels kernels = [] {
    blake3::Kernels emulated = Cpu().blake3;
    emulated.device_subtree = blake3::SubtreeEmulated;
    return emulated;
  }();
  return kernels;
}

class ResidentSource final : public ByteSource {
 public:
  explicit ResidentSource(const uint8_t* data) : data_(data) {}
  const uint8_t* Read(uint64_t, size_t, uint8_t*) const override { return nullptr; }
  bool needs_scratch() const override { return true; }
  const uint8_t* on_device() const override { return data_; }

 private:
  const uint8_t* const data_;
};

// `source` is the bytes, of the host or of the device.
bool SubtreeAgrees(const std::vector<uint8_t>& bytes, const ByteSource& source, uint64_t offset,
                   size_t chunks, uint64_t counter, uint32_t flags) {
  uint32_t key[8];
  std::memcpy(key, bytes.data(), sizeof(key));
  const MemorySource memory(bytes.data());
  uint8_t want[2 * blake3::kCvBytes], got[2 * blake3::kCvBytes];
  return SubtreePair(Cpu().blake3, {memory, offset, chunks, key, counter, flags}, want).ok() &&
         blake3::SubtreeEmulated({source, offset, chunks, key, counter, flags}, got).ok() &&
         std::memcmp(want, got, sizeof(want)) == 0;
}

void TestSubtrees() {
  const std::vector<uint8_t> bytes = Noise((size_t{64} << 20) + 1024);
  const MemorySource memory(bytes.data());
  const ResidentSource resident(bytes.data());
  bool ok = true;
  for (const ByteSource* const source :
       {static_cast<const ByteSource*>(&memory), static_cast<const ByteSource*>(&resident)}) {
    ok = ok && SubtreeAgrees(bytes, *source, 0, 4096, 0, 0) &&
         SubtreeAgrees(bytes, *source, 1024, 8192, 0xfffff000, blake3::kKeyedHash);
  }
  Check(ok, "CUDA BLAKE3: one segment, a counter that carries");
  Check(SubtreeAgrees(bytes, memory, 512, 65536, uint64_t{1} << 40, blake3::kDeriveKeyMaterial),
        "CUDA BLAKE3: more segments than slots");
}

// Leaves of one size, or of sizes from 0 to 199.
struct Leaves {
  Leaves(const std::vector<uint8_t>& bytes, size_t count, size_t size) {
    messages = Messages{bytes.data(), nullptr, size, count};
    if (size != kUnequal) return;
    for (size_t i = 0; i < count; ++i) ends.push_back((i == 0 ? 0 : ends.back()) + i * 7 % 200);
    messages = Messages{bytes.data(), ends.data(), 0, count};
  }
  static constexpr size_t kUnequal = 1000;
  std::vector<uint64_t> ends;
  Messages messages;
};

const merkle::Kernels kEmulated{&Cpu().sha256, merkle::SubtreeEmulated};

// A tree and a frontier of the leaves, `head` of them first, against the CPU's.
bool TreesAgree(const Leaves& leaves, size_t head) {
  const merkle::Kernels cpu = Cpu().merkle();
  const size_t count = leaves.messages.count;
  merkle::Tree want, tree;
  merkle::Frontier frontier;
  bool ok = want.Append(cpu, leaves.messages, 0, count, Always).ok();
  for (const auto& [first, some] : {std::pair{size_t{0}, head}, std::pair{head, count - head}}) {
    ok = ok && tree.Append(kEmulated, leaves.messages, first, some, Always).ok() &&
         frontier.Append(kEmulated, leaves.messages, first, some, Always).ok();
  }
  if (!ok) return false;
  uint8_t root[32], of_tree[32], of_frontier[32];
  want.Root(*cpu.sha256, count, root);
  tree.Root(*cpu.sha256, count, of_tree);
  frontier.Root(cpu, of_frontier);
  for (const uint64_t at : {uint64_t{0}, uint64_t{count / 3}, uint64_t{count - 1}}) {
    ok = ok && want.Inclusion(*cpu.sha256, at, count) == tree.Inclusion(*cpu.sha256, at, count);
  }
  return ok && std::memcmp(root, of_tree, 32) == 0 && std::memcmp(root, of_frontier, 32) == 0;
}

// The same leaves in the device's memory.
bool ResidentAgrees(const Leaves& leaves, size_t head) {
  const size_t count = leaves.messages.count;
  Messages resident = leaves.messages;
  resident.on_device = true;
  merkle::Frontier want, got;
  if (!want.Append(Cpu().merkle(), leaves.messages, 0, count, Always).ok() ||
      !got.Append(kEmulated, resident, 0, head, Always).ok() ||
      !got.Append(kEmulated, resident, head, count - head, Always).ok()) {
    return false;
  }
  uint8_t root[32], of_resident[32];
  want.Root(Cpu().merkle(), root);
  got.Root(Cpu().merkle(), of_resident);
  return std::memcmp(root, of_resident, 32) == 0;
}

void TestTrees() {
  const std::vector<uint8_t> bytes = Noise(size_t{16384} * 3000);
  for (const size_t size : {size_t{0}, size_t{63}, size_t{64}, Leaves::kUnequal}) {
    bool ok = true;
    for (const size_t count : {8192, 24577}) {
      const Leaves leaves(bytes, count, size);
      for (const size_t head : {0, 1, 8192}) {
        ok = ok && TreesAgree(leaves, head) &&
             (size == Leaves::kUnequal || ResidentAgrees(leaves, head));
      }
    }
    Check(ok, "CUDA Merkle: leaves of " +
                  (size == Leaves::kUnequal ? "unequal sizes" : std::to_string(size) + " bytes"));
  }
  Check(TreesAgree(Leaves(bytes, 16384, 3000), 0), "CUDA Merkle: more segments than slots");
}

// A leaf that no buffer of the device holds goes by the CPU, and the next ones by the device again.
void TestLongLeaf() {
  const std::vector<uint8_t> bytes = Noise((size_t{17} << 20) + 2 * 8192);
  Leaves leaves(bytes, 2 * 8192, Leaves::kUnequal);
  for (size_t i = 0; i < leaves.ends.size(); ++i)
    leaves.ends[i] = i + 1 + (i < 5 ? 0 : size_t{17} << 20);
  bool ok = TreesAgree(leaves, 8192);
  merkle::Tree tree;
  merkle::Frontier frontier;
  const auto calls_of = [&](auto& any, size_t half) {
    LoseEmulatedDeviceAfter(1 << 30);
    ok = ok && any.Append(kEmulated, leaves.messages, half * 8192, 8192, Always).ok();
    return EmulatedCalls();
  };
  const int long_tree = calls_of(tree, 0), long_frontier = calls_of(frontier, 0);
  ok = ok && calls_of(tree, 1) > 4 * long_tree && calls_of(frontier, 1) > 4 * long_frontier;
  LoseEmulatedDeviceAfter(-1);
  Check(ok, "CUDA Merkle: a leaf longer than the device's buffers");
}

// A device that is lost at every call in turn, from the first on. `digests_agree` says whether the
// digests are right all the same.
template <class Agree>
void TestLoss(const std::string& name, const Agree& digests_agree) {
  bool ok = true, lost = true;
  std::set<int> allocations;
  for (int call = 0; lost; ++call) {
    LoseEmulatedDeviceAfter(call);
    ok = ok && digests_agree();
    lost = EmulatedCalls() > call;
    allocations.insert(EmulatedAllocations());
  }
  LoseEmulatedDeviceAfter(-1);
  Check(ok, name + ": a device that is lost at any call");
  // What the open pipeline holds, and before that nothing.
  allocations.erase(0);
  Check(allocations.size() == 1, name + ": a lost device leaves nothing behind");
}

void TestLosses() {
  const std::vector<uint8_t> bytes = Noise((size_t{4} << 20) + 5000);
  TestLoss("CUDA BLAKE3", [&] {
    uint8_t want[32], got[32];
    blake3::Hasher cpu(Cpu().blake3), hasher(EmulatedBlake3());
    for (blake3::Hasher* const each : {&cpu, &hasher}) {
      each->Update(ByteView{bytes.data(), bytes.size()});
    }
    cpu.Digest(0, want, sizeof(want));
    hasher.Digest(0, got, sizeof(got));
    return std::memcmp(want, got, sizeof(want)) == 0;
  });
  const Leaves leaves(bytes, 8200, 64);
  TestLoss("CUDA Merkle", [&] { return TreesAgree(leaves, 0); });
}

}  // namespace

void TestCudaKernels() {
  TestLosses();  // first, while the pipeline is not open
  TestSubtrees();
  TestTrees();
  TestLongLeaf();
}

}  // namespace quipu::test
