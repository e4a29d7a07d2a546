#include <omp.h>

#include <memory>
#include <oneapi/dnnl/dnnl.hpp>

#include "bench/peers.h"

namespace quipu::bench {

void SetOpenBlasThreads(int threads);
void AddOpenBlas(const Matmul& job, std::vector<Side>* sides);

namespace {

using dnnl::memory;

const dnnl::engine& Engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// What a primitive needs, kept alive by whoever runs it.
struct Primitive {
  dnnl::primitive primitive;
  std::unordered_map<int, memory> arguments;
  dnnl::stream stream{Engine()};

  void Run() {
    primitive.execute(stream, arguments);
    stream.wait();
  }
};

memory Reordered(const memory::desc& from, float* data, const memory::desc& to) {
  memory source(from, Engine(), data), target(to, Engine());
  dnnl::stream stream(Engine());
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
  return target;
}

Side SideOf(const std::string& name, std::shared_ptr<Primitive> primitive) {
  return Side{name, [primitive] { primitive->Run(); }};
}

}  // namespace

void SetPeerThreads(int threads) {
  omp_set_num_threads(threads);
  SetOpenBlasThreads(threads);
}

std::vector<Side> MatmulPeers(const Matmul& job) {
  std::vector<Side> sides;
  AddOpenBlas(job, &sides);
  const memory::desc a({job.m, job.k}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc b({job.k, job.n}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc c({job.m, job.n}, memory::data_type::f32, memory::format_tag::ab);
  const memory::desc any({job.k, job.n}, memory::data_type::f32, memory::format_tag::any);
  for (const bool packed : {false, true}) {
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, packed ? any : b, c),
                                                   Engine());
    auto primitive = std::make_shared<Primitive>();
    primitive->primitive = dnnl::matmul(description);
    float* data = const_cast<float*>(job.b);
    primitive->arguments = {
        {DNNL_ARG_SRC, memory(a, Engine(), const_cast<float*>(job.a))},
        {DNNL_ARG_WEIGHTS,
         packed ? Reordered(b, data, description.weights_desc()) : memory(b, Engine(), data)},
        {DNNL_ARG_DST, memory(c, Engine(), job.c)}};
    sides.push_back(SideOf(packed ? "oneDNN packed" : "oneDNN", primitive));
  }
  return sides;
}

std::vector<Side> ConvolutionPeers(const Convolution& job, int64_t groups) {
  std::vector<Side> sides;
  const memory::dims in = {1, groups * job.in_channels, job.in[1], job.in[2]};
  const memory::dims out = {1, groups * job.out_channels, job.out[1], job.out[2]};
  memory::dims weights = {job.out_channels, job.in_channels, job.kernel[1], job.kernel[2]};
  if (groups > 1) weights.insert(weights.begin(), groups);
  const auto f32 = memory::data_type::f32;
  const memory::desc x(in, f32, memory::format_tag::nchw);
  const memory::desc w(weights, f32,
                       groups > 1 ? memory::format_tag::goihw : memory::format_tag::oihw);
  const memory::desc y(out, f32, memory::format_tag::nchw);
  const auto any = memory::format_tag::any;
  for (const bool plain : {false, true}) {
    const memory::dims end = {
        (job.out[1] - 1) * job.stride[1] + job.kernel[1] - job.in[1] - job.pad[1],
        (job.out[2] - 1) * job.stride[2] + job.kernel[2] - job.in[2] - job.pad[2]};
    const dnnl::convolution_forward::desc wanted(
        dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
        plain ? x : memory::desc(in, f32, any), memory::desc(weights, f32, any),
        plain ? y : memory::desc(out, f32, any), {job.stride[1], job.stride[2]},
        {job.pad[1], job.pad[2]}, end);
    const dnnl::convolution_forward::primitive_desc description(wanted, Engine());
    auto primitive = std::make_shared<Primitive>();
    primitive->primitive = dnnl::convolution_forward(description);
    primitive->arguments = {
        {DNNL_ARG_SRC, Reordered(x, const_cast<float*>(job.x), description.src_desc())},
        {DNNL_ARG_WEIGHTS, Reordered(w, const_cast<float*>(job.w), description.weights_desc())},
        {DNNL_ARG_DST, memory(description.dst_desc(), Engine())}};
    const std::string kind = description.impl_info_str();
    sides.push_back(SideOf((plain ? "oneDNN plain " : "oneDNN ") + kind, primitive));
  }
  return sides;
}

std::vector<Side> SoftmaxPeers(const Softmax& job) {
  const memory::desc rows({job.rows, job.length}, memory::data_type::f32, memory::format_tag::ab);
  const auto kind = dnnl::prop_kind::forward_inference;
  auto primitive = std::make_shared<Primitive>();
  if (job.logarithm) {
    const dnnl::logsoftmax_forward::desc wanted(kind, rows, 1);
    primitive->primitive = dnnl::logsoftmax_forward({wanted, Engine()});
  } else {
    const dnnl::softmax_forward::desc wanted(kind, rows, 1);
    primitive->primitive = dnnl::softmax_forward({wanted, Engine()});
  }
  primitive->arguments = {{DNNL_ARG_SRC, memory(rows, Engine(), const_cast<float*>(job.from))},
                          {DNNL_ARG_DST, memory(rows, Engine(), job.to)}};
  return {SideOf("oneDNN", primitive)};
}

std::vector<Side> GeluPeers(const float* from, float* to, int64_t elements) {
  const memory::desc all({elements}, memory::data_type::f32, memory::format_tag::a);
  const dnnl::eltwise_forward::desc wanted(dnnl::prop_kind::forward_inference,
                                           dnnl::algorithm::eltwise_gelu_erf, all);
  auto primitive = std::make_shared<Primitive>();
  primitive->primitive = dnnl::eltwise_forward({wanted, Engine()});
  primitive->arguments = {{DNNL_ARG_SRC, memory(all, Engine(), const_cast<float*>(from))},
                          {DNNL_ARG_DST, memory(all, Engine(), to)}};
  return {SideOf("oneDNN", primitive)};
}

std::vector<Side> NormalisePeers(const Normalise& job) {
  const auto f32 = memory::data_type::f32;
  const memory::desc rows({job.rows, job.length}, f32, memory::format_tag::ab);
  const memory::desc affine({job.length}, f32, memory::format_tag::a);
  const dnnl::layer_normalization_forward::desc wanted(
      dnnl::prop_kind::forward_inference, rows, job.epsilon,
      dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift);
  auto primitive = std::make_shared<Primitive>();
  primitive->primitive = dnnl::layer_normalization_forward({wanted, Engine()});
  primitive->arguments = {{DNNL_ARG_SRC, memory(rows, Engine(), const_cast<float*>(job.from))},
                          {DNNL_ARG_SCALE, memory(affine, Engine(), const_cast<float*>(job.scale))},
                          {DNNL_ARG_SHIFT, memory(affine, Engine(), const_cast<float*>(job.bias))},
                          {DNNL_ARG_DST, memory(rows, Engine(), job.to)}};
  return {SideOf("oneDNN", primitive)};
}

}  // namespace quipu::bench
