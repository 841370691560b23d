#include "kernels/profile/sweep.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

#include "kernels/error.hpp"

namespace moesim::kernels {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kShortestPoint = 0.01, kLongestPoint = 2;  // seconds of timed work, at most
constexpr int kMostCopies = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string name_of(const Json& point) {
  std::string name = point.at("kernel");
  for (const char* field : {"gate", "mode", "variant", "dtype", "cache"})
    if (point.contains(field) && point[field] != "usual")
      name += " " + point[field].get<std::string>();
  for (const auto& [key, value] : point.at("shape").items()) name += " " + key + "=" + value.dump();
  return name;
}

// What a check of a point stands for: the same kernel, shape and order of rows.
std::string checked_shape(const Json& point) {
  Json shape = point;
  shape.erase("load");
  shape.erase("cache");
  if (!point.contains("rows")) return shape.dump();
  int largest = 0;
  for (const int rows : point.at("rows")) largest = std::max(largest, rows);
  shape.erase("rows");
  for (const char* size : {"tokens", "input_tokens", "copy_sms"}) shape["shape"].erase(size);
  shape["rows"] = std::bit_width(static_cast<unsigned>(largest)) / 3;
  return shape.dump();
}

}  // namespace

Sweep::Sweep(Backend& backend, const Plan& plan, std::function<void(const std::string&)> progress)
    : backend_(backend),
      reference_(make_backend("cpu_reference")),
      plan_(plan),
      progress_(std::move(progress)),
      inputs_(plan.seed) {}

Peaks Sweep::measure_peaks() {
  progress_("measuring the peaks of the device");
  const bool gpu = backend_.device->facts().backend == "cuda";
  const int size = gpu ? 8192 : backend_.device->facts().backend == "cpu" ? 1024 : 192;
  const std::size_t bytes = gpu ? std::size_t{1} << 30 : std::size_t{1} << 27;
  const auto time = [&](const Json& point) {
    const auto subject =
        subjects().at(point.at("kernel"))({point, backend_, reference_, inputs_, weights_, world_});
    subject->make_copies(1);
    const MeasureOptions options{.noise = 0.01, .time_limit = 0.5};
    return measure(
               *backend_.device, 1, [&](int copy) { subject->run(copy); }, options)
        .median;
  };
  const double product = time(
      {{"kernel", "gemm"}, {"dtype", "bf16"}, {"shape", {{"m", size}, {"n", size}, {"k", size}}}});
  const double pass = time({{"kernel", "memory_pass"}, {"shape", {{"bytes", bytes}}}});
  return {.bf16_flops = 2 * std::pow(size, 3) / product,
          .memory_bandwidth = 2 * static_cast<double>(bytes) / pass};
}

SweepResult Sweep::run(SampleFile& file, const std::function<bool()>& interrupted) {
  const auto start = Clock::now();
  int number = 0;
  for (const Json& point : plan_.points) {
    ++number;
    if (file.has(point)) {
      ++result_.already;
      continue;
    }
    if (interrupted() || seconds_since(start) > plan_.time_limit) {
      ++result_.left;
      continue;
    }
    progress_("[" + std::to_string(number) + "/" + std::to_string(plan_.points.size()) + "] " +
              name_of(point));
    try {
      file.write(measure_point(point));
      ++result_.measured;
    } catch (const UnsupportedError& error) {
      ++result_.left_out[error.what()];
    }
  }
  return result_;
}

Json Sweep::measure_point(const Json& point) {
  const auto make = subjects().find(point.at("kernel"));
  require(make != subjects().end(), "no kernel of that name");
  const auto subject = make->second({point, backend_, reference_, inputs_, weights_, world_});
  const Timing timing = time_of(*subject, point);
  Json sample = point;
  if (const std::string variant = subject->variant(); !variant.empty()) {
    if (point.value("variant", "") != variant) sample["asked"] = point.value("variant", "");
    sample["variant"] = variant;
  }
  if (subject->ranks() > 1) sample["shape"]["ranks"] = subject->ranks();
  sample["seconds"] = {{"median", timing.median}, {"p10", timing.p10}, {"p90", timing.p90}};
  sample["count"] = timing.count;
  sample["noise"] = timing.noise;
  sample["checked"] = {{"max_relative_error", checked_.at(checked_shape(point))}};
  note_health(sample);
  return sample;
}

Timing Sweep::time_of(Subject& subject, const Json& point) {
  const bool cold = point.value("cache", "warm") == "cold";
  const int copies = copies_for(subject, cold);
  subject.make_copies(copies);
  verified(subject, point);
  // Where sets of buffers do not add up to more than the cache holds, it is emptied instead.
  const std::size_t cache = backend_.device->facts().cache_bytes;
  const bool rotates = static_cast<std::size_t>(copies) * subject.bytes() >= 2 * cache;
  const MeasureOptions options{
      .noise = plan_.noise,
      .time_limit = std::clamp(plan_.time_limit / static_cast<double>(plan_.points.size()),
                               kShortestPoint, kLongestPoint),
      .graph = point.value("mode", "graph") == "graph",
      .cold = cold && !rotates,
      .before_sample = [&](double seconds) { subject.before_sample(seconds); }};
  if (const auto clock = subject.own_clock()) return measure_by(clock, options);
  return measure(
      *backend_.device, copies, [&](int copy) { subject.run(copy); }, options);
}

// Enough sets of buffers that the cache has lost one when its turn comes again.
int Sweep::copies_for(const Subject& subject, bool cold) const {
  const std::size_t cache = backend_.device->facts().cache_bytes;
  if (!cold || cache == 0) return 1;
  const std::size_t bytes = std::max<std::size_t>(1, subject.bytes());
  const std::size_t enough = (3 * cache + bytes - 1) / bytes;
  return enough > kMostCopies ? 1 : static_cast<int>(enough);
}

double Sweep::verified(Subject& subject, const Json& point) {
  const std::string shape = checked_shape(point);
  const auto known = checked_.find(shape);
  if (known != checked_.end()) return known->second;
  try {
    return checked_[shape] = subject.verify();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(name_of(point) + ": " + error.what());
  }
}

void Sweep::note_health(Json& sample) {
  const DeviceHealth health = backend_.device->health();
  if (health.clock_hz > 0) sample["clock_mhz"] = std::lround(health.clock_hz / 1e6);
  std::vector<std::string> warnings;
  for (const std::string& reason : health.throttled_by) warnings.push_back("throttled: " + reason);
  if (health.other_processes > 0) warnings.emplace_back("other processes use the device");
  if (health.clock_hz > 0 && health.clock_hz < 0.8 * health.largest_clock_hz)
    warnings.emplace_back("the clock is below 80 % of its maximum");
  result_.warnings.insert(warnings.begin(), warnings.end());
  sample["warnings"] = warnings;
}

}  // namespace moesim::kernels
