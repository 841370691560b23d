// How often each expert of a recorded trace was asked for, over the whole of it.
#pragma once

#include <string>
#include <vector>

#include "sim/model/placement.hpp"
#include "sim/trace/trace_record.hpp"

namespace moesim {

struct TraceLoad {
  TraceHeader header;
  ExpertLoad counts;        // routes, [recorded layers × experts]
  std::int64_t tokens = 0;  // 0 where only counts were recorded
  std::int64_t steps = 0;   // distinct ones
};

// Of a trace in any form (sim/trace/convert.hpp); of `domains` only, if there are any. Throws
// InputError.
TraceLoad read_trace_load(const std::string& path, const std::vector<std::string>& domains = {});

}  // namespace moesim
