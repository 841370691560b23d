#include "sim/calibration/cost_form.hpp"

namespace moesim {

KernelWork kernel_work(const ExpertWork& work) {
  double routes = 0, active = 0;
  for (const int rows : work.tokens) routes += rows, active += rows > 0 ? 1 : 0;
  const double weights = static_cast<double>(work.matrices) * work.hidden * work.width;
  const double element = bytes_per_parameter(work.dtype);
  return {.tokens = work.input_tokens,
          .flops = 2 * weights * routes,
          .bytes = active * weights * element + 4.0 * routes * work.hidden,
          .dtype = work.dtype,
          .experts = &work};
}

KernelWork kernel_work(const GemmWork& work) {
  const double element = bytes_per_parameter(work.dtype);
  return {.tokens = work.m,
          .flops = 2 * work.groups * work.m * work.n * work.k,
          .bytes = work.groups * (element * (work.m * work.k + work.n * work.k) +
                                  work.result_bytes * work.m * work.n),
          .dtype = work.dtype,
          .gemm = &work};
}

KernelWork kernel_work(const AttentionWork& work) {
  return {.tokens = work.query_tokens,
          .flops = work.flops,
          .bytes = work.kv_read,
          .dtype = work.kv_dtype,
          .attention = &work};
}

KernelWork kernel_work(const GateWork& work) {
  constexpr double kLogitBytes = 4;
  return {.tokens = work.tokens, .bytes = work.tokens * work.experts * kLogitBytes, .gate = &work};
}

int launches_of(const KernelWork& work) {
  if (work.experts != nullptr) return 7;
  if (work.attention != nullptr) return 3;
  const bool passes =
      work.gemm != nullptr && !work.gemm->quantised && bytes_per_parameter(work.gemm->dtype) < 2;
  return passes ? 2 : 1;
}

std::string core_name(AttentionKind kind) { return kind == AttentionKind::kMla ? "mla" : "gqa"; }

std::optional<double> axis_value(const std::string& axis, const KernelWork& work) {
  if (axis == "tokens") return work.tokens;
  if (axis == "bytes") return work.bytes;
  if (const ExpertWork* experts = work.experts) {
    if (axis == "hidden") return experts->hidden;
    if (axis == "width") return experts->width;
    if (axis == "slots") return static_cast<double>(experts->tokens.size());
  }
  if (const GemmWork* gemm = work.gemm) {
    if (axis == "n") return gemm->n;
    if (axis == "k") return gemm->k;
  }
  if (const AttentionWork* attention = work.attention) {
    if (axis == "heads") return attention->heads;
    if (axis == "sequences") return attention->sequences;
    if (axis == "context") return attention->longest;
  }
  if (work.gate != nullptr && axis == "experts") return work.gate->experts;
  return std::nullopt;
}

}  // namespace moesim
