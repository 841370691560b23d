#include "analysis/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

namespace moesim {
namespace {

constexpr int kNetwork = -1;       // the stream number of Span for network activity
constexpr int kTracksPerGpu = 64;  // numbers kept apart for the tracks of one GPU
constexpr int kStepsHeld = 2;      // a flow that ends two steps later no longer cuts a wait
constexpr int kAllSteps = std::numeric_limits<int>::max();

// Whole nanoseconds: rounding is monotone, so spans that touch still touch.
std::int64_t nanoseconds(Seconds time) { return std::llround(time.value * 1e9); }

std::string microseconds(std::int64_t time) {
  return fmt::format("{}.{:03}", time / 1000, time % 1000);
}

std::string quoted(std::string_view text) { return nlohmann::json(text).dump(); }

std::string track_name(GpuId gpu, int stream, int lane) {
  std::string name = stream == kNetwork ? fmt::format("GPU {} network", gpu.value)
                     : stream == 0      ? fmt::format("GPU {} compute", gpu.value)
                                        : fmt::format("GPU {} stream {}", gpu.value, stream);
  return lane == 0 ? name : fmt::format("{} {}", name, lane + 1);
}

}  // namespace

TimelineWriter::TimelineWriter(std::ostream& out, IdVector<GpuId, NodeId> node_of)
    : out_(out), node_of_(std::move(node_of)), gpus_(node_of_.size()) {
  out_ << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  const std::set<NodeId> nodes(node_of_.begin(), node_of_.end());
  for (const NodeId node : nodes)
    for (const auto& [kind, value] :
         {std::pair{"process_name", fmt::format("\"name\":\"node {}\"", node.value)},
          std::pair{"process_sort_index", fmt::format("\"sort_index\":{}", node.value)}})
      write_event(fmt::format(R"({{"ph":"M","pid":{},"name":"{}","args":{{{}}}}})", node.value,
                              kind, value));
  // A compute track always exists, so that a GPU that never computes shows as one that waits.
  for (const GpuId gpu : gpus_.ids()) track_for(gpu, 0, {});
}

void TimelineWriter::add(const Span& span) {
  const Busy time{nanoseconds(span.begin), nanoseconds(span.end)};
  if (time.end <= time.begin) return;
  GpuTracks& gpu = gpus_[span.gpu];
  if (!gpu.started) {
    gpu.started = true;
    gpu.compute_end = time.begin;
  }
  flush_idle(span.gpu, span.step - kStepsHeld);
  if (span.stream == 0) {
    note_idle(span.gpu, time.begin, span.step);
    gpu.compute_end = std::max(gpu.compute_end, time.end);
    std::erase_if(gpu.beside, [&](const Busy& busy) { return busy.end <= gpu.compute_end; });
  } else {
    cut_idle(gpu, time);
    gpu.beside.push_back(time);
  }
  const bool labelled = span.label != nullptr && !span.label->empty();
  write_span(span.gpu, track_for(span.gpu, span.stream, time),
             labelled ? std::string_view(*span.label) : to_string(span.phase),
             to_string(span.phase), time, span.step, span.layer);
}

void TimelineWriter::finish(Seconds end) {
  for (const GpuId gpu : gpus_.ids()) {
    if (gpus_[gpu].started) note_idle(gpu, nanoseconds(end), kAllSteps - 1);
    flush_idle(gpu, kAllSteps);
  }
  out_ << "\n]}\n";
}

void TimelineWriter::write_event(const std::string& event) {
  out_ << (first_ ? "\n" : ",\n") << event;
  first_ = false;
}

void TimelineWriter::write_metadata(GpuId gpu, const std::string& kind, int track,
                                    const std::string& arguments) {
  write_event(fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"{}","args":{{{}}}}})",
                          node_of_[gpu].value, track, kind, arguments));
}

void TimelineWriter::write_span(GpuId gpu, int track, std::string_view name, const char* category,
                                Busy time, int step, int layer) {
  const std::string arguments =
      step < 0 ? "" : fmt::format(R"(,"args":{{"step":{},"layer":{}}})", step, layer);
  write_event(
      fmt::format(R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":{},"cat":"{}"{}}})",
                  node_of_[gpu].value, track, microseconds(time.begin),
                  microseconds(time.end - time.begin), quoted(name), category, arguments));
}

// The first track of the stream that is free at `time`; a new one where none is.
int TimelineWriter::track_for(GpuId gpu, int stream, Busy time) {
  std::vector<Track>& tracks = gpus_[gpu].tracks;
  const int first = gpu.value * kTracksPerGpu;
  int lane = 0;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    if (tracks[i].stream != stream) continue;
    ++lane;
    if (tracks[i].end > time.begin) continue;
    tracks[i].end = time.end;
    return first + static_cast<int>(i);
  }
  const int track = first + static_cast<int>(tracks.size());
  MOESIM_CHECK(track < first + kTracksPerGpu, "a GPU does few things at once");
  tracks.push_back({.stream = stream, .lane = lane, .end = time.end});
  write_metadata(gpu, "thread_name", track,
                 fmt::format("\"name\":\"{}\"", track_name(gpu, stream, lane)));
  // Compute above the other streams, the network below them.
  const int order = stream == kNetwork ? kTracksPerGpu / 2 + lane : 2 * stream + std::min(lane, 1);
  write_metadata(gpu, "thread_sort_index", track, fmt::format("\"sort_index\":{}", first + order));
  return track;
}

// From the end of the last kernel to `until` the main stream stood still: what no flow and no other
// stream covers was waiting.
void TimelineWriter::note_idle(GpuId gpu_id, Nanoseconds until, int step) {
  GpuTracks& gpu = gpus_[gpu_id];
  if (until <= gpu.compute_end) return;
  gpu.idle.push_back({.begin = gpu.compute_end, .end = until, .step = step});
  for (const Busy& busy : gpu.beside) cut_idle(gpu, busy);
}

void TimelineWriter::cut_idle(GpuTracks& gpu, Busy busy) {
  for (std::size_t i = gpu.idle.size(); i-- > 0;) {
    const Idle idle = gpu.idle[i];
    if (idle.end <= busy.begin) break;  // they are in order of time
    if (idle.begin >= busy.end) continue;
    gpu.idle.erase(gpu.idle.begin() + static_cast<std::ptrdiff_t>(i));
    const auto at = gpu.idle.begin() + static_cast<std::ptrdiff_t>(i);
    std::vector<Idle> rest;
    if (idle.begin < busy.begin) rest.push_back({idle.begin, busy.begin, idle.step});
    if (idle.end > busy.end) rest.push_back({busy.end, idle.end, idle.step});
    gpu.idle.insert(at, rest.begin(), rest.end());
  }
}

void TimelineWriter::flush_idle(GpuId gpu, int before_step) {
  std::vector<Idle>& idle = gpus_[gpu].idle;
  std::size_t count = 0;
  while (count < idle.size() && idle[count].step < before_step) ++count;
  const int track = gpu.value * kTracksPerGpu;
  for (std::size_t i = 0; i < count; ++i)
    write_span(gpu, track, "wait", "wait", {idle[i].begin, idle[i].end}, -1, -1);
  idle.erase(idle.begin(), idle.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace moesim
