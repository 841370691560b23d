// The gate: router logits, then scores, selection and weights in one kernel.
//
// What it computes. logits = hidden router^T by cuBLAS (bf16 in, float32 out: kernel_sets.cpp).
// Then, for each token, the k experts with the highest selection scores and their weights
// (gate_arguments.hpp).
// CPU reference. reference/gate.cpp, by a stable sort.
// Simple version. One thread for each token sorts E scores in global memory: every score is read
// and written about k times.
// Fast version (here). One warp for each token; expert e sits in lane e % 32, in register e / 32:
// loads are coalesced and nothing is written but the k results. Scores become integers of the same
// order (score_key.hpp); each of the k rounds is a warp-wide maximum over keys and a warp-wide
// minimum over ids (redux.sync). Groups are scored the same way, with two maxima for each.
// What limits it. By bytes, reading E floats for each token; by instructions, the k rounds and the
// exponentials, which are polynomials so that ids do not depend on the backend (gate_math.hpp).
#include "kernels/cuda/launches.hpp"
#include "kernels/cuda/score_key.hpp"
#include "kernels/gate_math.hpp"

namespace moesim::kernels {
namespace {

constexpr unsigned kAll = 0xffffffffu;  // the lanes of a warp
constexpr int kWarps = 4;               // of a block

// The largest key of the warp and the lowest lane that has it.
struct WarpBest {
  std::uint32_t key = 0;
  int lane = 0;
};

__device__ WarpBest warp_best(std::uint32_t key) {
  const std::uint32_t largest = __reduce_max_sync(kAll, key);
  return WarpBest{.key = largest, .lane = __ffs(__ballot_sync(kAll, key == largest)) - 1};
}

__device__ float warp_sum(float value) {
  for (int distance = 16; distance > 0; distance /= 2)
    value += __shfl_xor_sync(kAll, value, distance);
  return value;
}

// The scores of rare gates. A call, because 32 copies of the logarithm in one kernel are slow to
// compile and crowd out the instruction cache.
__device__ __noinline__ float rare_score(GateKind kind, float z, float noise, float normal) {
  return gate_score(kind, z, noise, normal);
}

__device__ float score_at(const RouteArguments& arguments, std::size_t at) {
  const GateKind kind = arguments.rule.kind;
  const float z = arguments.logits[at];
  if (kind == GateKind::kSigmoid) return sigmoid(z);
  if (kind == GateKind::kNoisyTopk)
    return rare_score(kind, z, arguments.noise_logits[at], arguments.normals[at]);
  return kind == GateKind::kSqrtSoftplus ? rare_score(kind, z, 0, 0) : z;
}

// Takes experts outside the token's best groups out of the running. Key i of a lane is that of
// expert 32 i + lane.
template <int kKeys>
__device__ void keep_best_groups(const GateRule& rule, int lane, std::uint32_t (&keys)[kKeys]) {
  const int size = rule.experts / rule.groups;
  std::uint32_t group_key = kNoKey;  // lane g holds that of group g
  for (int group = 0; group < rule.groups; ++group) {
    const int begin = group * size, end = begin + size;
    std::uint32_t first = kNoKey, second = kNoKey;  // of this lane
#pragma unroll
    for (int i = 0; i < kKeys; ++i) {
      const int expert = 32 * i + lane;
      const std::uint32_t key = expert >= begin && expert < end ? keys[i] : kNoKey;
      second = max(second, min(first, key));
      first = max(first, key);
    }
    const WarpBest best = warp_best(first);
    float score = score_of_key(best.key);
    if (rule.group_score == GroupScore::kSumOfTopTwo && size > 1) {
      const std::uint32_t rest = lane == best.lane ? second : first;
      score = sum(score, score_of_key(__reduce_max_sync(kAll, rest)));
    }
    if (lane == group) group_key = score_key(score);
  }
  unsigned kept = 0;  // one bit for each group
  for (int i = 0; i < rule.groups_kept; ++i) {
    const WarpBest best = warp_best(group_key);
    kept |= 1u << best.lane;
    if (lane == best.lane) group_key = kNoKey;
  }
#pragma unroll
  for (int i = 0; i < kKeys; ++i) {
    const int expert = 32 * i + lane;
    if (expert < rule.experts && (kept >> (expert / size) & 1u) == 0) keys[i] = kNoKey;
  }
}

// The k best experts: lane j returns the id of the j-th.
template <int kKeys>
__device__ int choose(const GateRule& rule, int lane, std::uint32_t (&keys)[kKeys]) {
  int chosen = 0;
  for (int j = 0; j < rule.top_k; ++j) {
    std::uint32_t best = keys[0];
    int at = 0;
#pragma unroll
    for (int i = 1; i < kKeys; ++i)
      if (keys[i] > best) {
        best = keys[i];
        at = i;
      }
    const std::uint32_t largest = __reduce_max_sync(kAll, best);
    const unsigned candidate = best == largest ? 32u * at + lane : kAll;
    const int expert = static_cast<int>(__reduce_min_sync(kAll, candidate));
#pragma unroll
    for (int i = 0; i < kKeys; ++i)
      if (expert == 32 * i + lane) keys[i] = kNoKey;
    if (lane == j) chosen = expert;
  }
  return chosen;
}

// The weight of this lane's chosen expert (lanes from top_k on: anything), not yet scaled.
// `score`: of that expert, without bias. `largest`, `total`: of the softmax over all experts.
__device__ float weigh(const GateRule& rule, int lane, float score, float largest, float total) {
  const bool used = lane < rule.top_k;
  float weight = score;
  if (weighs_the_chosen(rule.kind)) {
    const float highest = __shfl_sync(kAll, score, 0);
    weight = used ? portable_exp(score - highest) : 0.0f;
    weight /= warp_sum(weight);
  } else if (!weighs_by_score(rule.kind)) {
    weight = portable_exp(score - largest) / total;
  }
  if (rule.renormalize) weight /= warp_sum(used ? weight : 0.0f) + 1e-20f;
  return weight;
}

// kKeys: registers of a lane for keys, experts <= 32 kKeys.
template <int kKeys>
__global__ void __launch_bounds__(32 * kWarps) route_kernel(RouteArguments arguments) {
  const GateRule& rule = arguments.rule;
  const int lane = threadIdx.x % 32;
  const int token = blockIdx.x * kWarps + threadIdx.x / 32;
  if (token >= arguments.tokens) return;  // whole warps
  const std::size_t row = static_cast<std::size_t>(token) * rule.experts;
  const bool biased = weighs_by_score(rule.kind) && arguments.bias != nullptr;
  std::uint32_t keys[kKeys];
  std::uint32_t largest_key = kNoKey;
#pragma unroll
  for (int i = 0; i < kKeys; ++i) {
    const int expert = 32 * i + lane;
    keys[i] = kNoKey;
    if (expert >= rule.experts) continue;
    const float score = score_at(arguments, row + expert);
    keys[i] = score_key(biased ? sum(score, arguments.bias[expert]) : score);
    largest_key = max(largest_key, keys[i]);
  }
  float largest = 0, total = 1;
  if (rule.kind == GateKind::kSoftmaxThenTopk) {
    largest = score_of_key(__reduce_max_sync(kAll, largest_key));
    float part = 0;
#pragma unroll
    for (int i = 0; i < kKeys; ++i)
      if (32 * i + lane < rule.experts) part += portable_exp(score_of_key(keys[i]) - largest);
    total = warp_sum(part);
  }
  if (rule.groups_kept < rule.groups) keep_best_groups(rule, lane, keys);
  const int chosen = choose(rule, lane, keys);
  // Lanes from top_k on have expert 0, which exists. The logit comes from the first-level cache.
  const float weight = weigh(rule, lane, score_at(arguments, row + chosen), largest, total);
  if (lane >= rule.top_k) return;
  const std::size_t out = static_cast<std::size_t>(token) * rule.top_k + lane;
  arguments.ids[out] = chosen;
  arguments.weights[out] = weight * rule.scaling_factor;
}

}  // namespace

void launch_route(const RouteArguments& arguments, cudaStream_t stream) {
  if (arguments.tokens == 0) return;
  const int blocks = ceil_div(arguments.tokens, kWarps), threads = 32 * kWarps;
  const int experts = arguments.rule.experts;
  if (experts <= 64)
    route_kernel<2><<<blocks, threads, 0, stream>>>(arguments);
  else if (experts <= 256)
    route_kernel<8><<<blocks, threads, 0, stream>>>(arguments);
  else if (experts <= 512)
    route_kernel<16><<<blocks, threads, 0, stream>>>(arguments);
  else
    route_kernel<32><<<blocks, threads, 0, stream>>>(arguments);
}

}  // namespace moesim::kernels
