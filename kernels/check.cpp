// What every backend asks of its arguments before it looks at them.
#include <cstdint>

#include "kernels/copy.hpp"
#include "kernels/error.hpp"
#include "kernels/expert_ffn.hpp"
#include "kernels/gate.hpp"
#include "kernels/pack.hpp"
#include "kernels/permute.hpp"

namespace moesim::kernels {
namespace {

constexpr int kVector = 8;  // bf16 numbers in 16 bytes

void require_range(const char* what, long value, long low, long high) {
  require(value >= low && value <= high, std::string(what) + " is " + std::to_string(value) +
                                             ", but must be " + std::to_string(low) + " .. " +
                                             std::to_string(high));
}

void require_multiple(const char* what, long value, long of) {
  require(value > 0 && value % of == 0, std::string(what) + " is " + std::to_string(value) +
                                            ", but must be a multiple of " + std::to_string(of));
}

void require_set(const char* what, const void* address) {
  require(address != nullptr, std::string(what) + " is missing");
}

void require_aligned(const char* what, const void* address) {
  require_set(what, address);
  require(reinterpret_cast<std::uintptr_t>(address) % 16 == 0,
          std::string(what) + " must be aligned to 16 bytes");
}

void check_rule(const GateRule& rule) {
  require_range("experts", rule.experts, 1, kMaxExperts);
  require_range("groups", rule.groups, 1, 32);
  require(rule.experts % rule.groups == 0, "groups must divide experts");
  require_range("groups_kept", rule.groups_kept, 1, rule.groups);
  require_range("top_k", rule.top_k, 1, kMaxTopK);
  require_range("top_k", rule.top_k, 1, rule.experts / rule.groups * rule.groups_kept);
}

}  // namespace

void check(const LogitsArguments& arguments) {
  require_range("tokens", arguments.tokens, 0, 1 << 26);
  require_range("experts", arguments.experts, 1, kMaxExperts);
  require_multiple("hidden_size", arguments.hidden_size, kVector);
  require_aligned("hidden", arguments.hidden);
  require_aligned("router", arguments.router);
  require_aligned("logits", arguments.logits);
}

void check(const RouteArguments& arguments) {
  check_rule(arguments.rule);
  require_range("tokens", arguments.tokens, 0, 1 << 26);
  require_set("logits", arguments.logits);
  require_set("ids", arguments.ids);
  require_set("weights", arguments.weights);
  if (arguments.rule.kind == GateKind::kNoisyTopk) {
    require_set("noise_logits", arguments.noise_logits);
    require_set("normals", arguments.normals);
  }
}

void check(const PermuteShape& shape) {
  require_range("tokens", shape.tokens, 0, 1 << 26);
  require_range("top_k", shape.top_k, 1, kMaxTopK);
  require_range("tokens * top_k", static_cast<long>(shape.tokens) * shape.top_k, 0, (1 << 30) - 1);
  require_range("experts", shape.experts, 1, kMaxExperts);
  require_range("tile", shape.tile, 1, 1024);
}

int rows_bound(const PermuteShape& shape) {
  check(shape);
  const long routes = static_cast<long>(shape.tokens) * shape.top_k;
  const long padded = routes + static_cast<long>(shape.experts) * (shape.tile - 1);
  return static_cast<int>(padded / shape.tile * shape.tile);
}

void check(const PlanArguments& arguments) {
  check(arguments.shape);
  require_set("ids", arguments.ids);
  require_set("counts", arguments.counts);
  require_set("offsets", arguments.offsets);
  require_set("row_of_route", arguments.row_of_route);
  require_set("route_of_row", arguments.route_of_row);
}

void check(const ScatterArguments& arguments) { check(as_pack(arguments)); }

void check(const UnpermuteArguments& arguments) { check(as_combine(arguments)); }

void check(const DestinationArguments& arguments) {
  require_range("tokens", arguments.tokens, 0, 1 << 26);
  require_range("top_k", arguments.top_k, 1, kMaxTopK);
  require_range("experts_per_rank", arguments.experts_per_rank, 1, kMaxExperts);
  require_set("ids", arguments.ids);
  require_set("destinations", arguments.destinations);
}

void check(const PackArguments& arguments) {
  check(arguments.shape);
  const bool to_fp8 = arguments.fp8_rows != nullptr;
  require_multiple("hidden_size", arguments.hidden_size, to_fp8 ? kScaleBlock : kVector);
  require_aligned("hidden", arguments.hidden);
  require_set("route_of_row", arguments.route_of_row);
  require_set("offsets", arguments.offsets);
  require(to_fp8 != (arguments.rows != nullptr), "rows go out in bf16 or in fp8: name one");
  require_aligned("rows", to_fp8 ? static_cast<void*>(arguments.fp8_rows) : arguments.rows);
  if (to_fp8) require_set("scales", arguments.scales);
}

void check(const CombineArguments& arguments) {
  check(arguments.shape);
  const bool from_fp8 = arguments.fp8_rows != nullptr;
  require_multiple("hidden_size", arguments.hidden_size, from_fp8 ? kScaleBlock : kVector);
  require(from_fp8 != (arguments.rows != nullptr), "rows come in bf16 or in fp8: name one");
  require_aligned("rows", from_fp8 ? static_cast<const void*>(arguments.fp8_rows) : arguments.rows);
  if (from_fp8) require_set("scales", arguments.scales);
  require_set("row_of_route", arguments.row_of_route);
  require_aligned("hidden", arguments.hidden);
}

void check(const ExpertArguments& arguments) {
  const ExpertShape& shape = arguments.shape;
  const bool fp8 = shape.dtype == Dtype::kFp8Block;
  const int multiple = fp8 ? kScaleBlock : 64;
  require_range("experts", shape.experts, 1, kMaxExperts);
  require_multiple("hidden_size", shape.hidden_size, multiple);
  require_multiple("intermediate", shape.intermediate, multiple);
  require_range("tile", arguments.tile, 1, 1024);
  require(arguments.tokens_per_expert.size() == static_cast<std::size_t>(shape.experts),
          "tokens_per_expert must have one number for each expert");
  for (const int tokens : arguments.tokens_per_expert)
    require_range("tokens of an expert", tokens, 0, 1 << 24);
  require_aligned("up weights", arguments.weights.up);
  require_aligned("down weights", arguments.weights.down);
  require_aligned("rows", arguments.rows);
  require_aligned("output", arguments.output);
  if (!fp8) return;
  require_set("up scales", arguments.weights.up_scales);
  require_set("down scales", arguments.weights.down_scales);
}

ExpertSizes sizes_of(const ExpertShape& shape) {
  const std::size_t down = static_cast<std::size_t>(shape.experts) * shape.hidden_size *
                           static_cast<std::size_t>(shape.intermediate);
  const std::size_t up = shape.gated ? 2 * down : down;
  const std::size_t block = kScaleBlock * kScaleBlock;
  return ExpertSizes{.up = up, .down = down, .up_scales = up / block, .down_scales = down / block};
}

std::vector<int> row_offsets(std::span<const int> tokens_per_expert, int tile) {
  std::vector<int> offsets{0};
  for (const int tokens : tokens_per_expert)
    offsets.push_back(offsets.back() + round_up(tokens, tile));
  return offsets;
}

void check(const CopyArguments& arguments) {
  require(arguments.bytes > 0, "there is nothing to copy");
  require_set("source", arguments.source);
  require_set("target", arguments.target);
}

void check(const ProcessorCopyArguments& arguments, int processors) {
  require(arguments.bytes > 0 && arguments.bytes % 16 == 0, "bytes must be a multiple of 16");
  require_range("processors", arguments.processors, 1, processors);
  require_aligned("source", arguments.source);
  require_aligned("target", arguments.target);
}

void check(const MemoryPassArguments& arguments) {
  require(arguments.bytes > 0 && arguments.bytes % 16 == 0, "bytes must be a multiple of 16");
  if (arguments.pass != MemoryPass::kWrite) require_aligned("source", arguments.source);
  require_aligned("target", arguments.target);
}

}  // namespace moesim::kernels
