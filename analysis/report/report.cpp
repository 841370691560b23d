#include "analysis/report/report.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "analysis/report/assets.hpp"
#include "sim/base/check.hpp"
#include "sim/base/error.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace {

std::map<std::string, ReportKind>& kinds() {
  static std::map<std::string, ReportKind> all;
  return all;
}

[[noreturn]] void refuse(const std::string& shown, const std::string& why,
                         const std::string& hint) {
  throw InputError({text_source("report", shown, true), 0, 0}, fmt::format("'{}' {}", shown, why),
                   hint);
}

// HTML ends a script at the first "</script", whatever a string says around it.
std::string for_html(const Json& document) {
  std::string text;
  for (const char c : document.dump(-1, ' ', false, Json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

std::string escaped(const std::string& text) {
  std::string html;
  for (const char c : text) html += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return html;
}

// `frame` with each mark @NAME@ replaced.
std::string filled(std::string_view frame, const std::map<std::string, std::string_view>& marks) {
  std::string text;
  for (std::size_t at = 0; at < frame.size();) {
    const std::size_t begin = std::min(frame.find('@', at), frame.size());
    text += frame.substr(at, begin - at);
    if (begin == frame.size()) break;
    const std::size_t end = frame.find('@', begin + 1);
    MOESIM_CHECK(end != std::string_view::npos, "marks of the page have two ends");
    text += marks.at(std::string(frame.substr(begin + 1, end - begin - 1)));
    at = end + 1;
  }
  return text;
}

}  // namespace

RegisterReport::RegisterReport(ReportKind kind) {
  const std::string schema = kind.schema;
  kinds()[schema] = std::move(kind);
}

Json report_document(const ResultFiles& files, const std::string& shown) {
  for (const auto& [schema, kind] : kinds()) {
    const std::optional<std::string> text = files(kind.file);
    if (!text) continue;
    const Json document = Json::parse(*text, nullptr, false);
    if (!document.is_object() || document.value("schema", Json()) != Json(schema)) continue;
    try {
      Json report = {{"schema", "moesim.report/1"}};
      report.update(kind.report(document, files));
      return report;
    } catch (const Json::exception& error) {
      refuse(shown, fmt::format("has a {} that says less than a report needs", kind.file),
             fmt::format("it may be of another version: make it again ({})", error.what()));
    }
  }
  std::string known;
  for (const auto& [schema, kind] : kinds())
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", kind.file, schema);
  refuse(shown, "holds no result that a report can be made of", "it would have one of: " + known);
}

std::string report_page(const Json& document) {
  const std::string data = for_html(document);
  const std::string title = escaped(document.value("title", "moesim"));
  return filled(page_frame(), {{"TITLE", title},
                               {"STYLE", page_style()},
                               {"DOCUMENT", data},
                               {"CHARTS", chart_script()},
                               {"SCRIPT", page_script()}});
}

std::string report_page(const ResultFiles& files) {
  return report_page(report_document(files, "the result"));
}

ResultFiles files_in(const std::string& directory) {
  return [directory](const std::string& name) -> std::optional<std::string> {
    std::ifstream file(std::filesystem::path(directory) / name, std::ios::binary);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  };
}

}  // namespace moesim
