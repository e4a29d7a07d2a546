// T6: convolutions of one image. Output channels or groups are split over threads.
#include <algorithm>

#include "bench/peers.h"
#include "dispatch/backend.h"
#include "program/split.h"

namespace quipu::bench {
namespace {

struct Layer {
  const char* name;
  int64_t in_channels, out_channels, groups, side, kernel, stride;
};

const Layer kLayers[] = {
    {"3x3 64 56x56", 64, 64, 1, 56, 3, 1},
    {"3x3 128 28x28", 128, 128, 1, 28, 3, 1},
    {"3x3 256 14x14", 256, 256, 1, 14, 3, 1},
    {"3x3 512 7x7", 512, 512, 1, 7, 3, 1},
    {"1x1 256-64 56x56", 256, 64, 1, 56, 1, 1},
    {"1x1 512-2048 7x7", 512, 2048, 1, 7, 1, 1},
    {"7x7 by 2 3-64 224x224", 3, 64, 1, 224, 7, 2},
    {"3x3 by 2 3-32 224x224", 3, 32, 1, 224, 3, 2},
    {"3x3 by 2 128 56x56", 128, 128, 1, 56, 3, 2},
    {"depthwise 3x3 32 112x112", 1, 1, 32, 112, 3, 1},
    {"depthwise 3x3 by 2 64 112x112", 1, 1, 64, 112, 3, 2},
    {"depthwise 3x3 512 14x14", 1, 1, 512, 14, 3, 1},
    {"grouped 3x3 32 of 4 56x56", 4, 4, 32, 56, 3, 1},
};

Convolution JobOf(const Layer& layer) {
  Convolution job = {};
  job.in_channels = layer.in_channels;
  job.out_channels = layer.out_channels;
  for (int axis = 0; axis < 3; ++axis) {
    job.in[axis] = axis == 0 ? 1 : layer.side;
    job.kernel[axis] = axis == 0 ? 1 : layer.kernel;
    job.stride[axis] = axis == 0 ? 1 : layer.stride;
    job.dilation[axis] = 1;
    job.pad[axis] = job.kernel[axis] / 2;
    job.out[axis] = (job.in[axis] - 1) / job.stride[axis] + 1;
  }
  job.end = VolumeOf(job.out);
  return job;
}

}  // namespace

void HoldConvolution(const Options& options) {
  const bool wide = BestCpuBackend() == Backend::kAvx512;
  const ConvolutionF32 kernel = wide ? ConvolutionF32Avx512 : ConvolutionF32Avx2;
  std::vector<AlignedArray<uint8_t>> scratch;
  for (int i = 0; i < options.threads; ++i) {
    scratch.push_back(AllocateAligned<uint8_t>(kConvolutionScratchBytes));
  }
  for (const Layer& layer : kLayers) {
    Convolution job = JobOf(layer);
    const int64_t x_group = job.in_channels * VolumeOf(job.in);
    const int64_t y_group = job.out_channels * VolumeOf(job.out);
    const int64_t w_group = job.out_channels * DepthOf(job);
    const AlignedArray<float> x = Random(layer.groups * x_group, 1);
    const AlignedArray<float> w = Random(layer.groups * w_group, 2);
    const AlignedArray<float> y = Random(layer.groups * y_group, 3);
    job.x = x.get();
    job.w = w.get();
    job.y = y.get();
    const auto parts = static_cast<int64_t>(options.threads);
    const auto ours = [&] {
      OnThreads(options.threads, [&](int thread) {
        auto* mine = reinterpret_cast<float*>(scratch[static_cast<size_t>(thread)].get());
        Convolution part = job;
        if (layer.groups == 1) {
          const Range range = PartOf(job.end, parts, thread, 32);
          part.begin = range.begin;
          part.end = range.end;
          return kernel(part, mine);
        }
        const Range range = PartOf(layer.groups, parts, thread, 1);
        for (int64_t group = range.begin; group < range.end; ++group) {
          part.x = job.x + group * x_group;
          part.w = job.w + group * w_group;
          part.y = job.y + group * y_group;
          kernel(part, mine);
        }
      });
    };
    const double flops = 2.0 * static_cast<double>(layer.groups * y_group * DepthOf(job));
    Hold(Contest{"T6",
                 layer.name,
                 flops,
                 "FLOP",
                 {"ours", ours},
                 ConvolutionPeers(job, layer.groups),
                 MultiplyAdds(options.threads, wide)},
         options);
  }
}

}  // namespace quipu::bench
