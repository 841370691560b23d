// moesim report: the page of a result again.
#include "analysis/report/report.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "analysis/report/sweep_report.hpp"
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
  if (!fs::exists(flags.result))
    throw InputError({text_source("report", flags.result, true), 0, 0},
                     fmt::format("'{}' is not there", flags.result),
                     "name what -o of run, compare, plan or sweep wrote");
  const bool directory = fs::is_directory(flags.result);
  const Json document = directory ? report_document(files_in(flags.result), flags.result)
                                  : sweep_report(flags.result);
  if (flags.json) {
    fmt::print("{}", write_json(document));
    return kExitDone;
  }
  const fs::path usual = directory ? fs::path(flags.result) / "report.html"
                                   : fs::path(flags.result).replace_extension(".html");
  const std::string path = flags.file.empty() ? usual.string() : flags.file;
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
                 app.add_option("RESULT", flags->result,
                                "directory that -o DIR named, or the file of a sweep")
                     ->required();
                 app.add_option(
                     "-o,--out", flags->file,
                     "file to write (default: report.html in that directory, or FILE.html)");
                 app.add_flag("--json", flags->json,
                              "print the document that the page is made of, and write nothing");
                 return [flags] { return run(*flags); };
               }});

}  // namespace
}  // namespace moesim
