// `moesim trace`: makes, reads and shows routing traces.
#include <fmt/format.h>

#include <utility>
#include <vector>

#include "sim/base/yaml.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/trace_commands.hpp"
#include "sim/trace/hdf5_writer.hpp"
#include "sim/trace/jsonl_writer.hpp"

namespace moesim {

std::unique_ptr<TraceSink> make_trace_writer(const std::string& path) {
  const Spot spot{.source = text_source("-o", path, true)};
  if (path.ends_with(".h5") || path.ends_with(".hdf5")) return make_hdf5_writer(path, spot);
  if (path.ends_with(".jsonl")) return make_jsonl_writer(path, spot);
  throw InputError(spot, fmt::format("'{}' does not say which form to write", path),
                   "end the name with .h5 (HDF5) or .jsonl (moetrace/1)");
}

namespace {

std::function<int()> declare_trace(CLI::App& app) {
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, std::function<int()>>> actions;
  const auto add = [&](const char* name, const char* summary, auto declare_part) {
    CLI::App* part = app.add_subcommand(name, summary);
    actions.emplace_back(part, declare_part(*part));
  };
  add("gen", "write the routing that a generator makes", declare_trace_gen);
  add("inspect", "show how uneven a trace is, layer by layer", declare_trace_inspect);
  add("convert", "read other systems' recordings", declare_trace_convert);
  return [actions] {
    for (const auto& [part, action] : actions)
      if (part->parsed()) return action();
    return kExitDone;
  };
}

const RegisterCommand kTrace("trace", {.summary = "make, convert and inspect routing traces",
                                       .declare = declare_trace});

}  // namespace
}  // namespace moesim
