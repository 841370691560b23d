// Reads the `model:` section of a scenario, a file of scenarios/models, or a Hugging Face
// config.json (told apart by its content).
#pragma once

#include <string>
#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

// Declared keys: of the section, of its `attention:` and of its `mamba:`. The key `preset` is read
// before (sim/base/preset_section.hpp).
std::vector<Parameter> model_parameters();
std::vector<Parameter> attention_section_parameters();
std::vector<Parameter> mamba_section_parameters();

struct ModelSection {
  MoeModel model;
  YamlNode resolved;                // everything inline, defaults too; reads back to the same
  std::vector<std::string> inputs;  // files that were read, as shown in messages
};

// Mistakes are collected; the section is then not to be used.
ModelSection read_model_section(const YamlNode& section, Mistakes& mistakes);

}  // namespace moesim
