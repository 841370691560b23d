// Data that lives beside the project, in ../shared/data: golden cases and measured tables.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace moesim {

// The file, or an empty path where ../shared is not there (a clone on its own). MOESIM_SHARED set
// to a path that does not exist is a failure.
inline std::filesystem::path shared_file(const std::string& name) {
  const char* root = std::getenv("MOESIM_SHARED");
  const std::filesystem::path folder =
      root != nullptr ? root : std::filesystem::path(MOESIM_SOURCE_DIR) / "../shared";
  const std::filesystem::path file = folder / "data" / name;
  if (std::filesystem::exists(file)) return file;
  if (root != nullptr && !std::filesystem::exists(folder))
    ADD_FAILURE() << "MOESIM_SHARED is set to " << root << ", which does not exist";
  return {};
}

}  // namespace moesim

// Skips the test, with a message, where the shared data is not there.
#define MOESIM_NEEDS_SHARED(variable, name)                           \
  const std::filesystem::path variable = ::moesim::shared_file(name); \
  if (variable.empty()) GTEST_SKIP() << "needs ../shared/data/" << (name)
