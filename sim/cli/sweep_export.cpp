// moesim sweep export: the results of a sweep as CSV.
#include <fmt/format.h>

#include <fstream>
#include <memory>

#include "analysis/sweep/sweep_table.hpp"
#include "sim/base/yaml.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/sweep_commands.hpp"

namespace moesim {
namespace {

struct ExportFlags {
  std::string results, out;
};

int run(const ExportFlags& flags) {
  const std::string text = sweep_csv(read_sweep(flags.results));
  if (flags.out.empty()) {
    fmt::print("{}", text);
    return kExitDone;
  }
  std::ofstream file(flags.out, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw InputError({text_source("-o", flags.out, true), 1, 1}, "cannot write the file");
  return kExitDone;
}

}  // namespace

std::function<int()> declare_sweep_export(CLI::App& app) {
  auto flags = std::make_shared<ExportFlags>();
  app.add_option("FILE", flags->results, "results of moesim sweep (SQLite)")->required();
  app.add_option("-o,--out", flags->out, "file to write (default: stdout)");
  return [flags] { return run(*flags); };
}

}  // namespace moesim
