// The case of capacity formulas: a table of sizes, and what each system makes of them.
#include <optional>

#include "sim/capacity/capacity_formula.hpp"
#include "sim/cli/gate_case.hpp"

namespace moesim {
namespace {

// The column of each formula. A minimum that is not given is the system's own, but none for
// DeepSpeed, whose callers set it.
constexpr std::pair<const char*, const char*> kColumns[] = {
    {"megatron", "megatron"},
    {"deepspeed", "deepspeed"},
    {"tutel", "tutel"},
    {"mesh_tf", "mesh_tf"},
    {"flaxformer", "flaxformer"},
    {"vmoe", "vmoe"},
    {"megablocks", "megablocks"},
    {"fastmoe_gshard_1worker", "fastmoe_gshard"},
    {"fastmoe_switch", "fastmoe_switch"}};

struct Sizes {
  int tokens, top_k, experts;
  double factor;
  std::optional<int> minimum = {};
};

// The sizes of the golden table, which a case without rows stands for.
const std::vector<Sizes>& usual_sizes() {
  static const std::vector<Sizes> sizes = {
      {4096, 8, 256, 1.0}, {4096, 8, 256, 1.2}, {100, 2, 8, 1.25},
      {101, 2, 8, 1.25},   {7, 1, 8, 1.0, 4},   {7, 1, 8, 1.0},
      {1024, 2, 64, 2.0},  {333, 6, 64, 1.1},   {16, 1, 3, 1.0}};
  return sizes;
}

std::vector<Sizes> sizes_of(const GateCase& gate_case) {
  const Json& all = gate_case.json();
  if (!all.contains("inputs") || !all["inputs"].contains("rows")) return usual_sizes();
  std::vector<Sizes> sizes;
  for (const Json& row : all["inputs"]["rows"]) {
    for (const char* name : {"tokens", "topk", "experts", "capacity_factor"})
      if (!row.is_object() || !row.contains(name) || !row[name].is_number())
        gate_case.refuse(std::string("each of inputs.rows needs the number '") + name + "'");
    sizes.push_back({row["tokens"], row["topk"], row["experts"], row["capacity_factor"]});
    if (sizes.back().experts < 1) gate_case.refuse("experts must be at least 1");
    if (row.contains("min_capacity") && row["min_capacity"].is_number())
      sizes.back().minimum = row["min_capacity"].get<int>();
  }
  return sizes;
}

Json formulas(const GateCase& gate_case) {
  Json rows = Json::array();
  for (const Sizes& sizes : sizes_of(gate_case)) {
    Json row = {{"tokens", sizes.tokens},
                {"topk", sizes.top_k},
                {"experts", sizes.experts},
                {"capacity_factor", sizes.factor},
                {"min_capacity", sizes.minimum ? Json(*sizes.minimum) : Json(nullptr)}};
    for (const auto& [column, name] : kColumns) {
      const CapacityFormula& formula = *find_capacity_formula(name);
      const int usual = std::string(name) == "deepspeed" ? 0 : formula.default_minimum;
      row[column] = formula.capacity({.tokens = sizes.tokens,
                                      .top_k = sizes.top_k,
                                      .experts = sizes.experts,
                                      .factor = sizes.factor,
                                      .minimum = sizes.minimum.value_or(usual)});
    }
    rows.push_back(std::move(row));
  }
  return {{"rows", rows}};
}

}  // namespace

std::map<std::string, GatePolicy> formula_policies() { return {{"capacity_formulas", formulas}}; }

}  // namespace moesim
