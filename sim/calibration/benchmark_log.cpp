#include "sim/calibration/benchmark_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "sim/base/parameter.hpp"
#include "sim/calibration/measured_table.hpp"

namespace moesim {
namespace {

const std::vector<std::string> kKeys = {"gpus", "nodes",   "tokens",     "hidden",
                                        "topk", "experts", "collective", "in_place"};

int positive(const std::string& text, const std::string& key, const Spot& spot) {
  const double value = parse_number(text, spot);
  if (value < 1 || value != static_cast<int>(value))
    throw InputError(spot, fmt::format("{} must be a whole number from 1", key));
  return static_cast<int>(value);
}

void set_option(LogOptions& options, const std::string& assignment, const Spot& spot) {
  const std::size_t equals = assignment.find('=');
  const std::string key = assignment.substr(0, equals);
  if (equals == std::string::npos || std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end())
    throw InputError(spot, fmt::format("'{}' is not one of a log's options", assignment),
                     hint_for(key, kKeys));
  const std::string value = assignment.substr(equals + 1);
  if (key == "collective") options.collective = value;
  if (key == "in_place") options.in_place = value == "yes";
  for (const auto& [name, member] :
       {std::pair{"gpus", &LogOptions::gpus}, std::pair{"nodes", &LogOptions::nodes},
        std::pair{"tokens", &LogOptions::tokens}, std::pair{"hidden", &LogOptions::hidden},
        std::pair{"topk", &LogOptions::top_k}, std::pair{"experts", &LogOptions::experts}})
    if (key == name) options.*member = positive(value, key, spot);
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool any_line(const BenchmarkLog& log, std::initializer_list<const char*> words) {
  return std::any_of(log.lines().begin(), log.lines().end(), [&](const std::string& line) {
    return std::all_of(words.begin(), words.end(),
                       [&](const char* word) { return line.find(word) != std::string::npos; });
  });
}

}  // namespace

BenchmarkLog read_benchmark_log(const std::string& path_and_options) {
  // The options follow the last colon, where there is an assignment behind it.
  const std::size_t colon = path_and_options.rfind(':');
  const bool has_options = colon != std::string::npos &&
                           path_and_options.find('=', colon) != std::string::npos &&
                           !std::filesystem::exists(path_and_options);
  const std::string path = has_options ? path_and_options.substr(0, colon) : path_and_options;
  BenchmarkLog log;
  if (has_options) {
    const Spot spot{text_source("--import", path_and_options, true), 1,
                    static_cast<int>(colon) + 2};
    for (const std::string& option : split(path_and_options.substr(colon + 1), ','))
      set_option(log.options, option, spot);
  }
  auto source = std::make_shared<SourceText>();
  source->name = path;
  source->lines = split(read_whole_file(path), '\n');
  for (std::string& line : source->lines)
    if (!line.empty() && line.back() == '\r') line.pop_back();
  log.source = std::move(source);
  return log;
}

std::optional<LogFormat> format_of(const BenchmarkLog& log) {
  if (any_line(log, {"size", "count", "algbw", "busbw"})) return LogFormat::kNcclTests;
  if (any_line(log, {"[tuning]", "GB/s"}) || any_line(log, {"Dispatch bandwidth:", "avg_t="}))
    return LogFormat::kDeepEp;
  return std::nullopt;
}

}  // namespace moesim
