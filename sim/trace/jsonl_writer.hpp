// Writes a trace as moetrace/1, a JSON object a line (policies.md 6.8).
#pragma once

#include <filesystem>
#include <memory>

#include "sim/base/error.hpp"
#include "sim/trace/trace_record.hpp"

namespace moesim {

// Nothing is lost: reading the lines gives the trace back. begin() and finish() throw InputError at
// `spot` where the file cannot be written.
std::unique_ptr<TraceSink> make_jsonl_writer(const std::filesystem::path& path, Spot spot);

}  // namespace moesim
