// Sections of a scenario, written in a test.
#pragma once

#include <string>

#include "sim/base/yaml.hpp"

namespace moesim {

// The value of the only key of `text`: section_of("model: deepseek-v3").
inline YamlNode section_of(const std::string& text) {
  return parse_yaml(text_source("test.yaml", text)).entries.front().value;
}

// What `read` throws as InputError, or "no error".
template <class Read>
std::string error_of(Read read) {
  try {
    read();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace moesim
