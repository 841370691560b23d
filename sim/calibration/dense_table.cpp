#include "sim/calibration/dense_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moesim {
namespace {

bool has_all(const MeasuredTable& table, std::initializer_list<const char*> columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [&](const char* column) { return table.has(column); });
}

bool is_gemm_table(const MeasuredTable& table) {
  return has_all(table, {"system", "m", "n", "k"}) &&
         (table.has("latency_ms") || table.has("latency_us"));
}
bool is_published_gemm_table(const MeasuredTable& table) {
  return has_all(table, {"hardware", "kind", "num_groups", "m_per_group", "n", "k"});
}
bool is_grouped_table(const MeasuredTable& table) {
  return has_all(table, {"system", "layout", "tokens_per_local_expert", "up_proj_us"});
}
bool is_mla_table(const MeasuredTable& table) {
  return has_all(table, {"system", "scope", "phase", "num_local_heads", "past_kv_len"});
}
bool is_gqa_table(const MeasuredTable& table) {
  return has_all(table, {"system", "phase", "head_dim", "num_key_value_heads", "past_kv_len"});
}
bool is_breakdown_table(const MeasuredTable& table) {
  return has_all(table, {"system", "measurement", "gating_linear_ms", "permute_shuffle_ms"});
}

std::optional<DType> dtype_in(const std::string& name) {
  if (name == "bfloat16" || name == "float16" || name == "bf16") return DType::kBf16;
  if (name == "fp8") return DType::kFp8;
  if (name == "fp8_block" || name.empty()) return DType::kFp8Block;  // DeepGEMM's
  return std::nullopt;
}

std::string range_name(const char* what, double value) {
  constexpr std::array<int, 6> kEdges = {0, 16, 64, 256, 1024, 4096};
  for (std::size_t i = 1; i < kEdges.size(); ++i)
    if (value <= kEdges[i]) return fmt::format("{} {}-{}", what, kEdges[i - 1] + 1, kEdges[i]);
  return fmt::format("{} above {}", what, kEdges.back());
}

// Completes a sample; a time that is absent or not above 0 says nothing.
DenseSample finished(DenseSample read, double seconds, const std::string& dtype_name) {
  read.sample.seconds = seconds;
  if (!read.dtype && !dtype_name.empty())
    read.reason = fmt::format("dtype {} is not known", dtype_name);
  else if (seconds <= 0)
    read.reason = "no measured time above 0";
  return read;
}

DenseSample gemm_sample(const MeasuredTable& table, std::size_t row, const GemmWork& work,
                        double seconds) {
  const std::string dtype = table.text(row, "dtype");
  DenseSample read{.system = table.text(row, "system"),
                   .framework = table.text(row, "framework"),
                   .kernel = "gemm",
                   .dtype = dtype_in(dtype),
                   .kernel_source = table.text(row, "kernel_source")};
  GemmWork typed = work;
  // The authors of DeepGEMM time its products alone.
  typed.quantised = !table.has("kernel_source");
  if (typed.quantised) read.kernel_source = "deep_gemm";
  typed.dtype = read.dtype.value_or(DType::kBf16);
  read.sample = {.work = typed,
                 .shape = fmt::format("{:g} x {:g}", work.n, work.k),
                 .regimes = {range_name("rows", work.m)}};
  return finished(std::move(read), seconds, dtype);
}

DenseSample read_gemm(const MeasuredTable& table, std::size_t row) {
  const double seconds = table.has("latency_ms") ? 1e-3 * table.number(row, "latency_ms")
                                                 : 1e-6 * table.number(row, "latency_us");
  return gemm_sample(table, row,
                     {table.number(row, "m"), table.number(row, "n"), table.number(row, "k")},
                     seconds);
}

DenseSample read_published_gemm(const MeasuredTable& table, std::size_t row) {
  GemmWork work{table.number(row, "m_per_group"), table.number(row, "n"), table.number(row, "k")};
  work.groups = table.number(row, "num_groups");
  DenseSample read = gemm_sample(table, row, work, 1e-6 * table.number(row, "latency_us_derived"));
  read.system = table.text(row, "hardware");
  read.sample.regimes.push_back(table.text(row, "kind"));
  return read;
}

// The up projection (gate and up in one) and the down projection of equal experts.
std::vector<DenseSample> read_grouped(const MeasuredTable& table, std::size_t row) {
  const double hidden = table.number(row, "hidden_size"), width = table.number(row, "inter_size");
  GemmWork up{table.number(row, "tokens_per_local_expert"), 2 * width, hidden};
  up.groups = table.number(row, "num_local_experts");
  GemmWork down = up;
  down.n = hidden;
  down.k = width;
  std::vector<DenseSample> read = {
      gemm_sample(table, row, up, 1e-6 * table.number(row, "up_proj_us")),
      gemm_sample(table, row, down, 1e-6 * table.number(row, "down_proj_us"))};
  for (DenseSample& sample : read) sample.sample.regimes.push_back(table.text(row, "layout"));
  return read;
}

// What every attention kernel of a table has; `per_head` is that of one query head.
DenseSample attention_sample(const MeasuredTable& table, std::size_t row, AttentionWork work,
                             const std::string& shape) {
  const double fresh = table.number(row, "new_tokens"), past = table.number(row, "past_kv_len");
  work.decode = table.text(row, "phase") == "generation";
  work.sequences = table.number(row, "batch_size");
  work.query_tokens = work.sequences * fresh;
  work.longest = past + fresh;
  work.attended = work.decode ? past + fresh : past + fresh / 2;
  const double width = work.query_width + work.value_width;
  work.flops = 2 * work.query_tokens * work.heads * width * work.attended;
  work.kv_read = work.sequences * work.longest * work.kv_heads * work.kv_width *
                 bytes_per_parameter(work.kv_dtype);
  DenseSample read{
      .system = table.text(row, "system"),
      .framework = table.has("framework") ? table.text(row, "framework") : "TRTLLM",
      .kernel = work.decode ? "attention_decode" : "attention_prefill",
      .attention = core_name(work.kind),
      .dtype = work.kv_dtype,
      .kernel_source = table.text(row, "kernel_source"),
      .sample = {.work = work, .shape = shape, .regimes = {range_name("context", work.longest)}}};
  return finished(std::move(read), 1e-3 * table.number(row, "latency_ms"), {});
}

DenseSample read_gqa(const MeasuredTable& table, std::size_t row) {
  const int dim = table.integer(row, "head_dim");
  AttentionWork work{.kind = AttentionKind::kGqa,
                     .heads = table.integer(row, "num_heads"),
                     .kv_heads = table.integer(row, "num_key_value_heads"),
                     .query_width = dim,
                     .value_width = dim,
                     .kv_width = 2 * dim};
  return attention_sample(table, row, work,
                          fmt::format("{} of {} heads of {}", work.kv_heads, work.heads, dim));
}

// Of DeepSeek-V3, whose attention the tables measure.
constexpr int kHidden = 7168, kQueryRank = 1536, kLatent = 512, kRope = 64, kNope = 128,
              kValue = 128;

std::vector<GemmWork> mla_projections(double tokens, double heads, DType dtype) {
  const auto gemm = [&](double n, double k) { return GemmWork{tokens, n, k, dtype}; };
  return {gemm(kLatent + kRope, kHidden), gemm(kQueryRank, kHidden),
          gemm(heads * (kNope + kRope), kQueryRank), gemm(heads * (kNope + kValue), kLatent),
          gemm(kHidden, heads * kValue)};
}

DenseSample read_mla(const MeasuredTable& table, std::size_t row) {
  const bool absorbed = table.text(row, "phase") == "generation";
  const int heads = table.integer(row, "num_local_heads");
  const std::string cache = table.text(row, "kv_cache_dtype");
  AttentionWork work{.kind = AttentionKind::kMla,
                     .heads = heads,
                     .kv_heads = absorbed ? 1 : heads,
                     .query_width = absorbed ? kLatent + kRope : kNope + kRope,
                     .value_width = absorbed ? kLatent : kValue,
                     .kv_width = absorbed ? kLatent + kRope : kNope + kRope + kValue,
                     .kv_dtype = dtype_in(cache).value_or(DType::kBf16)};
  DenseSample read = attention_sample(table, row, work, fmt::format("{} heads", heads));
  if (!dtype_in(cache)) read.reason = fmt::format("dtype {} is not known", cache);
  if (table.text(row, "scope") == "mla_kernel") return read;
  const std::string gemm = table.text(row, "gemm_type");
  if (!dtype_in(gemm)) read.reason = fmt::format("dtype {} is not known", gemm);
  read.projections = mla_projections(std::get<AttentionWork>(read.sample.work).query_tokens, heads,
                                     dtype_in(gemm).value_or(DType::kBf16));
  return read;
}

// A column of the breakdown; empty where the row does not have it.
std::optional<double> seconds_in(const MeasuredTable& table, std::size_t row, const char* column) {
  if (table.text(row, column).empty()) return std::nullopt;
  return 1e-3 * table.number(row, column);
}

// The router, the selection and the permutation of vLLM's kernels, in 16 bits.
std::vector<DenseSample> read_breakdown(const MeasuredTable& table, std::size_t row) {
  const double tokens = table.number(row, "num_tokens"), hidden = table.number(row, "hidden_size");
  const int experts = table.integer(row, "num_experts"), top_k = table.integer(row, "topk");
  const DenseSample common{.system = table.text(row, "system"),
                           .framework = "vLLM",
                           .kernel_source = "vllm",
                           .launch_gaps = table.text(row, "measurement") != "KERNEL_ONLY"};
  std::vector<DenseSample> samples;
  const auto add = [&](const char* kernel, auto work, std::optional<double> seconds,
                       std::string shape) {
    if (!seconds) return;
    DenseSample read = common;
    read.kernel = kernel;
    if (read.kernel == "gemm") read.dtype = DType::kBf16;
    read.sample = {
        .work = work, .shape = std::move(shape), .regimes = {range_name("tokens", tokens)}};
    samples.push_back(finished(std::move(read), *seconds, {}));
  };
  add("gemm", GemmWork{tokens, static_cast<double>(experts), hidden, DType::kBf16},
      seconds_in(table, row, "gating_linear_ms"), fmt::format("{} x {:g}", experts, hidden));
  add("gate", GateWork{tokens, experts, top_k}, seconds_in(table, row, "gating_topk_ms"),
      fmt::format("{} of {}", top_k, experts));
  // All routes are sorted; where experts are elsewhere they are looked up first.
  const double routes = tokens * top_k;
  add("permute", PlainWork{.tokens = routes}, seconds_in(table, row, "permute_shuffle_ms"),
      fmt::format("top {} of {}", top_k, experts));
  if (samples.size() > 0 && samples.back().kernel == "permute" && table.integer(row, "moe_ep") > 1)
    samples.back().kernel_source = "vllm_expert_map";
  if (samples.empty()) samples.push_back({.reason = "the row has neither gating nor permutation"});
  return samples;
}

}  // namespace

bool is_dense_table(const MeasuredTable& table) {
  return is_gemm_table(table) || is_published_gemm_table(table) || is_grouped_table(table) ||
         is_mla_table(table) || is_gqa_table(table) || is_breakdown_table(table);
}

std::vector<DenseSample> read_dense_row(const MeasuredTable& table, std::size_t row) {
  if (is_breakdown_table(table)) return read_breakdown(table, row);
  if (is_grouped_table(table)) return read_grouped(table, row);
  if (is_published_gemm_table(table)) return {read_published_gemm(table, row)};
  if (is_mla_table(table)) return {read_mla(table, row)};
  return {is_gqa_table(table) ? read_gqa(table, row) : read_gemm(table, row)};
}

}  // namespace moesim
