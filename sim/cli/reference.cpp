#include "sim/cli/reference.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "sim/base/registry.hpp"
#include "sim/event/event.hpp"
#include "sim/model/model_reader.hpp"
#include "sim/read_scenario.hpp"
#include "sim/topology/cluster_reader.hpp"

namespace moesim {
namespace {

std::string type_text(const Parameter& parameter) {
  if (parameter.type == ParameterType::kChoice)
    return fmt::format("{}", fmt::join(parameter.choices, " \\| "));
  std::string text = type_name(parameter.type);
  if (std::isfinite(parameter.minimum))
    text += fmt::format(" {} {:g}", parameter.above_minimum ? ">" : "≥", parameter.minimum);
  if (std::isfinite(parameter.maximum))
    text +=
        fmt::format("{} ≤ {:g}", std::isfinite(parameter.minimum) ? "," : "", parameter.maximum);
  return text;
}

std::string table(const std::vector<Parameter>& parameters) {
  if (parameters.empty()) return "";
  std::string text = "| key | type | default | meaning |\n|---|---|---|---|\n";
  for (const Parameter& parameter : parameters) {
    const std::string fallback = parameter.required   ? "*required*"
                                 : parameter.fallback ? "`" + *parameter.fallback + "`"
                                                      : "–";
    text += fmt::format("| `{}` | {} | {} | {} |\n", parameter.name, type_text(parameter), fallback,
                        parameter.doc);
  }
  return text + "\n";
}

}  // namespace

std::string role_markdown(const std::string& role) {
  std::string text = role == Event::kRole ? "### `events:`, kinds of each item\n\n"
                                          : fmt::format("### `{}:` kinds\n\n", role);
  for (const std::string& name : Catalog::instance().names(role)) {
    const PluginInfo& info = *Catalog::instance().find(role, name);
    text += fmt::format("**`{}`** — {}", name, info.summary);
    if (!info.source.empty()) text += fmt::format(" Source: {}.", info.source);
    text += "\n\n" + table(info.parameters);
  }
  return text;
}

std::string reference_markdown() {
  std::string text;
  for (const auto& [section, parameters] : scenario_sections()) {
    text +=
        section.empty() ? std::string("### Top level\n\n") : fmt::format("### `{}:`\n\n", section);
    text += table(parameters);
  }
  text += "### `cluster:`\n\n" + table(cluster_parameters());
  text += "### `cluster.overrides:`, each item\n\n" + table(override_parameters());
  text += "### `cluster.gpu:`\n\n" + table(gpu_parameters());
  text += "### `cluster.host:`\n\n" + table(host_parameters());
  text += "### `model:`\n\n" + table(model_parameters());
  text += "### `model.attention:`\n\n" + table(attention_section_parameters());
  text += "### `model.mamba:`\n\n" + table(mamba_section_parameters());
  for (const std::string& role : Catalog::instance().roles()) text += role_markdown(role);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace moesim
