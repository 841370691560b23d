#include "sim/calibration/moe_table.hpp"

#include <fmt/format.h>

#include <charconv>

namespace moesim {
namespace {

constexpr const char* kPowerLaw = "power_law_";

// The exponent of "power_law_1.01"; none for another distribution.
std::optional<double> power_law_exponent(const std::string& distribution) {
  if (!distribution.starts_with(kPowerLaw)) return std::nullopt;
  const std::string digits = distribution.substr(std::string_view(kPowerLaw).size());
  double alpha = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), alpha);
  if (error != std::errc() || stop != digits.data() + digits.size() || alpha < 0)
    return std::nullopt;
  return alpha;
}

std::optional<DType> table_dtype(const std::string& name) {
  if (name == "bfloat16" || name == "float16" || name == "bf16") return DType::kBf16;
  if (name == "fp8") return DType::kFp8;
  if (name == "fp8_block") return DType::kFp8Block;
  if (name == "w4a16_mxfp4") return DType::kMxfp4;
  return std::nullopt;
}

std::string group_of(const MoeRow& row) {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}|{}", row.system, row.framework, row.kernel_source,
                     row.dtype_name, row.hidden, row.width, row.top_k, row.experts, row.tp, row.ep);
}

MoeRow read_group(const MeasuredTable& table, std::size_t row) {
  MoeRow read{.system = table.text(row, "system"),
              .framework = table.text(row, "framework"),
              .kernel_source = table.text(row, "kernel_source"),
              .dtype_name = table.text(row, "dtype"),
              .hidden = table.integer(row, "hidden_size"),
              .width = table.integer(row, "inter_size"),
              .top_k = table.integer(row, "topk"),
              .experts = table.integer(row, "num_experts"),
              .tp = table.integer(row, "moe_tp"),
              .ep = table.integer(row, "moe_ep")};
  read.dtype = table_dtype(read.dtype_name);
  read.matrices = read.kernel_source.ends_with("nongated") ? 2 : 3;
  return read;
}

}  // namespace

bool is_moe_table(const MeasuredTable& table) {
  for (const char* column :
       {"system", "kernel_source", "dtype", "distribution", "hidden_size", "inter_size", "topk",
        "num_experts", "moe_tp", "moe_ep", "num_tokens_global", "latency_ms"})
    if (!table.has(column)) return false;
  // Tables of other modules have these columns too, and more that change the meaning.
  return !table.has("phase") && !table.has("eplb") && !table.has("rank0_num_tokens");
}

MoeRow read_moe_row(const MeasuredTable& table, std::size_t row) {
  MoeRow read = read_group(table, row);
  read.distribution = table.text(row, "distribution");
  read.tokens = table.integer(row, "num_tokens_global");
  read.measured = Seconds(1e-3 * table.number(row, "latency_ms"));
  return read;
}

std::string unusable_reason(const MoeRow& row) {
  if (!row.dtype) return fmt::format("dtype {} is not known", row.dtype_name);
  if (!row.balanced() && !power_law_exponent(row.distribution))
    return fmt::format("distribution {} is not known", row.distribution);
  for (const auto& [name, value] :
       {std::pair{"hidden_size", row.hidden}, std::pair{"inter_size", row.width},
        std::pair{"topk", row.top_k}, std::pair{"num_experts", row.experts},
        std::pair{"moe_tp", row.tp}, std::pair{"moe_ep", row.ep},
        std::pair{"num_tokens_global", row.tokens}})
    if (value < 1) return fmt::format("{} must be at least 1", name);
  if (row.top_k > row.experts) return "topk is above num_experts";
  if (row.experts % row.ep != 0) return "moe_ep does not divide num_experts";
  if (row.measured.value <= 0) return "the measured time is not above 0";
  return {};
}

SuspectGroups::SuspectGroups(const MeasuredTable& table) {
  for (std::size_t row = 0; row < table.rows(); ++row)
    groups_.insert(group_of(read_group(table, row)));
}

void SuspectGroups::add(const MoeRow& row) {
  groups_.insert(group_of(row) + "|" + row.distribution);
}

bool SuspectGroups::contain(const MoeRow& row) const {
  const std::string group = group_of(row);
  return groups_.contains(group) || groups_.contains(group + "|" + row.distribution);
}

const std::vector<std::vector<int>>& TableLoads::of(const MoeRow& row) {
  const LoadShape shape = row.load();
  auto& draws = loads_[{row.distribution, shape}];
  if (!draws.empty()) return draws;
  const auto local = static_cast<std::size_t>(shape.experts / shape.ranks);
  const auto keep_rank0 = [&](std::vector<int> load) {
    load.resize(local);
    draws.push_back(std::move(load));
  };
  if (row.balanced()) {
    keep_rank0(balanced_load(shape));
    return draws;
  }
  const double alpha = *power_law_exponent(row.distribution);
  for (int draw = 0; draw < draws_; ++draw) {
    Rng rng(seed_, Purpose::kValidation, static_cast<std::uint32_t>(shape.tokens),
            static_cast<std::uint32_t>(shape.experts * 64 + shape.top_k),
            static_cast<std::uint32_t>(shape.ranks * 4096 + draw));
    keep_rank0(power_law_load(shape, alpha, rng));
  }
  return draws;
}

ExpertWork expert_work(const MoeRow& row, const std::vector<int>& rows_of_expert) {
  return {.hidden = row.hidden,
          .width = std::max(1, row.width / row.tp),
          .matrices = row.matrices,
          .dtype = row.dtype.value_or(DType::kBf16),
          .top_k = row.top_k,
          .tokens = rows_of_expert,
          .input_tokens = static_cast<double>(row.tokens),
          .routed_experts = row.experts,
          .usual_rows = static_cast<double>(row.tokens) * row.top_k / row.experts};
}

}  // namespace moesim
