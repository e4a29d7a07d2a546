// BLAKE3 kernels of each instruction set against the portable ones: every count around the lanes,
// every length of an input, counters that carry, and parents in place.
#include "kernels/blake3/blake3.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "dispatch/hash_kernels.h"
#include "kernels/blake3/blake3_hasher.h"
#include "kernels/blake3/blake3_many.h"
#include "test/check.h"

namespace quipu::test {
namespace {

using namespace blake3;

const Kernels& Portable() { return HashKernelsOf(Backend::kPortable).blake3; }

// A key whose words all differ from the initial state's.
constexpr uint32_t kKey[8] = {0x9e3779b9, 0x7f4a7c15, 0xf39cc060, 0x5cedc834,
                              0x1082276b, 0xf3a27251, 0xf86c6a11, 0xd0c18e95};

// The lower word of the counter overflows within the lanes.
constexpr uint64_t kCounters[] = {0, 7, 0xfffffffffffffff0, 0xfffffff5};

bool ChunksAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes, size_t count) {
  for (const uint64_t counter : kCounters) {
    std::vector<uint8_t> want(count * kCvBytes), got(count * kCvBytes);
    Portable().chunks(bytes.data(), count, kKey, counter, kKeyedHash, want.data());
    kernels.chunks(bytes.data(), count, kKey, counter, kKeyedHash, got.data());
    if (want != got) return false;
  }
  return true;
}

bool ParentsAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes, size_t count) {
  std::vector<uint8_t> want(count * kCvBytes);
  Portable().parents(bytes.data(), count, kKey, kKeyedHash, want.data());
  std::vector<uint8_t> in_place(bytes.begin(), bytes.begin() + count * 2 * kCvBytes);
  kernels.parents(in_place.data(), count, kKey, kKeyedHash, in_place.data());
  return std::equal(want.begin(), want.end(), in_place.begin());
}

// Inputs of all lengths, in the order that `step` gives, some next to each other and some apart.
bool InputsAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes, size_t count,
                 size_t step) {
  std::vector<uint8_t> want(count * kCvBytes), got(count * kCvBytes);
  const auto hash = [&](const Kernels& which, std::vector<uint8_t>& cvs) {
    std::vector<Input> inputs;
    size_t at = 0;
    for (size_t i = 0; i < count; ++i) {
      const size_t size = i * step % (kChunkBytes + 1);
      if (at + size > bytes.size()) at = 0;
      inputs.push_back(Input{bytes.data() + at, size, kCounters[i % 4], i % 3 == 0 ? kRoot : 0,
                             cvs.data() + i * kCvBytes});
      at += size;
    }
    which.inputs(inputs.data(), count, kKey, kDeriveKeyMaterial);
  };
  hash(Portable(), want);
  hash(kernels, got);
  return want == got;
}

bool BlocksAgree(const Kernels& kernels, const std::vector<uint8_t>& bytes) {
  for (size_t first = 0; first < kBlocksPerChunk; ++first) {
    for (size_t count = 0; first + count <= kBlocksPerChunk; ++count) {
      uint32_t want[8], got[8];
      std::memcpy(want, kKey, sizeof(want));
      std::memcpy(got, kKey, sizeof(got));
      Portable().blocks(want, bytes.data() + 1, count, first, kCounters[2], kKeyedHash);
      kernels.blocks(got, bytes.data() + 1, count, first, kCounters[2], kKeyedHash);
      if (std::memcmp(want, got, sizeof(want)) != 0) return false;
    }
  }
  for (uint32_t length = 0; length <= kBlockBytes; ++length) {
    uint32_t want[16], got[16];
    Portable().compress(kKey, bytes.data() + length, length, kCounters[3], kRoot, want);
    kernels.compress(kKey, bytes.data() + length, length, kCounters[3], kRoot, got);
    if (std::memcmp(want, got, sizeof(want)) != 0) return false;
  }
  return true;
}

void TestKernels(Backend backend) {
  const std::string name = std::string("BLAKE3 ") + BackendName(backend) + ": ";
  Backend usable = backend;
  if (!ResolveBackend(BackendName(backend), &usable).ok()) {
    return Skip(name + "all", "this processor cannot run it");
  }
  const Kernels& kernels = HashKernelsOf(backend).blake3;
  const std::vector<uint8_t> bytes = Noise(140 * kChunkBytes);
  bool chunks = true, parents = true, inputs = true;
  for (size_t count = 0; count <= 133; ++count) {
    chunks = chunks && ChunksAgree(kernels, bytes, count);
    parents = parents && ParentsAgree(kernels, bytes, count);
    for (const size_t step : {0, 1, 64, 67, 257, 1024}) {
      inputs = inputs && InputsAgree(kernels, bytes, count, step);
    }
  }
  Check(chunks, name + "0 to 133 chunks");
  Check(parents, name + "0 to 133 parents, in place");
  Check(inputs && InputsAgree(kernels, bytes, 1025, 1), name + "inputs of every length");
  Check(BlocksAgree(kernels, bytes), name + "blocks of an open chunk, and short blocks");
}

// A file that can be read only so far.
class ShortSource final : public ByteSource {
 public:
  ShortSource(const std::vector<uint8_t>& bytes, size_t end) : bytes_(bytes), end_(end) {}
  const uint8_t* Read(uint64_t offset, size_t size, uint8_t* scratch) const override {
    if (offset + size > end_) return nullptr;
    std::memcpy(scratch, bytes_.data() + offset, size);
    return scratch;
  }
  bool needs_scratch() const override { return true; }

 private:
  const std::vector<uint8_t>& bytes_;
  const size_t end_;
};

void TestSources() {
  const std::vector<uint8_t> bytes = Noise(700 * kChunkBytes + 33);
  uint8_t want[kCvBytes], got[kCvBytes];
  Hasher whole(Portable());
  whole.Update(ByteView{bytes.data(), bytes.size()});
  whole.Digest(0, want, sizeof(want));
  const Kernels& kernels = HashKernelsOf(BestCpuBackend()).blake3;
  Hasher read(kernels);
  const bool ok = read.UpdateFrom(ShortSource(bytes, bytes.size()), bytes.size()).ok();
  read.Digest(0, got, sizeof(got));
  Check(ok && std::memcmp(want, got, sizeof(want)) == 0, "BLAKE3: a source that is read in parts");
  bool refused = true;
  for (const size_t end : {size_t{0}, size_t{5}, size_t{1024}, size_t{300000}, bytes.size() - 1}) {
    Hasher hasher(kernels);
    hasher.Update(ByteView{bytes.data(), 100});
    const Status status = hasher.UpdateFrom(ShortSource(bytes, end), bytes.size());
    refused = refused && status.code == Code::kIo;
  }
  Check(refused, "BLAKE3: a source that ends early is an error wherever it ends");
}

// A message that fills the lanes by itself asks on its way, and counts once.
void TestLongMessages() {
  const std::vector<uint8_t> bytes = Noise(size_t{20} << 20);
  const Messages messages{bytes.data(), nullptr, bytes.size() / 2, 2};
  const Hasher mode(HashKernelsOf(BestCpuBackend()).blake3);
  std::vector<uint8_t> want(2 * kCvBytes), got(want.size());
  for (size_t i = 0; i < 2; ++i) {
    Hasher hasher = mode;
    hasher.Update(messages.At(i));
    hasher.Digest(0, want.data() + i * kCvBytes, kCvBytes);
  }
  std::atomic<uint64_t> told{0};
  std::atomic<int> asked{0};
  const Status status = HashMany(mode, messages, 0, 2, got.data(), [&](uint64_t n) {
    told += n;
    ++asked;
    return true;
  });
  Check(status.ok() && want == got && told == bytes.size() && asked > 20,
        "BLAKE3: long messages, each asking on its way");
  asked = 0;
  const Status stopped =
      HashMany(mode, messages, 0, 2, got.data(), [&](uint64_t) { return ++asked < 3; });
  Check(stopped.code == Code::kCancelled && asked < 20, "BLAKE3: long messages, stopped");
}

}  // namespace

void TestBlake3() {
  TestKernels(Backend::kAvx2);
  TestKernels(Backend::kAvx512);
  TestSources();
  TestLongMessages();
}

}  // namespace quipu::test
