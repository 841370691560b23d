// Writes a trace as HDF5 (schema `moesim.trace/1`, scenarios/README.md), in a stream.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "sim/base/error.hpp"
#include "sim/trace/trace_record.hpp"

namespace moesim {

inline constexpr const char* kTraceSchema = "moesim.trace/1";

// Memory is a chunk of each column, whatever the length of the trace. The file gets its name when
// it is complete. begin() and finish() throw InputError at `spot` where it cannot be written.
std::unique_ptr<TraceSink> make_hdf5_writer(const std::filesystem::path& path, Spot spot);

}  // namespace moesim
