#include "analysis/strip.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "analysis/csv_row.hpp"

namespace moesim {
namespace {

// Enough for any step that somebody draws; a long training step on many GPUs has more.
constexpr std::size_t kMostKept = 2'000'000;

std::string track_name(int stream) {
  if (stream < 0) return "network";
  if (stream == kHostStream) return "host";
  return stream == 0 ? "compute" : fmt::format("stream {}", stream);
}

std::vector<int> shown_gpus(const RunResult& result) {
  std::vector<const GpuRecord*> by_load;
  for (const GpuRecord& gpu : result.gpu_records) by_load.push_back(&gpu);
  std::stable_sort(by_load.begin(), by_load.end(),
                   [](const GpuRecord* a, const GpuRecord* b) { return a->routes > b->routes; });
  std::vector<int> gpus;
  const std::size_t shown = std::min(by_load.size(), StripRecorder::kMostGpus);
  for (std::size_t i = 0; i < shown; ++i)
    gpus.push_back(by_load[shown > 1 ? i * (by_load.size() - 1) / (shown - 1) : 0]->gpu);
  return gpus;
}

}  // namespace

void StripRecorder::add(const Span& span) {
  if (span.step != step_ || pieces_.size() >= kMostKept) return;
  pieces_.push_back({.gpu = span.gpu.value,
                     .stream = span.stream,
                     .phase = span.phase,
                     .begin = span.begin.value,
                     .end = span.end.value});
}

// In the order of `gpus`, then tracks, then time.
std::vector<StripRecorder::Piece> StripRecorder::pieces_of(const std::vector<int>& gpus) const {
  std::map<std::pair<std::size_t, int>, std::vector<Piece>> tracks;
  for (const Piece& piece : pieces_) {
    const auto gpu = std::find(gpus.begin(), gpus.end(), piece.gpu);
    if (gpu == gpus.end() || !(piece.end > piece.begin)) continue;
    // The network below the streams.
    const int stream = piece.stream < 0 ? std::numeric_limits<int>::max() : piece.stream;
    tracks[{static_cast<std::size_t>(gpu - gpus.begin()), stream}].push_back(piece);
  }
  std::vector<Piece> merged;
  for (auto& [track, pieces] : tracks) {
    std::stable_sort(pieces.begin(), pieces.end(),
                     [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
    const std::size_t first = merged.size();
    for (const Piece& piece : pieces) {
      const bool goes_on = merged.size() > first && merged.back().phase == piece.phase &&
                           piece.begin <= merged.back().end;
      if (goes_on)
        merged.back().end = std::max(merged.back().end, piece.end);
      else
        merged.push_back(piece);
    }
  }
  return merged;
}

std::string StripRecorder::csv(const RunResult& result) const {
  double from = std::numeric_limits<double>::infinity();
  for (const Piece& piece : pieces_) from = std::min(from, piece.begin);
  std::vector<Piece> pieces = pieces_of(shown_gpus(result));
  if (pieces.size() > kMostSpans) {
    std::vector<double> begins;
    for (const Piece& piece : pieces) begins.push_back(piece.begin);
    std::nth_element(begins.begin(), begins.begin() + kMostSpans, begins.end());
    const double until = begins[kMostSpans];
    std::erase_if(pieces, [&](const Piece& piece) { return piece.begin >= until; });
  }
  std::string text = "gpu,track,phase,begin_s,end_s\n";
  for (const Piece& piece : pieces)
    text += CsvRow()
                .add(piece.gpu)
                .put(track_name(piece.stream))
                .put(to_string(piece.phase))
                .add(piece.begin - from)
                .add(piece.end - from)
                .line();
  return text;
}

}  // namespace moesim
