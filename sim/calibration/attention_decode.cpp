// The attention core of a decode step: a block reads the cache of one (sequence, KV head), or of
// one (sequence, query head); long caches are cut into chunks, so that all SMs have blocks, and the
// parts are merged.
//
//   t = base + head_column·query width + [ latency^p + work^p + memory^p ]^(1/p)
//       + merge·log₂(cuts) + query_pass·sequences·heads·(query + value width)·2 / bandwidth
//   cuts = ⌊blocks_per_sm·SMs / W⌋ from 1 to ⌈tokens / chunk⌉    W = sequences · heads that blocks
//   own latency = start + tokens/cuts·token                          of one block alone work =
//   W·cuts / SMs · (block + tokens/cuts · (row bytes / sm_rate + flops of a row)) memory =
//   sequences·kv heads·tokens·row bytes / (memory_efficiency · bandwidth)
//
// Blocks of grouped queries share one pass over the cache and use tensor cores. TensorRT-LLM takes
// that kernel (XQA) for groups of `smallest_group` to `largest_group` queries where there are at
// least `fill` blocks of 128 tokens for each SM, and another (masked multi-head attention) for the
// rest (tensorrt_llm/common/attentionOp, decoderXQARunner::mayHavePerfGain).
#include <algorithm>
#include <cmath>

#include "sim/calibration/coefficient_form.hpp"

namespace moesim {
namespace {
using enum ParameterType;

enum {
  kBase,
  kHeadColumn,
  kBlock,
  kStart,
  kToken,
  kCompute,
  kSmRate,
  kMemory,
  kExponent,
  kMerge,
  kQueryPass,
  kBlocksPerSm,
  kChunk,
  kQueries,
  kSmallest,
  kLargest,
  kFill
};

constexpr Coefficient given(const char* name, const char* doc, double value) {
  return {name, kNumber, doc, value, value, value};
}

constexpr Coefficient kCoefficients[] = {
    {"base", kTime, "of the call", 6e-6, 1e-7},
    {"head_column", kTime, "of the call, per column of a query", 10e-9, 0, 100e-9},
    {"block", kTime, "of an SM for each block", 3e-6, 0, 20e-6},
    {"start", kTime, "of a block alone", 1e-6, 0, 20e-6},
    {"token", kTime, "of a block alone, per cached token", 5e-9, 0, 100e-9},
    {"compute_efficiency", kNumber, "of the datasheet peak", 0.5, 0.0005, 1},
    {"sm_rate", kRate, "at which one SM reads the cache", 100e9, 1e8, 4e12},
    {"memory_efficiency", kNumber, "of the datasheet memory bandwidth", 0.9, 0.05, 1},
    {"exponent", kNumber, "p of the norm of latency, work and memory time", 2, 1, 10},
    {"merge", kTime, "each time that the cuts double", 0.5e-6, 0, 5e-6},
    {"query_pass", kNumber, "passes over queries and outputs", 1, 0, 10},
    given("blocks_per_sm", "that cutting aims for", 2),
    given("chunk", "tokens of the shortest cut", 128),
    given("queries", "query heads that share a block, at most", 64),
    given("smallest_group", "of query heads of a KV head that the kernel takes", 1),
    given("largest_group", "the same, at most; 0 = any", 0),
    given("fill", "blocks of 128 tokens for each SM that the kernel takes, at least", 0),
};

double group_of(const AttentionWork& a) {
  return std::max(1.0, static_cast<double>(a.heads) / std::max(1, a.kv_heads));
}

KernelTime decode_time(std::span<const double> c, const KernelWork& work, const FormGpu& gpu) {
  MOESIM_CHECK(work.attention != nullptr, "attention_decode stands only under attention kernels");
  const AttentionWork& a = *work.attention;
  if (a.sequences <= 0) return {};
  constexpr double kMmaRows = 8;  // of a tensor core's tile of queries
  const double sms = std::max(1, gpu.spec.sms);
  const double bandwidth = gpu.spec.memory_bandwidth.value;
  const double width = a.query_width + a.value_width;
  const double shared = std::min(c[kQueries], group_of(a));
  const double rows = shared > 1 ? kMmaRows * std::ceil(shared / kMmaRows) : 1;
  const double owners = a.sequences * a.kv_heads * std::ceil(group_of(a) / shared);
  const double tokens = std::max(1.0, a.attended);
  const double cuts = std::clamp(std::floor(c[kBlocksPerSm] * sms / owners), 1.0,
                                 std::max(1.0, std::ceil(tokens / c[kChunk])));
  const double row_bytes = a.kv_width * bytes_per_parameter(a.kv_dtype);
  const double row = row_bytes / c[kSmRate] +
                     2 * rows * width * sms / (c[kCompute] * gpu.spec.peak_of(DType::kBf16).value);
  const double latency = c[kStart] + tokens / cuts * c[kToken];
  const double busy = owners * cuts / sms * (c[kBlock] + tokens / cuts * row);
  const double memory = a.sequences * a.kv_heads * tokens * row_bytes / (c[kMemory] * bandwidth);
  const double computed = p_norm(latency, busy, c[kExponent]).total().value;
  KernelTime time = p_norm(computed, memory, c[kExponent]);
  time.memory += Seconds(c[kBase] + c[kHeadColumn] * a.query_width + c[kMerge] * std::log2(cuts) +
                         c[kQueryPass] * a.sequences * a.heads * width * 2 / bandwidth);
  return time;
}

bool takes(std::span<const double> c, const KernelWork& work, const FormGpu& gpu) {
  const AttentionWork& a = *work.attention;
  const double group = group_of(a);
  if (group < c[kSmallest] || (c[kLargest] > 0 && group > c[kLargest])) return false;
  constexpr double kBlockTokens = 128;
  const double blocks = a.sequences * a.kv_heads * std::ceil(a.attended / kBlockTokens);
  return blocks >= c[kFill] * gpu.spec.sms;
}

class AttentionDecode : public CoefficientForm {
 public:
  explicit AttentionDecode(const Arguments& arguments)
      : CoefficientForm(attention_decode_model(), arguments) {}
};

const Register<CostForm, AttentionDecode> kAttentionDecode{
    {.name = "attention_decode",
     .summary = "attention of a decode step from its blocks, cuts of the cache, and bytes",
     .source = "Dao et al., Flash-Decoding, 2023; TensorRT-LLM",
     .parameters = parameters_of(attention_decode_model())}};

}  // namespace

const FormModel& attention_decode_model() {
  static const FormModel model{"attention_decode", "attention_decode", kCoefficients, decode_time,
                               takes};
  return model;
}

}  // namespace moesim
