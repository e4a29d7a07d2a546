// MerkleTree and MerkleFrontier. Digests come back one after another in one Uint8Array.
#include <bit>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "addon/exclusive.h"
#include "addon/guarded.h"
#include "addon/packed.h"
#include "addon/results.h"
#include "addon/task_control.h"
#include "dispatch/hash_kernels.h"
#include "kernels/merkle/merkle_frontier.h"
#include "kernels/merkle/merkle_tree.h"

namespace quipu {
namespace {

using merkle::kDigestBytes;

// What both classes share: a tree of either kind, and its kernels.
template <class Tree>
class Shared {
 public:
  Shared(Tree tree, const HashKernels& kernels)
      : tree_(std::move(tree)), kernels_(kernels.merkle()) {}

  // (data, count, ends)
  void Append(const Napi::CallbackInfo& info) const {
    Tree& tree = tree_.Use(info.Env());
    const merkle::Kernels cpu{kernels_.sha256, nullptr};  // this thread does not wait for a device
    Guarded(info.Env(), [&] {
      const Packed leaves(info, 0);
      ThrowIfError(info.Env(), tree.Append(cpu, leaves.view(), 0, leaves.count(), Always));
    });
  }

  // (data, count, ends, control) → promise of nothing
  template <class Result>
  Napi::Value AppendAsync(const Napi::CallbackInfo& info, Result result) const {
    constexpr bool kHashesThere = std::is_same_v<Tree, merkle::Frontier>;
    const auto leaves = Guarded(info.Env(), [&info] {
      return std::make_shared<Packed>(info, 0,
                                      kHashesThere ? Packed::Place::kDevice : Packed::Place::kHost);
    });
    const TaskControl control(info, 3);
    const auto work = [leaves, control, kernels = kernels_](Tree& tree, const AsyncTask& task) {
      return tree.Append(kernels, leaves->view(), 0, leaves->count(),
                         [&](uint64_t bytes) { return control.Add(task, bytes); });
    };
    return tree_.Start(info, work, result);
  }

  Tree& Use(Napi::Env env) const { return tree_.Use(env); }
  const merkle::Kernels& kernels() const { return kernels_; }

 private:
  const Exclusive<Tree> tree_;
  const merkle::Kernels kernels_;
};

class TreeObject : public Napi::ObjectWrap<TreeObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "MerkleTree",
        {InstanceMethod<&TreeObject::Append>("append"),
         InstanceMethod<&TreeObject::AppendAsync>("appendAsync"),
         InstanceMethod<&TreeObject::Size>("size"), InstanceMethod<&TreeObject::Root>("root"),
         InstanceMethod<&TreeObject::InclusionProof>("inclusionProof"),
         InstanceMethod<&TreeObject::ConsistencyProof>("consistencyProof"),
         InstanceMethod<&TreeObject::Frontier>("frontier")});
  }

  // (backend)
  explicit TreeObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), tree_(merkle::Tree(), HashKernelsOf(BackendArgument(info, 0))) {}

  void Finalize(Napi::Env env) override { ReportMemory(env, 0); }

 private:
  void Append(const Napi::CallbackInfo& info) {
    tree_.Append(info);
    ReportMemory(info.Env(), tree_.Use(info.Env()).memory_bytes());
  }

  Napi::Value AppendAsync(const Napi::CallbackInfo& info) {
    return tree_.AppendAsync(info, [this](Napi::Env env, merkle::Tree& tree) {
      ReportMemory(env, tree.memory_bytes());
      return env.Undefined();
    });
  }

  Napi::Value Size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(tree_.Use(info.Env()).size()));
  }

  // (size, out)
  void Root(const Napi::CallbackInfo& info) {
    const merkle::Tree& tree = tree_.Use(info.Env());
    const uint64_t size = AtMost(info, 0, "size", tree.size());
    tree.Root(*tree_.kernels().sha256, size, OutputArgument(info, 1, "out", kDigestBytes));
  }

  // (index, size)
  Napi::Value InclusionProof(const Napi::CallbackInfo& info) {
    const merkle::Tree& tree = tree_.Use(info.Env());
    const uint64_t size = AtMost(info, 1, "size", tree.size());
    if (size == 0) RefuseArgument(info.Env(), "size", "must be at least 1");
    const uint64_t index = AtMost(info, 0, "index", size - 1);
    const std::vector<uint8_t> proof = tree.Inclusion(*tree_.kernels().sha256, index, size);
    return BytesValue(info.Env(), proof);
  }

  // (from, to)
  Napi::Value ConsistencyProof(const Napi::CallbackInfo& info) {
    const merkle::Tree& tree = tree_.Use(info.Env());
    const uint64_t to = AtMost(info, 1, "to", tree.size());
    const uint64_t from = AtMost(info, 0, "from", to);
    const std::vector<uint8_t> proof = tree.Consistency(*tree_.kernels().sha256, from, to);
    return BytesValue(info.Env(), proof);
  }

  // (size)
  Napi::Value Frontier(const Napi::CallbackInfo& info) {
    const merkle::Tree& tree = tree_.Use(info.Env());
    const std::vector<uint8_t> digests = tree.Frontier(AtMost(info, 0, "size", tree.size()));
    return BytesValue(info.Env(), digests);
  }

  static uint64_t AtMost(const Napi::CallbackInfo& info, size_t index, const char* name,
                         uint64_t most) {
    const uint64_t number = CountArgument(info, index, name);
    if (number > most) RefuseArgument(info.Env(), name, "must be at most " + std::to_string(most));
    return number;
  }

  // V8 collects garbage by what it knows of.
  void ReportMemory(Napi::Env env, size_t bytes) {
    const int64_t change = static_cast<int64_t>(bytes) - reported_bytes_;
    Napi::MemoryManagement::AdjustExternalMemory(env, change);
    reported_bytes_ += change;
  }

  const Shared<merkle::Tree> tree_;
  int64_t reported_bytes_ = 0;
};

class FrontierObject : public Napi::ObjectWrap<FrontierObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "MerkleFrontier",
                       {InstanceMethod<&FrontierObject::Append>("append"),
                        InstanceMethod<&FrontierObject::AppendAsync>("appendAsync"),
                        InstanceMethod<&FrontierObject::Size>("size"),
                        InstanceMethod<&FrontierObject::Root>("root"),
                        InstanceMethod<&FrontierObject::Digests>("digests")});
  }

  // (size, digests, backend)
  explicit FrontierObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), frontier_(Given(info), HashKernelsOf(BackendArgument(info, 2))) {}

 private:
  static merkle::Frontier Given(const Napi::CallbackInfo& info) {
    const uint64_t size = CountArgument(info, 0, "size");
    const ByteView digests = BytesArgument(info, 1, "digests");
    if (digests.size != static_cast<size_t>(std::popcount(size)) * kDigestBytes) {
      RefuseArgument(info.Env(), "digests", "must be one of 32 bytes for each set bit of the size");
    }
    return merkle::Frontier(size, digests.data);
  }

  void Append(const Napi::CallbackInfo& info) { frontier_.Append(info); }
  Napi::Value AppendAsync(const Napi::CallbackInfo& info) {
    return frontier_.AppendAsync(info,
                                 [](Napi::Env env, merkle::Frontier&) { return env.Undefined(); });
  }
  Napi::Value Size(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(frontier_.Use(info.Env()).size()));
  }
  void Root(const Napi::CallbackInfo& info) {
    frontier_.Use(info.Env())
        .Root(frontier_.kernels(), OutputArgument(info, 0, "out", kDigestBytes));
  }
  Napi::Value Digests(const Napi::CallbackInfo& info) {
    const merkle::Frontier& frontier = frontier_.Use(info.Env());
    return BytesValue(info.Env(), frontier.digests(), frontier.digest_count() * kDigestBytes);
  }

  const Shared<merkle::Frontier> frontier_;
};

}  // namespace

void RegisterMerkle(Napi::Env env, Napi::Object exports) {
  exports.Set("MerkleTree", TreeObject::Define(env));
  exports.Set("MerkleFrontier", FrontierObject::Define(env));
}

}  // namespace quipu
