#include "sim/model/request_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "sim/base/csv.hpp"
#include "sim/base/yaml.hpp"
#include "sim/model/timestamp.hpp"

namespace moesim {
namespace {

constexpr std::int64_t kMostTokens = 1'000'000'000;
constexpr double kMostSeconds = 9e9;  // as nanoseconds they fit into 64 bits

// Gives each (name, priority) of a file a class.
class ClassList {
 public:
  int find(std::string_view name, int priority) {
    const auto [entry, fresh] =
        index_.try_emplace({std::string(name), priority}, static_cast<int>(classes_.size()));
    if (fresh) classes_.push_back({.name = std::string(name), .priority = priority});
    return entry->second;
  }

  // A name that has several priorities is told apart by them.
  std::vector<RequestClass> classes() const {
    std::map<std::string, int> uses;
    for (const RequestClass& one : classes_) ++uses[one.name];
    std::vector<RequestClass> named = classes_;
    for (RequestClass& one : named)
      if (uses[one.name] > 1)
        one.name += fmt::format("{}priority {}", one.name.empty() ? "" : ", ", one.priority);
    return named.empty() ? std::vector<RequestClass>(1) : named;
  }

 private:
  std::map<std::pair<std::string, int>, int> index_;
  std::vector<RequestClass> classes_;
};

void add_row(RequestFile& file, RequestRow row) {
  if (row.input == 0 || row.output == 0) {
    ++file.left_out;
  } else {
    file.rows.push_back(std::move(row));
  }
}

std::int64_t to_nanoseconds(double value, double unit, const Spot& spot) {
  if (std::fabs(value) * unit > kMostSeconds) throw InputError(spot, "the time is out of range");
  return std::llround(value * unit * 1e9);
}

enum class Clock { kMilliseconds, kSeconds, kDate };

struct Columns {
  Clock clock = Clock::kMilliseconds;
  std::size_t time = 0, input = 0, output = 0;
  std::optional<std::size_t> repeated = {}, name = {}, priority = {}, hashes = {};
};

Columns recognize(const CsvReader& csv) {
  if (const auto time = csv.column("arrival_ms"))
    return {.time = *time,
            .input = csv.need_column({"input_tokens"}),
            .output = csv.need_column({"output_tokens"}),
            .repeated = csv.column("reusable_prefix_tokens"),
            .name = csv.column("class"),
            .priority = csv.column("priority"),
            .hashes = csv.column("hash_ids")};
  if (const auto time = csv.column("TIMESTAMP"))
    return {.clock = Clock::kDate,
            .time = *time,
            .input = csv.need_column({"ContextTokens"}),
            .output = csv.need_column({"GeneratedTokens"})};
  if (const auto time = csv.column("Timestamp"))
    return {.clock = Clock::kSeconds,
            .time = *time,
            .input = csv.need_column({"Request tokens"}),
            .output = csv.need_column({"Response tokens"}),
            .name = csv.column("Log Type")};
  throw InputError(csv.file_spot(), "the file does not begin as a trace of requests does",
                   "a header with arrival_ms,input_tokens,output_tokens, or Azure's "
                   "TIMESTAMP,ContextTokens,GeneratedTokens, or BurstGPT's Timestamp,…,Request "
                   "tokens,Response tokens; or Mooncake's lines {\"timestamp\": …}");
}

std::int64_t time_of(const CsvReader& csv, const Columns& columns) {
  if (columns.clock != Clock::kDate)
    return to_nanoseconds(csv.number(columns.time), columns.clock == Clock::kSeconds ? 1 : 1e-3,
                          csv.spot(columns.time));
  const auto time = parse_timestamp(csv.field(columns.time));
  if (!time)
    throw InputError(csv.spot(columns.time),
                     fmt::format("'{}' is not a time", csv.field(columns.time)),
                     "such as 2023-11-16 18:15:46.6805900");
  return *time;
}

std::vector<std::uint64_t> hashes_of(const CsvReader& csv, std::size_t column) {
  std::vector<std::uint64_t> hashes;
  std::string_view text = csv.field(column);
  while (!text.empty()) {
    std::uint64_t hash = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (error != std::errc() || (!text.empty() && text.front() != ' '))
      throw InputError(csv.spot(column), "hash_ids are whole numbers with blanks between them");
    hashes.push_back(hash);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return hashes;
}

RequestFile read_csv(const std::filesystem::path& path, const std::string& shown) {
  CsvReader csv(path, shown);
  const Columns columns = recognize(csv);
  const auto tokens = [&](std::size_t column) {
    return static_cast<int>(csv.integer(column, 0, kMostTokens));
  };
  RequestFile file;
  ClassList classes;
  while (csv.next()) {
    constexpr std::int64_t kMost = std::numeric_limits<int>::max();
    const int priority =
        columns.priority ? static_cast<int>(csv.integer(*columns.priority, -kMost, kMost)) : 0;
    RequestRow row{.nanoseconds = time_of(csv, columns),
                   .input = tokens(columns.input),
                   .output = tokens(columns.output)};
    row.kind = classes.find(columns.name ? csv.field(*columns.name) : "", priority);
    if (columns.repeated) row.repeated = std::min(tokens(*columns.repeated), row.input);
    if (columns.hashes) row.blocks = hashes_of(csv, *columns.hashes);
    add_row(file, std::move(row));
  }
  file.classes = classes.classes();
  return file;
}

// One line of a JSON file, whose mistakes are placed at it.
class JsonLine {
 public:
  JsonLine(const LineReader& lines, const std::string& line) : lines_(lines), line_(line) {
    try {
      object_ = nlohmann::json::parse(line);
    } catch (const nlohmann::json::parse_error& error) {
      throw InputError(lines.spot(line, error.byte > 0 ? error.byte - 1 : 0), "this is not JSON");
    }
    if (!object_.is_object()) throw InputError(lines.spot(line), "a line is one JSON object");
  }

  double number(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end() || !found->is_number())
      throw InputError(lines_.spot(line_), fmt::format("'{}' must be a number", key));
    return found->get<double>();
  }
  int tokens(const char* key) const {
    const double value = number(key);
    if (value != std::floor(value) || value < 0 || value > kMostTokens)
      throw InputError(lines_.spot(line_), fmt::format("'{}' must be a number of tokens", key));
    return static_cast<int>(value);
  }
  std::vector<std::uint64_t> hashes(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) return {};
    const auto whole = [](const nlohmann::json& item) { return item.is_number_unsigned(); };
    if (!found->is_array() || !std::all_of(found->begin(), found->end(), whole))
      throw InputError(lines_.spot(line_), fmt::format("'{}' must list whole numbers", key));
    return found->get<std::vector<std::uint64_t>>();
  }
  Spot spot() const { return lines_.spot(line_); }

 private:
  const LineReader& lines_;
  const std::string& line_;
  nlohmann::json object_;
};

RequestFile read_json_lines(const std::filesystem::path& path, const std::string& shown) {
  LineReader lines(path, shown);
  RequestFile file{.classes = std::vector<RequestClass>(1)};
  for (std::string text; lines.next(text);) {
    if (text.find_first_not_of(" \t") == std::string::npos) continue;
    const JsonLine line(lines, text);
    add_row(file, {.nanoseconds = to_nanoseconds(line.number("timestamp"), 1e-3, line.spot()),
                   .input = line.tokens("input_length"),
                   .output = line.tokens("output_length"),
                   .blocks = line.hashes("hash_ids")});
  }
  return file;
}

bool begins_with_object(const std::filesystem::path& path, const std::string& shown) {
  LineReader lines(path, shown);
  for (std::string text; lines.next(text);)
    if (const std::size_t at = text.find_first_not_of(" \t"); at != std::string::npos)
      return text[at] == '{';
  return false;
}

}  // namespace

RequestFile read_request_file(const std::filesystem::path& file, const std::string& shown) {
  RequestFile read =
      begins_with_object(file, shown) ? read_json_lines(file, shown) : read_csv(file, shown);
  if (read.rows.empty())
    throw InputError(Spot{.source = text_source(shown, "")}, "no request is in it");
  return read;
}

}  // namespace moesim
