#include "analysis/output_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sim/base/check.hpp"
#include "sim/base/error.hpp"
#include "sim/base/yaml.hpp"

namespace moesim {
namespace fs = std::filesystem;
namespace {

constexpr std::array kFiles = {"scenario.yaml",
                               "summary.json",
                               "steps.csv",
                               "gpus.csv",
                               "report.html",
                               "timeline.json",
                               "requests.csv",
                               "serving_steps.csv",
                               "compare.csv",
                               "compare.md",
                               "serving_latencies.csv",
                               "loads.csv",
                               "links.csv",
                               "strip.csv",
                               "plan.json",
                               "plan.yaml",
                               "candidates.csv",
                               "cheapest_decode.yaml",
                               "cheapest_prefill.yaml",
                               "cheapest_serving.yaml",
                               "smallest_decode.yaml",
                               "smallest_prefill.yaml",
                               "smallest_serving.yaml"};

// What an interrupt removes. Only async-signal-safe calls can, hence the plain buffer and the fixed
// list of names.
std::array<char, 4096> interrupted_sibling{};
int interrupted_folder = -1;
std::array<struct sigaction, 2> handlers_before{};
constexpr std::array<int, 2> kSignals = {SIGINT, SIGTERM};

void remove_and_end(int signal) {
  for (const char* name : kFiles) unlinkat(interrupted_folder, name, 0);
  rmdir(interrupted_sibling.data());
  _exit(128 + signal);
}

void remove_on_interrupt(const fs::path& sibling) {
  MOESIM_CHECK(interrupted_folder < 0, "one output directory at a time");
  const std::string text = fs::absolute(sibling).string();
  if (text.size() >= interrupted_sibling.size()) return;
  std::copy(text.begin(), text.end(), interrupted_sibling.begin());
  interrupted_sibling[text.size()] = '\0';
  interrupted_folder = open(text.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct sigaction action {};
  action.sa_handler = remove_and_end;
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &action, &handlers_before[i]);
}

void forget_interrupt() {
  if (interrupted_folder < 0) return;
  for (std::size_t i = 0; i < kSignals.size(); ++i)
    sigaction(kSignals[i], &handlers_before[i], nullptr);
  close(interrupted_folder);
  interrupted_folder = -1;
}

[[noreturn]] void refuse(const fs::path& path, const std::string& why, const std::string& hint) {
  throw InputError({text_source("--out", path.string(), true), 0, 0},
                   fmt::format("'{}' {}", path.string(), why), hint);
}

// A document of ours names its schema: "moesim.summary/1", "moesim.compare/1", ….
bool holds_result(const fs::path& folder) {
  const bool plan = !fs::exists(folder / "summary.json");
  std::ifstream file(folder / (plan ? "plan.json" : "summary.json"));
  const auto document = nlohmann::json::parse(file, nullptr, false);
  if (!document.is_object()) return false;
  const auto schema = document.find("schema");
  return schema != document.end() && schema->is_string() &&
         schema->get<std::string>().starts_with("moesim.");
}

// The directory itself: behind links, and without a last slash ("runs/a/" is "runs/a").
fs::path real_path(const fs::path& path) {
  const fs::path whole = fs::weakly_canonical(fs::absolute(path));
  return whole.has_filename() ? whole : whole.parent_path();
}

std::runtime_error cannot(const char* what, const fs::path& path) {
  return std::runtime_error(
      fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

// Both names exist: they change places in one step.
void exchange_names(const fs::path& a, const fs::path& b) {
  if (syscall(SYS_renameat2, AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0)
    return;
  // A file system without the exchange: three steps, each of which leaves a whole result somewhere.
  const fs::path aside = a.string() + ".old";
  fs::rename(b, aside);
  fs::rename(a, b);
  fs::rename(aside, a);
}

}  // namespace

void OutputDirectory::check(const fs::path& path) {
  if (path.empty()) refuse(path, "is not the name of a directory", "");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) refuse(path, "is a file", "-o takes a directory");
  if (!fs::is_empty(path, error) && !error && !holds_result(path))
    refuse(path, "is neither empty nor a result of moesim",
           "name a new directory; nothing was written");
  if (error) refuse(path, "cannot be read", error.message());
}

OutputDirectory::OutputDirectory(const fs::path& path) {
  check(path);
  path_ = real_path(path);
  const fs::path parent = path_.parent_path();
  sibling_ = parent / fmt::format(".{}.moesim-{}", path_.filename().string(), getpid());
  std::error_code error;
  fs::create_directories(parent, error);
  if (!error) fs::remove_all(sibling_, error);  // of a process that is long dead
  if (!error) fs::create_directory(sibling_, error);
  if (error) refuse(path, "cannot be made", error.message());
  remove_on_interrupt(sibling_);
}

OutputDirectory::~OutputDirectory() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(sibling_, ignored);
  forget_interrupt();
}

fs::path OutputDirectory::file(const std::string& name) const {
  MOESIM_CHECK(std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end(),
               "every file of a result is listed, so that an interrupt removes it");
  return sibling_ / name;
}

void OutputDirectory::write(const std::string& name, std::string_view text) const {
  const fs::path path = file(name);
  std::ofstream stream(path, std::ios::binary);
  stream.write(text.data(), static_cast<std::streamsize>(text.size()));
  stream.close();
  if (!stream) throw cannot("write", path);
}

std::optional<std::string> OutputDirectory::read(const std::string& name) const {
  std::ifstream stream(sibling_ / name, std::ios::binary);
  if (!stream) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

void OutputDirectory::commit() {
  MOESIM_CHECK(!committed_, "a result takes its place once");
  const bool replaces = fs::exists(path_) && !fs::is_empty(path_);
  forget_interrupt();
  if (replaces) {
    exchange_names(sibling_, path_);
    std::error_code ignored;
    fs::remove_all(sibling_, ignored);
  } else {
    fs::rename(sibling_, path_);
  }
  committed_ = true;
}

}  // namespace moesim
