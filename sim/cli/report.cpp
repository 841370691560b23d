// moesim report: the page of a result again.
#include "analysis/report/report.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "sim/base/error.hpp"
#include "sim/base/yaml.hpp"
#include "sim/cli/command.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

struct ReportFlags {
  std::string result;
  std::string file;
  bool json = false;
};

int run(const ReportFlags& flags) {
  if (!fs::is_directory(flags.result))
    throw InputError({text_source("report", flags.result, true), 0, 0},
                     fmt::format("'{}' is not a directory", flags.result),
                     "name what -o DIR of run or compare wrote");
  const Json document = report_document(files_in(flags.result), flags.result);
  if (flags.json) {
    fmt::print("{}", write_json(document));
    return kExitDone;
  }
  const std::string path =
      flags.file.empty() ? (fs::path(flags.result) / "report.html").string() : flags.file;
  std::ofstream file(path, std::ios::binary);
  file << report_page(document);
  file.close();
  if (!file)
    throw InputError({text_source("--out", path, true), 0, 0},
                     fmt::format("'{}' cannot be written", path));
  fmt::print("written to {}\n", path);
  return kExitDone;
}

const RegisterCommand kReport(
    "report", {"make report.html of a result again", [](CLI::App& app) {
                 auto flags = std::make_shared<ReportFlags>();
                 app.add_option("RESULT", flags->result, "directory that -o DIR named")->required();
                 app.add_option("-o,--out", flags->file,
                                "file to write (default: report.html in that directory)");
                 app.add_flag("--json", flags->json,
                              "print the document that the page is made of, and write nothing");
                 return [flags] { return run(*flags); };
               }});

}  // namespace
}  // namespace moesim
