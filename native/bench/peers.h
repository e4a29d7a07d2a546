// The peers: OpenBLAS, opened by name, and oneDNN where its headers were there when this was built.
#ifndef QUIPU_BENCH_PEERS_H_
#define QUIPU_BENCH_PEERS_H_

#include "bench/contest.h"
#include "kernels/convolution/convolution.h"
#include "kernels/matmul/matmul.h"
#include "kernels/normalise/normalise.h"
#include "kernels/softmax/softmax.h"

namespace quipu::bench {

// How many threads the peers use, from now on.
void SetPeerThreads(int threads);

// Which kernels OpenBLAS chose for this processor (OPENBLAS_CORETYPE overrules); empty without it.
std::string OpenBlasCore();

// C = A × B, B as it lies in memory, or packed beforehand. They write c of the job.
std::vector<Side> MatmulPeers(const Matmul& job);

// One image, all groups, bias apart: in the layout that the peer likes best, or as the tensors lie.
std::vector<Side> ConvolutionPeers(const Convolution& job, int64_t groups);

// All rows of the job, written to its `to`. Of normalisation: by place, with scale and bias.
std::vector<Side> SoftmaxPeers(const Softmax& job);
std::vector<Side> GeluPeers(const float* from, float* to, int64_t elements);
std::vector<Side> NormalisePeers(const Normalise& job);

}  // namespace quipu::bench

#endif  // QUIPU_BENCH_PEERS_H_
