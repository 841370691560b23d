// `int` truncates, `/` keeps the fraction. DeepSpeed multiplies in float32, the others in double.
#include "sim/capacity/capacity_formula.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

double mean_tokens(const CapacityInput& in) { return static_cast<double>(in.tokens) / in.experts; }

int megatron(const CapacityInput& in) {
  const double mean = static_cast<double>(in.tokens) * in.top_k / in.experts;
  return std::max(static_cast<int>(std::ceil(mean * in.factor)), in.minimum);
}

int deepspeed(const CapacityInput& in) {
  const float share = static_cast<float>(in.tokens) / static_cast<float>(in.experts);
  const float factor = static_cast<float>(in.factor * in.top_k);
  return std::max(static_cast<int>(std::ceil(share * factor)), in.minimum);
}

int tutel(const CapacityInput& in) {
  const int per_choice = (in.tokens + in.experts - 1) / in.experts;
  int capacity = in.top_k * static_cast<int>(std::fabs(in.factor) * per_choice);
  if (in.factor == 0) capacity = in.largest_need;
  if (in.factor < 0) capacity = std::min(capacity, in.largest_need);
  return round_up(capacity, in.alignment);
}

int mesh_tf(const CapacityInput& in) {
  const int share = static_cast<int>(in.tokens * in.factor / in.experts);
  return std::max(std::min(in.tokens, share), in.minimum);
}

// Python's round: halves go to the even neighbour, as std::nearbyint does.
int flaxformer(const CapacityInput& in) {
  return std::max(static_cast<int>(std::nearbyint(in.factor * in.tokens / in.experts)), in.minimum);
}

int vmoe(const CapacityInput& in) {
  const double share = static_cast<double>(in.tokens) * in.top_k * in.factor / in.experts;
  return round_up(std::max(static_cast<int>(std::ceil(share)), std::max(in.minimum, 1)), 4);
}

int megablocks(const CapacityInput& in) {
  const double mean = static_cast<double>(in.top_k) * in.tokens / in.experts;
  const int capacity = static_cast<int>(in.factor * mean);
  return capacity > 0 ? capacity : in.largest_need;
}

int fastmoe_gshard(const CapacityInput& in) {
  return static_cast<int>(std::ceil(in.factor * in.tokens)) * in.top_k / in.experts;
}

int fastmoe_switch(const CapacityInput& in) {
  const double local_experts = static_cast<double>(in.experts) / in.ranks;
  return static_cast<int>(std::ceil(in.factor * in.tokens / local_experts));
}

// The papers leave the rounding open; up is what lets a perfectly even load through.
int paper(const CapacityInput& in) {
  return static_cast<int>(std::ceil(mean_tokens(in) * in.factor));
}

}  // namespace

const std::vector<CapacityFormula>& capacity_formulas() {
  static const std::vector<CapacityFormula> formulas = {
      {.name = "megatron", .text = "ceil(T·k/E · f)", .capacity = megatron},
      {.name = "deepspeed",
       .text = "max(ceil(T/E · f·k), minimum), in float32",
       .default_minimum = 4,
       .capacity = deepspeed},
      {.name = "tutel",
       .text = "k · int(f · ceil(T/E)); f = 0: the largest need; f < 0: at most the largest need",
       .factor_may_be_zero = true,
       .capacity = tutel},
      {.name = "mesh_tf",
       .text = "max(min(T, int(T·f/E)), minimum)",
       .default_minimum = 4,
       .capacity = mesh_tf},
      {.name = "flaxformer",
       .text = "max(round(f·T/E), minimum)",
       .default_minimum = 4,
       .capacity = flaxformer},
      {.name = "vmoe", .text = "ceil(T·k·f/E), up to a multiple of 4", .capacity = vmoe},
      {.name = "megablocks",
       .text = "int(f · k·T/E), T over all ranks; where that is 0: the largest need",
       .per_group = true,
       .factor_may_be_zero = true,
       .capacity = megablocks},
      {.name = "fastmoe_gshard", .text = "ceil(f·T) · k div E", .capacity = fastmoe_gshard},
      {.name = "fastmoe_switch",
       .text = "ceil(f·T / experts of a rank)",
       .capacity = fastmoe_switch},
      {.name = "gshard", .text = "ceil(f·T/E), as the paper (f = 2)", .capacity = paper},
      {.name = "switch", .text = "ceil(f·T/E), as the paper (f = 1.25)", .capacity = paper}};
  return formulas;
}

const CapacityFormula* find_capacity_formula(const std::string& name) {
  const auto& formulas = capacity_formulas();
  const auto found = std::find_if(formulas.begin(), formulas.end(),
                                  [&](const CapacityFormula& f) { return f.name == name; });
  return found == formulas.end() ? nullptr : &*found;
}

}  // namespace moesim
