#include "sim/cli/gate_case.hpp"

#include <fmt/format.h>

namespace moesim {

GateCase::GateCase(const Json& test_case, std::string path, Spot spot)
    : case_(test_case), path_(std::move(path)), spot_(std::move(spot)) {
  if (!case_.is_object()) refuse("must be an object with 'params' and 'inputs'");
}

void GateCase::refuse(const std::string& what, const std::string& hint) const {
  throw InputError(spot_, fmt::format("{}: {}", path_, what), hint);
}

const Json* GateCase::find(const std::string& section, const std::string& name) const {
  if (!case_.contains(section)) return nullptr;
  const Json& all = case_[section];
  if (!all.is_object()) refuse(fmt::format("{} must be an object", section));
  return all.contains(name) && !all[name].is_null() ? &all[name] : nullptr;
}

const Json& GateCase::need(const std::string& section, const std::string& name) const {
  const Json* value = find(section, name);
  if (value == nullptr) refuse(fmt::format("{}.{} is missing", section, name));
  return *value;
}

std::string GateCase::impl() const {
  return case_.contains("impl") && case_["impl"].is_string() ? case_["impl"].get<std::string>()
                                                             : std::string();
}

bool GateCase::has(const std::string& parameter) const {
  return find("params", parameter) != nullptr;
}

int GateCase::integer(const std::string& parameter) const {
  const Json& value = need("params", parameter);
  if (!value.is_number_integer()) refuse(fmt::format("params.{} must be an integer", parameter));
  return value.get<int>();
}

int GateCase::integer(const std::string& parameter, int fallback) const {
  return has(parameter) ? integer(parameter) : fallback;
}

double GateCase::number(const std::string& parameter) const {
  const Json& value = need("params", parameter);
  if (!value.is_number()) refuse(fmt::format("params.{} must be a number", parameter));
  return value.get<double>();
}

double GateCase::number(const std::string& parameter, double fallback) const {
  return has(parameter) ? number(parameter) : fallback;
}

bool GateCase::flag(const std::string& parameter) const {
  const Json* value = find("params", parameter);
  if (value == nullptr) return false;
  if (value->is_string()) return true;
  if (!value->is_boolean()) refuse(fmt::format("params.{} must be true or false", parameter));
  return value->get<bool>();
}

std::string GateCase::text(const std::string& parameter) const {
  const Json& value = need("params", parameter);
  if (!value.is_string()) refuse(fmt::format("params.{} must be a text", parameter));
  return value.get<std::string>();
}

std::string GateCase::text(const std::string& parameter, const std::string& fallback) const {
  return has(parameter) ? text(parameter) : fallback;
}

int GateCase::top_k(int experts) const {
  const int top_k = integer("topk", 1);
  if (top_k < 1 || top_k > experts)
    refuse(fmt::format("params.topk is {}, but there are {} experts", top_k, experts));
  return top_k;
}

CaseMatrix GateCase::matrix(const std::string& input) const {
  const Json& rows = need("inputs", input);
  const std::string shape = fmt::format("inputs.{} must be rows of numbers, all as long", input);
  if (!rows.is_array() || rows.empty()) refuse(shape);
  CaseMatrix matrix{.rows = static_cast<int>(rows.size()),
                    .columns = static_cast<int>(rows.front().size())};
  for (const Json& row : rows) {
    if (!row.is_array() || row.empty() || row.size() != rows.front().size()) refuse(shape);
    for (const Json& value : row) {
      if (!value.is_number()) refuse(shape);
      matrix.values.push_back(value.get<float>());
    }
  }
  return matrix;
}

CaseMatrix GateCase::matrix(const std::string& input, const CaseMatrix& like) const {
  CaseMatrix other = matrix(input);
  if (other.rows != like.rows || other.columns != like.columns)
    refuse(fmt::format("inputs.{} is [{}][{}], the logits are [{}][{}]", input, other.rows,
                       other.columns, like.rows, like.columns));
  return other;
}

std::vector<float> GateCase::vector(const std::string& input) const {
  const Json* values = find("inputs", input);
  if (values == nullptr) return {};
  std::vector<float> result;
  if (!values->is_array()) refuse(fmt::format("inputs.{} must be a list of numbers", input));
  for (const Json& value : *values) {
    if (!value.is_number()) refuse(fmt::format("inputs.{} must be a list of numbers", input));
    result.push_back(value.get<float>());
  }
  return result;
}

// A list, or one list for each token where several are drawn.
std::vector<double> GateCase::uniforms(const std::string& input, std::size_t count) const {
  const Json& values = need("inputs", input);
  std::vector<double> result;
  if (values.is_array())
    for (const Json& value : values.flatten())
      if (value.is_number()) result.push_back(value.get<double>());
  if (result.size() != count)
    refuse(fmt::format("inputs.{} must have {} numbers, not {}", input, count, result.size()));
  return result;
}

Json ids_json(const Gating& gating) { return rows_json(std::span(gating.ids), gating.top_k); }

Json weights_json(const Gating& gating) {
  return rows_json(std::span(gating.weights), gating.top_k);
}

Json counts_json(std::span<const std::int16_t> ids, int experts) {
  std::vector<int> counts(static_cast<std::size_t>(experts));
  for (const std::int16_t id : ids)
    if (id >= 0) ++counts[static_cast<std::size_t>(id)];
  return counts;
}

}  // namespace moesim
