// The rows of one or several traces of requests, by one clock, each with its class.
#pragma once

#include <string>
#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/request_file.hpp"

namespace moesim {

struct TraceRows {
  std::vector<RequestRow> rows;  // by time; those of one time in the order of the files
  std::vector<RequestClass> classes;
  std::vector<std::string> notes;
};

// Reads `file`, or the files of `classes`. Throws InputError.
TraceRows read_trace_rows(const Arguments& arguments);

}  // namespace moesim
