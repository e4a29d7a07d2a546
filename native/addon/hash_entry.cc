// blake3, sha256 and merkleRoot over whole buffers, each at once or as a promise. Results are
// written into the caller's `out`.
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "addon/async_task.h"
#include "addon/blake3_mode.h"
#include "addon/entries.h"
#include "addon/environment.h"
#include "dispatch/hash_kernels.h"
#include "kernels/hash/sha256_hasher.h"

namespace quipu {
namespace {

// A call with its checked arguments: `Run` needs no JavaScript.
struct Blake3Call {
  // (data, out, keyOrContext, backend)
  explicit Blake3Call(const Napi::CallbackInfo& info)
      : data(BytesArgument(info, 0, "data")),
        out(OutputArgument(info, 1, "out")),
        hasher(MakeBlake3Hasher(info, 2, BackendArgument(info, 3))) {}

  Status Run() {
    const Status status = hasher.Update(data);
    if (status.ok()) hasher.Digest(0, out.data, out.size);
    return status;
  }

  ByteView data;
  OutputView out;
  blake3::Hasher hasher;
};

struct Sha256Call {
  // (data, out, backend)
  explicit Sha256Call(const Napi::CallbackInfo& info)
      : data(BytesArgument(info, 0, "data")),
        out(OutputArgument(info, 1, "out", sha256::kDigestBytes)),
        kernels(&HashKernelsOf(BackendArgument(info, 2))) {}

  Status Run() {
    sha256::Hasher hasher(kernels->sha256);
    hasher.Update(data);
    hasher.Digest(out);
    return Status{};
  }

  ByteView data;
  uint8_t* out;
  const HashKernels* kernels;
};

struct MerkleRootCall {
  // (data, out, ends, backend): leaf i is data[ends[i - 1], ends[i])
  explicit MerkleRootCall(const Napi::CallbackInfo& info)
      : out(OutputArgument(info, 1, "out", sha256::kDigestBytes)),
        kernels(&HashKernelsOf(BackendArgument(info, 3))) {
    const ByteView data = BytesArgument(info, 0, "data");
    if (!info[2].IsTypedArray() ||
        info[2].As<Napi::TypedArray>().TypedArrayType() != napi_biguint64_array) {
      RefuseArgument(info.Env(), "ends", "must be a BigUint64Array");
    }
    const auto given = info[2].As<Napi::BigUint64Array>();
    // Copied, then checked: where they lie they could still change, and leaves end outside the
    // data.
    ends.assign(given.Data(), given.Data() + given.ElementLength());
    leaves = merkle::Leaves{data.data, ends.data(), ends.size()};
    uint64_t last = 0;
    for (const uint64_t end : ends) {
      if (end < last) RefuseArgument(info.Env(), "ends", "must not descend");
      last = end;
    }
    if (last != data.size) RefuseArgument(info.Env(), "ends", "must end with the data");
  }

  Status Run() {
    if (kernels->merkle_root_on_device != nullptr && leaves.count > 0) {
      return kernels->merkle_root_on_device(leaves, out);
    }
    return merkle::Root(kernels->sha256, leaves, out);
  }

  std::vector<uint64_t> ends;
  merkle::Leaves leaves;
  uint8_t* out;
  const HashKernels* kernels;
};

template <class Call>
void AtOnce(const Napi::CallbackInfo& info) {
  try {
    Call call(info);
    ThrowIfError(info.Env(), call.Run());
  } catch (const std::bad_alloc&) {
    Throw(info.Env(), Error(Code::kLimitExceeded, "out of memory while hashing"));
  }
}

template <class Call>
class CallTask : public AsyncTask {
 public:
  explicit CallTask(const Napi::CallbackInfo& info) : call_(info) {
    for (size_t i = 0; i < info.Length(); ++i) {
      if (info[i].IsTypedArray()) Lend(info[i]);
    }
  }

 protected:
  Status Execute() override { return call_.Run(); }
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }

 private:
  Call call_;
};

template <class Call>
Napi::Value Later(const Napi::CallbackInfo& info) {
  return AsyncTask::Start(info.Env(), std::make_unique<CallTask<Call>>(info));
}

}  // namespace

void RegisterHash(Napi::Env env, Napi::Object exports) {
  exports.Set("blake3", Napi::Function::New(env, AtOnce<Blake3Call>));
  exports.Set("blake3Async", Napi::Function::New(env, Later<Blake3Call>));
  exports.Set("sha256", Napi::Function::New(env, AtOnce<Sha256Call>));
  exports.Set("sha256Async", Napi::Function::New(env, Later<Sha256Call>));
  exports.Set("merkleRoot", Napi::Function::New(env, AtOnce<MerkleRootCall>));
  exports.Set("merkleRootAsync", Napi::Function::New(env, Later<MerkleRootCall>));
}

}  // namespace quipu
