// The config.json of a Hugging Face model as a `model:` section.
#pragma once

#include "sim/base/yaml.hpp"

namespace moesim {

// `file` as it is where it is no Hugging Face configuration (it names no `model_type` and no
// `architectures`). Values keep their places. Throws InputError where the architecture is not
// known, or a size is missing.
YamlNode section_of_hf_config(YamlNode file);

}  // namespace moesim
