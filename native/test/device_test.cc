// BLAKE3 with a device that works, fails, or fails later; and the places that a device's threads
// use.
#include <bitset>
#include <cstring>

#include "dispatch/hash_kernels.h"
#include "kernels/blake3/blake3_device.h"
#include "kernels/blake3/blake3_hasher.h"
#include "kernels/blake3/blake3_subtree.h"
#include "test/check.h"

namespace quipu::test {
namespace {

using namespace blake3;

int device_calls = 0;
int device_calls_until_failure = 0;
Code failure_code = Code::kDeviceLost;

Status FakeDevice(const Subtree& subtree, uint8_t pair[2 * kCvBytes]) {
  ++device_calls;
  if (device_calls > device_calls_until_failure) return Error(failure_code, "no more");
  const Kernels& cpu = HashKernelsOf(BestCpuBackend()).blake3;
  return SubtreePair(cpu, subtree, pair);
}

// 13 MiB and a bit, in pieces that leave subtrees of many sizes.
void TestFailure(const char* what, int until_failure, Code code) {
  const std::vector<uint8_t> bytes = Noise(size_t{13} << 20 | 777);
  Kernels kernels = HashKernelsOf(BestCpuBackend()).blake3;
  kernels.device_subtree = FakeDevice;
  bool ok = true;
  int called = 0;
  for (const size_t first : {size_t{0}, size_t{1}, size_t{1024}, size_t{4} << 20}) {
    uint8_t want[kCvBytes], got[kCvBytes];
    Hasher cpu(HashKernelsOf(BestCpuBackend()).blake3), device(kernels);
    cpu.Update(ByteView{bytes.data(), bytes.size()});
    cpu.Digest(0, want, sizeof(want));
    device_calls = 0;
    device_calls_until_failure = until_failure;
    failure_code = code;
    device.Update(ByteView{bytes.data(), first});
    device.Update(ByteView{bytes.data() + first, bytes.size() - first});
    device.Digest(0, got, sizeof(got));
    ok = ok && std::memcmp(want, got, sizeof(want)) == 0;
    called += device_calls;
    // One that has failed is not asked again.
    ok = ok && device_calls <= until_failure + 1;
  }
  Check(ok && called > 0, std::string("BLAKE3, ") + what);
}

// Each lane's row must hold its own chunk's block, whole; and eight lanes that read a quad of their
// rows must touch all 32 banks of four bytes once.
void TestStaging() {
  bool places = true, banks = true;
  for (unsigned block = 0; block < kBlocksPerChunk; ++block) {
    std::vector<int> staged(32 * kStagedRowQuads, -1);
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned step = 0; step < kBlockQuads; ++step) {
        staged[StagedQuad(lane, step)] = static_cast<int>(FetchedQuad(lane, step, block));
      }
    }
    for (unsigned lane = 0; lane < 32; ++lane) {
      for (unsigned quad = 0; quad < kBlockQuads; ++quad) {
        const unsigned want = lane * kChunkQuads + block * kBlockQuads + quad;
        places = places && staged[lane * kStagedRowQuads + quad] == static_cast<int>(want);
      }
    }
  }
  for (unsigned first = 0; first < 32; first += 8) {
    for (unsigned quad = 0; quad < kBlockQuads; ++quad) {
      std::bitset<32> touched;
      for (unsigned lane = first; lane < first + 8; ++lane) {
        for (unsigned word = 0; word < 4; ++word) {
          touched.set(((lane * kStagedRowQuads + quad) * 4 + word) % 32);
        }
      }
      banks = banks && touched.all();
    }
  }
  Check(places, "BLAKE3: a warp's rows hold its chunks");
  Check(banks, "BLAKE3: a warp reads its rows without waiting for a bank");
}

}  // namespace

void TestDevice() {
  TestFailure("a device that works", 1000, Code::kDeviceLost);
  TestFailure("a device that is lost at once", 0, Code::kDeviceLost);
  TestFailure("a device that is lost in mid-run", 1, Code::kDeviceLost);
  TestFailure("a device without memory", 1, Code::kDeviceMemory);
  TestStaging();
}

}  // namespace quipu::test
