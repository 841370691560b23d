// Logs of DeepEP's tests (deepseek-ai/DeepEP, tests/). Their lines, over the versions:
//   [config] num_tokens=4096, hidden=7168, num_topk_groups=4, num_topk=8
//   [tuning] Best dispatch (FP8): SMs 24, NVL chunk 20, RDMA chunk 28: 43.5 GB/s (RDMA), … (NVL)
//   [tuning] Best combine: SMs 24, NVL chunk 2, RDMA chunk 8, 570.70 + 4566.00 us, 51.3 GB/s
//   (RDMA), … [tuning] Best combine: SMs 24, NVL chunk 2, RDMA chunk 8, transmit: 55.2 us,
//   notify: 31.0 us, … [tuning] Best dispatch (FP8): SMs 24, NVL chunk 6, 320.7 GB/s (NVL), t:
//   499.6 us [rank 1] Dispatch bandwidth: 98 GB/s, avg_t=77.0 us | Combine bandwidth: 127 GB/s,
//   avg_t=114 us
// Only the best of a tuning counts, and only fp8 dispatch. A bandwidth without a time counts the
// bytes after deduplication, a rank's own share included.
#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "sim/base/parameter.hpp"
#include "sim/calibration/benchmark_log.hpp"

namespace moesim {
namespace {

constexpr int kNodeSize = 8;

// Defaults of the tests' arguments.
constexpr UniformTraffic kNormal{.tokens = 4096, .hidden = 7168, .top_k = 8, .experts = 256};
constexpr UniformTraffic kLowLatency{.tokens = 128, .hidden = 7168, .top_k = 8, .experts = 288};

// The first group of the expression in the line, as a number.
std::optional<double> number_in(const std::string& line, const char* expression) {
  std::smatch match;
  if (!std::regex_search(line, match, std::regex(expression))) return std::nullopt;
  return parse_number(match[1].str(), {});
}

class Reader {
 public:
  Reader(const BenchmarkLog& log, const std::string& system) : log_(log), system_(system) {}

  LogSamples read() {
    for (line_ = 0; line_ < log_.lines().size(); ++line_) {
      const std::string& line = log_.lines()[line_];
      if (line.find("[config]") != std::string::npos) take_config(line);
      if (line.find("[tuning] Best ") != std::string::npos) take_best(line);
      if (line.find("Dispatch bandwidth:") != std::string::npos) take_rank(line);
    }
    finish_low_latency();
    if (samples_.exchanges.empty())
      throw InputError(log_.spot(0), "the log holds no result of DeepEP's tests",
                       "results are lines with '[tuning] Best' or 'Dispatch bandwidth'");
    return std::move(samples_);
  }

 private:
  void take_config(const std::string& line) {
    finish_low_latency();
    const auto value = [&](const char* expression) -> std::optional<int> {
      const auto number = number_in(line, expression);
      return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
    };
    configured_ = {.tokens = value(R"(num_tokens=(\d+))"),
                   .hidden = value(R"(hidden=(\d+))"),
                   .top_k = value(R"(num_topk=(\d+))"),
                   .experts = value(R"(num_experts=(\d+))")};
  }

  // What the user says goes before what the log says, and that before the test's default.
  int setting(std::optional<int> LogOptions::*member, const char* name, int usual) {
    if (log_.options.*member) return *(log_.options.*member);
    if (configured_.*member) return *(configured_.*member);
    const std::string note =
        fmt::format("{}: {} = {}, the test's default", log_.source->name, name, usual);
    if (std::find(samples_.assumed.begin(), samples_.assumed.end(), note) == samples_.assumed.end())
      samples_.assumed.push_back(note);
    return usual;
  }

  UniformTraffic traffic(const UniformTraffic& usual, int ranks, bool dispatch) {
    UniformTraffic traffic{
        .dispatch = dispatch,
        .tokens = setting(&LogOptions::tokens, "tokens", usual.tokens),
        .hidden = setting(&LogOptions::hidden, "hidden", usual.hidden),
        .top_k = setting(&LogOptions::top_k, "topk", usual.top_k),
        .experts = setting(&LogOptions::experts, "experts", usual.experts),
        .ranks = ranks,
        .domains = log_.options.nodes.value_or((ranks + kNodeSize - 1) / kNodeSize)};
    if (const std::string mistake = traffic_mistake(traffic); !mistake.empty())
      throw InputError(
          log_.spot(line_at_), mistake,
          "add :gpus=16,nodes=2,tokens=…,hidden=…,topk=…,experts=… to the file's name");
    return traffic;
  }

  void take_best(const std::string& line) {
    line_at_ = line_;
    if (line.find("(BF16)") != std::string::npos) return;
    const bool dispatch = line.find("Best dispatch") != std::string::npos;
    const auto sms = number_in(line, R"(SMs (\d+))");
    const auto rdma = number_in(line, R"(([\d.]+) GB/s \(RDMA)");
    const auto nvlink = number_in(line, R"(([\d.]+) GB/s \(NVL\))");
    const bool crosses_nodes = line.find("RDMA chunk") != std::string::npos;
    if (!sms || !(crosses_nodes ? rdma : nvlink))
      throw InputError(log_.spot(line_), "the line has no SMs or no bandwidth",
                       "such as 'SMs 24, NVL chunk 20, RDMA chunk 28: 43.5 GB/s (RDMA)'");
    if (crosses_nodes && !log_.options.gpus && !log_.options.nodes)
      throw InputError(log_.spot(line_), "the log does not say how many GPUs took part",
                       "add :gpus=16,nodes=2 to the file's name");
    const int ranks = log_.options.gpus.value_or(kNodeSize * log_.options.nodes.value_or(1));
    UniformTraffic traffic = this->traffic(kNormal, ranks, dispatch);
    traffic.sms = static_cast<int>(*sms);
    const Seconds notify = notify_in(line);
    const Seconds transmit = transmit_in(line, traffic, crosses_nodes ? *rdma : *nvlink);
    ExchangeSample sample = exchange_sample("deepep_normal", traffic, system_, transmit + notify);
    sample.notify = notify;
    samples_.exchanges.push_back(std::move(sample));
  }

  static Seconds notify_in(const std::string& line) {
    if (const auto named = number_in(line, R"(notify: ([\d.]+) us)")) return Seconds(1e-6 * *named);
    return Seconds(1e-6 * number_in(line, R"(([\d.]+) \+ [\d.]+ us)").value_or(0));
  }

  Seconds transmit_in(const std::string& line, const UniformTraffic& traffic,
                      double gigabytes_per_second) const {
    for (const char* expression : {R"(transmit: ([\d.]+) us)", R"([\d.]+ \+ ([\d.]+) us)",
                                   R"( t: ([\d.]+) us)", R"(, ([\d.]+) us)"})
      if (const auto time = number_in(line, expression); time && *time > 0)
        return Seconds(1e-6 * *time);
    if (gigabytes_per_second <= 0)
      throw InputError(log_.spot(line_), "a bandwidth must be above 0");
    return deepep_time_at(gigabytes_per_second, traffic);
  }

  void take_rank(const std::string& line) {
    line_at_ = line_;
    const auto rank = number_in(line, R"(\[rank (\d+)\])");
    const auto dispatch = number_in(line, R"(Dispatch bandwidth:[^|]*avg_t=([\d.]+) us)");
    const auto combine = number_in(line, R"(Combine bandwidth:[^|]*avg_t=([\d.]+) us)");
    if (!rank || !dispatch || !combine)
      throw InputError(log_.spot(line_), "the line has no rank or no avg_t of both phases",
                       "such as '[rank 0] Dispatch bandwidth: 98 GB/s, avg_t=77.0 us | Combine "
                       "bandwidth: 127 GB/s, avg_t=114.0 us'");
    highest_rank_ = std::max(highest_rank_, static_cast<int>(*rank));
    dispatch_us_ += *dispatch;
    combine_us_ += *combine;
    ++lines_;
  }

  // The mean over the ranks of one run.
  void finish_low_latency() {
    if (lines_ == 0) return;
    const int ranks = log_.options.gpus.value_or(
        log_.options.nodes ? kNodeSize * *log_.options.nodes : highest_rank_ + 1);
    for (const bool dispatch : {true, false})
      samples_.exchanges.push_back(
          exchange_sample("deepep_low_latency", traffic(kLowLatency, ranks, dispatch), system_,
                          Seconds(1e-6 * (dispatch ? dispatch_us_ : combine_us_) / lines_)));
    lines_ = 0;
    dispatch_us_ = combine_us_ = 0;
    highest_rank_ = -1;
  }

  const BenchmarkLog& log_;
  const std::string& system_;
  LogSamples samples_;
  LogOptions configured_;
  std::size_t line_ = 0, line_at_ = 0;
  int lines_ = 0, highest_rank_ = -1;
  double dispatch_us_ = 0, combine_us_ = 0;
};

}  // namespace

LogSamples read_deepep_log(const BenchmarkLog& log, const std::string& system) {
  return Reader(log, system).read();
}

}  // namespace moesim
