// The attention core of a prefill (FlashAttention): blocks of queries of one head walk over the
// tiles of keys and values that they may see.
//
//   t = base + tail·longest + [ (work / SMs)^p + (bytes / (memory_efficiency · bandwidth))^p
//   ]^(1/p) work = sequences·heads·rows·(tiles·step + block)        rows = ⌈new tokens / tile⌉ of a
//   sequence step = 2·tile²·(query + value width) / (compute_efficiency · peak / SMs) + key_tile
//   tiles = attended / tile + ½, the mean of a row of blocks under a causal mask
//   longest = step·⌈longest row / tile⌉ + block, what the last block still runs after the others
//
// The peak is that of 16 bits, whatever the cache holds. `tail` is Graham's bound for list
// schedules, of which it is a share.
#include <algorithm>
#include <cmath>

#include "sim/calibration/coefficient_form.hpp"

namespace moesim {
namespace {
using enum ParameterType;

enum { kBase, kCompute, kMemory, kExponent, kBlock, kTail, kKeyTile };

constexpr double kTile = 128;

constexpr Coefficient kCoefficients[] = {
    {"base", kTime, "of the call", 10e-6, 1e-7},
    {"compute_efficiency", kNumber, "of the datasheet peak", 0.6, 0.05, 1},
    {"memory_efficiency", kNumber, "of the datasheet memory bandwidth", 0.8, 0.05, 1},
    {"exponent", kNumber, "p of the norm of compute and memory time", 2, 1, 10},
    {"block", kTime, "of an SM for each block of queries", 0.5e-6, 0, 10e-6},
    {"tail", kNumber, "share of the longest block that runs after all others", 0.5, 0, 10},
    {"key_tile", kTime, "of an SM for each tile of keys, beside its multiply-adds", 0.05e-6, 0,
     5e-6},
};

KernelTime prefill_time(std::span<const double> c, const KernelWork& work, const FormGpu& gpu) {
  MOESIM_CHECK(work.attention != nullptr, "attention_prefill stands only under attention kernels");
  const AttentionWork& a = *work.attention;
  if (a.sequences <= 0) return {};
  const double sms = std::max(1, gpu.spec.sms);
  const double width = a.query_width + a.value_width;
  const double rows = std::ceil(a.query_tokens / a.sequences / kTile);
  const double step =
      2 * kTile * kTile * width * sms / (c[kCompute] * gpu.spec.peak_of(DType::kBf16).value) +
      c[kKeyTile];
  const double tiles = a.attended / kTile + 0.5;
  const double blocks = a.sequences * a.heads * rows;
  const double longest = step * std::ceil(a.longest / kTile) + c[kBlock];
  const double bytes = 2 * a.query_tokens * a.heads * width + bytes_per_parameter(DType::kBf16) *
                                                                  a.sequences * a.longest *
                                                                  a.kv_heads * a.kv_width;
  KernelTime time = p_norm(blocks * (tiles * step + c[kBlock]) / sms,
                           bytes / (c[kMemory] * gpu.spec.memory_bandwidth.value), c[kExponent]);
  time.compute += Seconds(c[kTail] * longest);
  time.memory += Seconds(c[kBase]);
  return time;
}

class AttentionPrefill : public CoefficientForm {
 public:
  explicit AttentionPrefill(const Arguments& arguments)
      : CoefficientForm(attention_prefill_model(), arguments) {}
};

const Register<CostForm, AttentionPrefill> kAttentionPrefill{
    {.name = "attention_prefill",
     .summary = "attention of a prefill from its blocks of queries and tiles of keys",
     .source = "Dao, FlashAttention-2, 2023",
     .parameters = parameters_of(attention_prefill_model())}};

}  // namespace

const FormModel& attention_prefill_model() {
  static const FormModel model{"attention_prefill", "attention_prefill", kCoefficients,
                               prefill_time};
  return model;
}

}  // namespace moesim
