// One case of a file of gating cases (`moesim gate`): its parameters and inputs, and the fields
// that are computed from them, under the names of moesim-gating-golden/1.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analysis/json.hpp"
#include "sim/base/error.hpp"
#include "sim/gate/gating.hpp"

namespace moesim {

// A matrix [rows × columns] of the inputs.
struct CaseMatrix {
  std::vector<float> values;
  int rows = 0, columns = 0;
  Logits logits() const { return {.values = values, .experts = columns}; }
};

// Reads fields by name. What is not there or of another type throws InputError with its path, such
// as "cases[3].params.topk".
class GateCase {
 public:
  GateCase(const Json& test_case, std::string path, Spot spot);

  std::string impl() const;
  std::string policy() const { return text("policy"); }
  bool has(const std::string& parameter) const;  // present and not null
  int integer(const std::string& parameter) const;
  int integer(const std::string& parameter, int fallback) const;
  double number(const std::string& parameter) const;
  double number(const std::string& parameter, double fallback) const;
  bool flag(const std::string& parameter) const;  // false where absent; any text is true
  std::string text(const std::string& parameter) const;
  std::string text(const std::string& parameter, const std::string& fallback) const;

  // top-k, checked to be 1 .. experts.
  int top_k(int experts) const;
  CaseMatrix matrix(const std::string& input) const;
  // The same shape as the logits.
  CaseMatrix matrix(const std::string& input, const CaseMatrix& like) const;
  std::vector<float> vector(const std::string& input) const;  // empty where absent
  std::vector<double> uniforms(const std::string& input, std::size_t count) const;
  const Json& json() const { return case_; }

  [[noreturn]] void refuse(const std::string& what, const std::string& hint = {}) const;

 private:
  const Json* find(const std::string& section, const std::string& name) const;
  const Json& need(const std::string& section, const std::string& name) const;

  const Json& case_;
  std::string path_;
  Spot spot_;
};

// Computes a case's fields.
using GatePolicy = std::function<Json(const GateCase&)>;
std::map<std::string, GatePolicy> selection_policies();   // who is chosen, and losses
std::map<std::string, GatePolicy> assignment_policies();  // tokens and experts given to each other
std::map<std::string, GatePolicy> queueing_policies();    // capacity, slots and drops
std::map<std::string, GatePolicy> formula_policies();     // the table of capacities

// Rows of k values.
template <class T>
Json rows_json(std::span<const T> values, int width) {
  Json rows = Json::array();
  for (std::size_t at = 0; at + static_cast<std::size_t>(width) <= values.size();
       at += static_cast<std::size_t>(width)) {
    Json row = Json::array();
    for (const T value : values.subspan(at, static_cast<std::size_t>(width))) row.push_back(value);
    rows.push_back(std::move(row));
  }
  return rows;
}
Json ids_json(const Gating& gating);
Json weights_json(const Gating& gating);
Json counts_json(std::span<const std::int16_t> ids, int experts);  // routes of each expert

}  // namespace moesim
