// moesim gate: what gates and capacities make of given logits, case by case.
#include <fmt/format.h>

#include <fstream>
#include <memory>

#include "sim/cli/command.hpp"
#include "sim/cli/gate_case.hpp"

namespace moesim {
namespace {

struct GateFlags {
  std::string cases;
  bool json = false;
};

std::map<std::string, GatePolicy> all_policies() {
  std::map<std::string, GatePolicy> all = selection_policies();
  all.merge(assignment_policies());
  all.merge(queueing_policies());
  all.merge(formula_policies());
  return all;
}

Json read_cases(const std::string& path, const Spot& spot) {
  std::ifstream file(path);
  if (!file) throw InputError(spot, fmt::format("cannot read '{}'", path));
  Json document = Json::parse(file, nullptr, false);
  if (document.is_discarded()) throw InputError(spot, fmt::format("'{}' is not JSON", path));
  if (document.is_object() && document.contains("cases")) document = document["cases"];
  if (!document.is_array())
    throw InputError(spot, fmt::format("'{}' has no list of cases", path),
                     "{\"cases\": [{\"name\": …, \"params\": {\"policy\": …}, \"inputs\": …}]}");
  return document;
}

Json compute(const Json& test_case, std::size_t index, const Spot& spot) {
  static const std::map<std::string, GatePolicy> policies = all_policies();
  const GateCase gate_case(test_case, fmt::format("cases[{}]", index), spot);
  const auto found = policies.find(gate_case.policy());
  if (found == policies.end()) {
    std::vector<std::string> names;
    for (const auto& [name, policy] : policies) names.push_back(name);
    gate_case.refuse(fmt::format("unknown params.policy '{}'", gate_case.policy()),
                     hint_for(gate_case.policy(), names));
  }
  return {{"name", test_case.contains("name") ? test_case["name"] : Json(nullptr)},
          {"computed", found->second(gate_case)}};
}

int run(const GateFlags& flags) {
  const Spot spot{.source = text_source("CASES", flags.cases, true), .line = 0, .column = 0};
  Json computed = Json::array();
  const Json cases = read_cases(flags.cases, spot);
  for (std::size_t i = 0; i < cases.size(); ++i) computed.push_back(compute(cases[i], i, spot));
  if (flags.json) {
    fmt::print("{}\n", Json{{"cases", computed}}.dump());
    return kExitDone;
  }
  for (const Json& one : computed) {
    fmt::print("{}\n", one["name"].is_string() ? one["name"].get<std::string>() : "(no name)");
    for (const auto& [field, value] : one["computed"].items())
      fmt::print("  {:<24}  {}\n", field, value.dump());
  }
  return kExitDone;
}

const RegisterCommand kGate(
    "gate", {"apply gates and capacities to given logits", [](CLI::App& app) {
               auto flags = std::make_shared<GateFlags>();
               app.add_option(
                      "CASES", flags->cases,
                      "a JSON file of cases: params (policy, topk, …) and inputs (logits, …)")
                   ->required();
               app.add_flag("--json", flags->json, "print one JSON document on stdout");
               return [flags] { return run(*flags); };
             }});

}  // namespace
}  // namespace moesim
