// The parts of `moesim trace`.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sim/trace/trace_record.hpp"

namespace moesim {

std::function<int()> declare_trace_gen(CLI::App& app);
std::function<int()> declare_trace_inspect(CLI::App& app);
std::function<int()> declare_trace_convert(CLI::App& app);

// Writes the form that the file's ending names: .h5 (or .hdf5), .jsonl. Throws InputError for
// another ending.
std::unique_ptr<TraceSink> make_trace_writer(const std::string& path);

}  // namespace moesim
