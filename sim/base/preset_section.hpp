// A section of a scenario that may build on a preset: `model:` and `cluster:`.
//
//   cluster: h200-sxm                          a preset by name
//   cluster: ../my_cluster.yaml                a file, relative to the file it is written in
//   cluster: {preset: h200-sxm, nodes: 4}      either of them, with keys overridden
//   cluster: {gpu: {…}, nodes: 2, …}           everything inline
// A preset may build on another one in the same way.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/base/yaml.hpp"

namespace moesim {

struct PresetSection {
  YamlNode section;                 // everything inline; each value knows the place it is from
  std::vector<std::string> inputs;  // files that were read, as shown in messages
};

// `folder` is where presets of this kind are ("models"). `convert`, if given, turns the content of
// a file into a section (for foreign formats). Maps are merged key by key; where an override names
// another `kind` than the preset, it replaces the whole. Throws InputError.
PresetSection merge_presets(const YamlNode& section, const std::string& folder,
                            const std::function<YamlNode(YamlNode)>& convert = {});

// A resolved section as it must be written into `directory`: files of the user's are named as they
// are found from there.
YamlNode relocated(YamlNode resolved, const std::filesystem::path& directory);

}  // namespace moesim
