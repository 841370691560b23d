// Logs of nccl-tests (github.com/NVIDIA/nccl-tests): lines "#  Rank 0 Group 0 Pid 1 on HOST device
// 0
// [..] GPU" name the group, a header "# size count type redop root time algbw busbw #wrong time …"
// the columns (older versions have no root), and rows follow; times are in microseconds, first out
// of place, then in place. A file may hold several tests.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "sim/base/parameter.hpp"
#include "sim/calibration/benchmark_log.hpp"

namespace moesim {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// A column of the header, and how many a row must have.
struct Columns {
  std::size_t size = 0, time = 0, count = 0;
};

std::optional<Columns> header_of(const std::vector<std::string>& words, bool in_place) {
  if (words.empty() || words[0] != "#") return std::nullopt;
  const std::vector<std::string> names(words.begin() + 1, words.end());
  const auto size = std::find(names.begin(), names.end(), "size");
  auto time = std::find(names.begin(), names.end(), "time");
  if (size == names.end() || time == names.end() ||
      std::find(names.begin(), names.end(), "busbw") == names.end())
    return std::nullopt;
  if (in_place) time = std::find(time + 1, names.end(), "time");
  if (time == names.end()) return std::nullopt;
  return Columns{.size = static_cast<std::size_t>(size - names.begin()),
                 .time = static_cast<std::size_t>(time - names.begin()),
                 .count = names.size()};
}

// "all_reduce_perf", "/opt/nccl-tests/alltoall_perf_mpi" → all_reduce, alltoall
std::string test_in(const std::string& line) {
  const std::size_t end = line.find("_perf");
  if (end == std::string::npos) return {};
  std::size_t begin = end;
  while (begin > 0 &&
         (std::islower(static_cast<unsigned char>(line[begin - 1])) != 0 || line[begin - 1] == '_'))
    --begin;
  return line.substr(begin, end - begin);
}

std::optional<CollectiveKind> kind_of_test(const std::string& test) {
  using enum CollectiveKind;
  if (test == "alltoall" || test == "all_to_all") return kAllToAll;
  for (const CollectiveKind kind : {kAllReduce, kAllGather, kReduceScatter, kBroadcast})
    if (test == to_string(kind)) return kind;
  return std::nullopt;
}

// "#  Rank  0 Group  0 Pid  1 on  HOST device  0 [0x07] NVIDIA H100 80GB HBM3"
struct Device {
  int rank = 0;
  std::string host, gpu;
};

std::optional<Device> device_of(const std::vector<std::string>& words) {
  if (words.size() < 8 || words[0] != "#" || words[1] != "Rank") return std::nullopt;
  const auto on = std::find(words.begin(), words.end(), "on");
  if (words.end() - on < 5 || on[2] != "device") return std::nullopt;
  Device device{.rank = static_cast<int>(parse_number(words[2], {})), .host = on[1]};
  for (auto word = on + 5; word != words.end(); ++word)
    device.gpu += (device.gpu.empty() ? "" : " ") + *word;
  return device;
}

// One test of the file, put together line by line.
class Section {
 public:
  Section(const BenchmarkLog& log, const std::string& system, LogSamples& samples)
      : log_(log), system_(system), samples_(samples), test_(log.options.collective) {}

  void take(std::size_t line) {
    const std::vector<std::string> words = words_of(log_.lines()[line]);
    if (words.empty()) return;
    const std::string test = test_in(log_.lines()[line]);
    if (!test.empty() && log_.options.collective.empty()) test_ = test;
    if (const auto device = device_of(words)) {
      if (!rows_.empty()) finish();
      hosts_.insert(device->host);
      ranks_ = std::max(ranks_, device->rank + 1);
    } else if (const auto columns = header_of(words, log_.options.in_place)) {
      columns_ = columns;
    } else if (std::isdigit(static_cast<unsigned char>(words[0][0])) != 0) {
      take_row(line, words);
    } else if (words.size() > 3 && words[3] == "concluded:") {
      finish();
    }
  }

  // The rows so far are of one test.
  void finish() {
    if (rows_.empty()) return;
    const Spot spot = log_.spot(first_row_);
    const auto kind = kind_of_test(test_);
    if (!kind)
      throw InputError(spot,
                       test_.empty() ? "the log does not say which collective was tested"
                                     : fmt::format("no model of {}", test_),
                       "add :collective=all_reduce (or alltoall, …) to the file's name");
    const CollectiveGroup group = group_at(spot);
    for (const auto& [size, time] : rows_)
      samples_.collectives.push_back({.library = "nccl",
                                      .kind = *kind,
                                      .system = system_,
                                      .group = group,
                                      .size = Bytes(size),
                                      .measured = Seconds(1e-6 * time)});
    rows_.clear();
    hosts_.clear();
    ranks_ = 0;
    test_ = log_.options.collective;
  }

 private:
  void take_row(std::size_t line, const std::vector<std::string>& words) {
    const Spot spot = log_.spot(line);
    // Other output of a job may start with a digit, too.
    if (!columns_) return;
    if (words.size() != columns_->count)
      throw InputError(
          spot, fmt::format("the row has {} fields, the header {}", words.size(), columns_->count));
    const double size = parse_number(words[columns_->size], spot);
    const double time = parse_number(words[columns_->time], spot);
    if (size <= 0) return;  // nccl-tests rounds small buffers down to nothing
    if (time <= 0) throw InputError(spot, "a time must be above 0");
    if (rows_.empty()) first_row_ = line;
    rows_.emplace_back(size, time);
  }

  CollectiveGroup group_at(const Spot& spot) const {
    const int ranks = log_.options.gpus.value_or(ranks_);
    const int nodes =
        log_.options.nodes.value_or(std::max<int>(1, static_cast<int>(hosts_.size())));
    if (ranks < 2)
      throw InputError(spot, "the log does not say how many GPUs took part",
                       "add :gpus=16,nodes=2 to the file's name");
    if (ranks % nodes != 0)
      throw InputError(spot, fmt::format("{} GPUs do not divide over {} nodes", ranks, nodes));
    return {.ranks = ranks, .domains = nodes};
  }

  const BenchmarkLog& log_;
  const std::string& system_;
  LogSamples& samples_;
  std::string test_;
  std::set<std::string> hosts_;
  int ranks_ = 0;
  std::optional<Columns> columns_;
  std::vector<std::pair<double, double>> rows_;  // bytes, microseconds
  std::size_t first_row_ = 0;
};

}  // namespace

std::string gpu_in_log(const BenchmarkLog& log) {
  for (const std::string& line : log.lines())
    if (const auto device = device_of(words_of(line))) return device->gpu;
  return {};
}

LogSamples read_nccl_log(const BenchmarkLog& log, const std::string& system) {
  LogSamples samples{.gpu = gpu_in_log(log)};
  Section section(log, system, samples);
  for (std::size_t line = 0; line < log.lines().size(); ++line) section.take(line);
  section.finish();
  if (samples.collectives.empty())
    throw InputError(log.spot(0), "the log holds no row of nccl-tests");
  for (const CollectiveSample& sample : samples.collectives)
    if (sample.kind == CollectiveKind::kAllToAll) samples.exchanges.push_back(exchange_of(sample));
  return samples;
}

}  // namespace moesim
