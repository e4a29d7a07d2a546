// G1: canonical and fast products beside cuBLAS. G3: convolutions beside cuBLAS with the product
// that each of them is, all images together, once its windows have been gathered.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/device.h"
#include "bench/device_cublas.h"
#include "program/operator.h"
#include "program/operators/matmul_fast.h"

namespace quipu::bench {
namespace {

struct Size {
  int64_t m, n, k;
};

constexpr Size kSizes[] = {{4096, 4096, 4096}, {4000, 4001, 4003}, {2048, 2048, 2048},
                           {1024, 1024, 1024}, {512, 512, 512},    {64, 4096, 4096},
                           {8, 4096, 4096},    {1, 4096, 4096},    {64, 1024, 784}};
constexpr Size kFastSizes[] = {{4096, 4096, 4096}, {8192, 8192, 8192}};

std::string NameOf(const Size& size) {
  return std::to_string(size.m) + " x " + std::to_string(size.n) + " x " + std::to_string(size.k);
}

// One product as a program, with its operands on the device, and room for what the peer makes.
class Product {
 public:
  explicit Product(const Size& size)
      : size_(size),
        a_(size.m * size.k, 1),
        b_(size.k * size.n, 2),
        ours_(size.m * size.n),
        theirs_(size.m * size.n),
        offsets_{0, 0} {
    for (const auto& [place, elements] : {std::pair{Place::kConstant, size.m * size.k},
                                          std::pair{Place::kPrepared, size.k * size.n},
                                          std::pair{Place::kArena, size.m * size.n}}) {
      ProgramTensor tensor;
      tensor.place = place;
      tensor.elements = elements;
      tensor.bytes = static_cast<uint64_t>(elements) * sizeof(float);
      program_.tensors.push_back(tensor);
    }
    ProgramOperator product;
    product.opcode = Opcode::kMatmul;
    product.reads = {0, 1};
    product.writes = {2};
    product.words = {size.m, size.n, size.k, 0};
    Demand(KindOf(Opcode::kMatmul)->check(&program_, &product), "a product");
    program_.operators.push_back(product);
    scratch_ = std::make_unique<DeviceFloats>(1 + MatmulScratchFloats(program_, op()));
  }

  CudaAddresses At() const {
    const auto bytes = [](const DeviceFloats& floats) {
      return reinterpret_cast<uint8_t*>(floats.get());
    };
    return {program_, bytes(a_), bytes(b_),       bytes(ours_),
            nullptr,  offsets_,  scratch_->get(), nullptr};
  }
  const ProgramOperator& op() const { return program_.operators[0]; }

  std::vector<Side> Peers(const char* name, int compute) const {
    std::function<void()> run =
        CublasProduct(a_.get(), b_.get(), theirs_.get(), static_cast<int>(size_.m),
                      static_cast<int>(size_.n), static_cast<int>(size_.k), compute, Stream());
    return run == nullptr ? std::vector<Side>{} : std::vector<Side>{{name, run}};
  }

  // Ends the process when the two results lie further apart than that, in proportion.
  void Compare(double apart) const {
    const auto count = static_cast<size_t>(size_.m * size_.n);
    std::vector<float> ours(count), theirs(count);
    Demand(cudaStreamSynchronize(Stream()), "the products");
    Demand(cudaMemcpy(ours.data(), ours_.get(), count * sizeof(float), cudaMemcpyDeviceToHost), "");
    Demand(cudaMemcpy(theirs.data(), theirs_.get(), count * sizeof(float), cudaMemcpyDeviceToHost),
           "");
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; ++i) {
      difference += std::pow(static_cast<double>(ours[i]) - theirs[i], 2);
      size += std::pow(static_cast<double>(theirs[i]), 2);
    }
    if (std::sqrt(difference / size) <= apart) return;
    std::fprintf(stderr, "device-bench: %s differs from its peer\n", NameOf(size_).c_str());
    std::exit(1);
  }

  double work() const { return 2.0 * static_cast<double>(size_.m * size_.n) * size_.k; }

 private:
  const Size size_;
  const DeviceFloats a_, b_, ours_, theirs_;
  const std::vector<uint64_t> offsets_;
  Program program_;
  std::unique_ptr<DeviceFloats> scratch_;
};

void HoldOne(const std::string& name, const Product& product, Side ours, std::vector<Side> peers,
             double apart, double limit, const Options& options) {
  if (("G1 " + name).find(options.only) == std::string::npos) return;
  const bool has_peer = !peers.empty();
  Hold(Contest{"G1", name, product.work(), "FLOP", std::move(ours), std::move(peers), limit},
       options);
  if (has_peer) product.Compare(apart);
}

}  // namespace

void HoldProducts(const Options& options, double multiply_adds) {
  for (const Size& size : kSizes) {
    const Product product(size);
    const auto run = [&] {
      Demand(StartMatmul(product.At(), product.op(), Stream()), "a product");
    };
    HoldOne(NameOf(size), product, {"ours", run}, product.Peers("cuBLAS", kCublasF32), 1e-5,
            multiply_adds, options);
  }
  const struct {
    const char* name;
    const char* peer;
    Fast precision;
    int compute;
    double apart;
  } kinds[] = {{"tf32", "cuBLAS tf32", Fast::kTf32, kCublasTf32, 2e-3},
               {"bf16", "cuBLAS bf16", Fast::kBf16, kCublasBf16, 2e-2}};
  for (const Size& size : kFastSizes) {
    const Product product(size);
    for (const auto& kind : kinds) {
      std::unique_ptr<FastMatmul> fast;
      if (const Status s = FastMatmul::Open(product.At(), kind.precision, &fast); !s.ok()) {
        std::fprintf(stderr, "device-bench: no fast products: %s\n", s.message.c_str());
        return;
      }
      const auto run = [&] {
        Demand(fast->Start(product.At(), product.op(), Stream()), "a product");
      };
      HoldOne(std::string(kind.name) + " " + NameOf(size), product, {"ours", run},
              product.Peers(kind.peer, kind.compute), kind.apart, 0, options);
    }
  }
}

}  // namespace quipu::bench
