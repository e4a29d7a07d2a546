// G3: convolutions beside cuBLAS with the product that each of them is, all images together, once
// its windows have been gathered.
#include <vector>

#include "bench/device.h"
#include "bench/device_cublas.h"
#include "kernels/convolution/convolution_cuda.h"

namespace quipu::bench {
namespace {

struct Layer {
  int64_t in_channels, out_channels, size, kernel, stride;
};

// Of a residual network of fifty layers.
constexpr Layer kLayers[] = {{3, 64, 224, 7, 2},   {256, 64, 56, 1, 1},  {64, 64, 56, 3, 1},
                             {128, 128, 28, 3, 1}, {256, 256, 14, 3, 1}, {512, 512, 7, 3, 1}};
constexpr int64_t kImages = 32;

void HoldConvolution(const Layer& layer, double multiply_adds, const Options& options) {
  Convolution one = {};
  for (int axis = 0; axis < 3; ++axis) {
    const bool flat = axis == 0;
    one.in[axis] = flat ? 1 : layer.size;
    one.kernel[axis] = flat ? 1 : layer.kernel;
    one.stride[axis] = flat ? 1 : layer.stride;
    one.dilation[axis] = 1;
    one.pad[axis] = flat ? 0 : layer.kernel / 2;
    one.out[axis] = flat ? 1 : layer.size / layer.stride;
  }
  one.in_channels = layer.in_channels;
  one.out_channels = layer.out_channels;
  const int64_t m = layer.out_channels, n = kImages * VolumeOf(one.out), k = DepthOf(one);
  const DeviceFloats x(kImages * layer.in_channels * VolumeOf(one.in), 1);
  const DeviceFloats w(m * k, 2);
  const DeviceFloats gathered(k * n, 3);
  const DeviceFloats y(m * n), theirs(m * n);
  one.x = x.get();
  one.w = w.get();
  one.y = y.get();
  const ConvolutionGrid grid{one, kImages, 1};
  const DeviceFloats scratch(1 + ConvolutionScratchFloats(grid));
  const auto run = [&] {
    Demand(LaunchConvolutionF32(grid, scratch.get(), Stream()), "a convolution");
  };
  std::vector<Side> peers;
  if (auto product =
          CublasProduct(w.get(), gathered.get(), theirs.get(), static_cast<int>(m),
                        static_cast<int>(n), static_cast<int>(k), kCublasF32, Stream())) {
    peers.push_back({"cuBLAS, the product", product});
  }
  const std::string kernel = std::to_string(layer.kernel);
  Hold(Contest{"G3",
               kernel + " x " + kernel + ", " + std::to_string(layer.in_channels) + " to " +
                   std::to_string(layer.out_channels) + ", " + std::to_string(layer.size) + " x " +
                   std::to_string(layer.size) + ", 32 images",
               2.0 * static_cast<double>(m * n) * static_cast<double>(k),
               "FLOP",
               {"ours", run},
               std::move(peers),
               multiply_adds},
       options);
}

}  // namespace

void HoldConvolutions(const Options& options, double multiply_adds) {
  for (const Layer& layer : kLayers) HoldConvolution(layer, multiply_adds, options);
}

}  // namespace quipu::bench
