#include "sim/requests/trace_rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/presets.hpp"

namespace moesim {
namespace {

bool by_time(const RequestRow& a, const RequestRow& b) { return a.nanoseconds < b.nanoseconds; }

const std::vector<Parameter>& file_class_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "name", .type = ParameterType::kText, .doc = "of the class", .required = true},
      {.name = "file", .type = ParameterType::kPath, .doc = "whose requests are of this class"},
      {.name = "priority", .type = ParameterType::kInteger, .doc = "lower comes first"},
      {.name = "domain", .type = ParameterType::kText, .doc = "whose routing its tokens have"}};
  return parameters;
}

std::vector<Arguments> read_classes(const Arguments& arguments) {
  std::vector<Arguments> classes;
  if (!arguments.has("classes")) return classes;
  const YamlNode& list = arguments.tree("classes");
  if (!list.is_list() || list.items.empty())
    throw InputError(list.spot, "classes are a list", "classes: [{name: chat, domain: prose}, …]");
  Mistakes mistakes;
  for (const YamlNode& item : list.items)
    classes.push_back(read_arguments(item, file_class_parameters(), mistakes, "a class"));
  mistakes.throw_if_any();
  const bool files = classes.front().has("file");
  for (const Arguments& one : classes)
    if (one.has("file") != files)
      throw InputError(one.section(), "either all classes have a file of their own, or none");
  return classes;
}

void set_class(RequestClass& target, const Arguments& one) {
  target.name = one.text("name");
  if (one.has("priority")) target.priority = one.integer("priority");
  if (one.has("domain")) target.domain = one.text("domain");
}

RequestFile read_noted(const std::filesystem::path& path, std::vector<std::string>& notes) {
  const std::string shown = shown_path(path);
  RequestFile file = read_request_file(path, shown);
  if (file.left_out > 0)
    notes.push_back(fmt::format("{}: {} of {} rows are left out: they have no prompt or no answer",
                                shown, file.left_out,
                                file.left_out + static_cast<int>(file.rows.size())));
  if (!std::is_sorted(file.rows.begin(), file.rows.end(), by_time))
    notes.push_back(fmt::format("{}: the rows were not in the order of arrival", shown));
  return file;
}

// Each class has the requests of its file, whatever that calls them.
TraceRows rows_of_files(const std::vector<Arguments>& classes) {
  TraceRows all;
  for (const Arguments& one : classes) {
    const auto kind = all.classes.size();
    set_class(all.classes.emplace_back(), one);
    for (RequestRow& row : read_noted(one.existing_file("file"), all.notes).rows) {
      row.kind = static_cast<int>(kind);
      // Files number their blocks independently.
      for (std::uint64_t& block : row.blocks) block ^= static_cast<std::uint64_t>(kind) << 48;
      all.rows.push_back(std::move(row));
    }
  }
  return all;
}

// What `classes` say of those in the file.
void describe_classes(std::vector<RequestClass>& known, const std::vector<Arguments>& classes) {
  if (known.size() == 1 && known.front().name.empty() && classes.size() == 1) {
    set_class(known.front(), classes.front());
    return;
  }
  std::vector<std::string> names;
  for (const RequestClass& one : known)
    if (!one.name.empty()) names.push_back(one.name);
  for (const Arguments& one : classes) {
    const auto found = std::find(names.begin(), names.end(), one.text("name"));
    if (found == names.end())
      throw InputError(one.spot("name"),
                       fmt::format("the file has no class '{}'", one.text("name")),
                       names.empty() ? "it names none: give each class a file of its own"
                                     : hint_for(one.text("name"), names));
    set_class(*std::find_if(known.begin(), known.end(),
                            [&](const RequestClass& c) { return c.name == *found; }),
              one);
  }
}

TraceRows rows_of_file(const Arguments& arguments, const std::vector<Arguments>& classes) {
  TraceRows all;
  RequestFile file = read_noted(arguments.existing_file("file"), all.notes);
  describe_classes(file.classes, classes);
  all.rows = std::move(file.rows);
  all.classes = std::move(file.classes);
  return all;
}

}  // namespace

TraceRows read_trace_rows(const Arguments& arguments) {
  const std::vector<Arguments> classes = read_classes(arguments);
  const bool own_files = !classes.empty() && classes.front().has("file");
  if (own_files == arguments.has("file"))
    throw InputError(own_files ? arguments.spot("file") : arguments.section(),
                     own_files ? "the classes have files of their own: leave this one out"
                               : "requests 'file' needs 'file'",
                     own_files ? "" : "a trace of requests; or one for each of the classes");
  TraceRows all = own_files ? rows_of_files(classes) : rows_of_file(arguments, classes);
  std::stable_sort(all.rows.begin(), all.rows.end(), by_time);
  return all;
}

}  // namespace moesim
