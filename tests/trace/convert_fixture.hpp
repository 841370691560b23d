// Converts a literal input, or says why it cannot.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "sim/trace/convert.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/trace/collect.hpp"

namespace moesim {

class Convert : public ::testing::Test {
 protected:
  Collected read(const std::string& name, const std::string& content,
                 const ConvertOptions& options = {}) {
    Collected sink;
    convert_trace({{written(folder_ / name, content), name}}, options, sink);
    return sink;
  }
  std::string error(const std::string& name, const std::string& content,
                    const ConvertOptions& options = {}) {
    try {
      read(name, content, options);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  }
  TemporaryDirectory folder_;
};

}  // namespace moesim
