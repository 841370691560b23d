#include "sim/trace/trace_window.hpp"

#include <algorithm>
#include <optional>

#include "sim/base/presets.hpp"
#include "sim/base/yaml.hpp"
#include "sim/trace/convert.hpp"
#include "sim/trace/hdf5_reader.hpp"

namespace moesim {
namespace {

class WindowSink final : public TraceSink {
 public:
  WindowSink(const WindowNeeds& needs, int gpus) : needs_(needs), gpus_(gpus) {}

  void begin(const TraceHeader& header) override {
    header_ = header;
    counter_.emplace(needs_, header.layer_count(), header.experts);
  }

  void tokens(const TokenBatch& batch) override {
    open_step(batch.step);
    has_tokens_ = true;
    const std::size_t k = static_cast<std::size_t>(header_.top_k);
    const std::size_t layers = header_.layers.size();
    for (std::size_t token = 0; token < static_cast<std::size_t>(batch.tokens); ++token) {
      const auto gpu = static_cast<std::size_t>(batch.rank >= 0 ? batch.rank % gpus_
                                                                : static_cast<int>(token) * gpus_ /
                                                                      std::max(1, batch.tokens));
      const auto begin = batch.ids.begin() + static_cast<std::ptrdiff_t>(token * layers * k);
      step_[gpu].insert(step_[gpu].end(), begin, begin + static_cast<std::ptrdiff_t>(layers * k));
    }
  }

  void counts(const CountBatch& batch) override {
    if (has_tokens_) return;  // they are what was counted
    counts_only_ = true;
    sources_known_ = sources_known_ && batch.rank >= 0;
    if (now_ != batch.step) counter_->begin_step();
    now_ = batch.step;
    const GpuId gpu(std::max(0, batch.rank) % gpus_);
    auto count = batch.counts.begin();
    for (const LayerId layer : IdRange<LayerId>(header_.layer_count())) {
      Routing routing{.counts = ExpertCounts(gpus_, header_.experts)};
      for (int& routes : routing.counts.row(gpu)) routes = static_cast<int>(*count++);
      counter_->add(layer, routing);
    }
  }

  void record(const std::string&) override {}
  void finish() override {}

  LoadWindow result() {
    close_step();
    LoadWindow window = counter_->window();
    if (counts_only_) window.detail.coactivation = {}, window.detail.transitions = {};
    if (!sources_known_) window.detail.sources = {};
    return window;
  }

 private:
  void open_step(std::int64_t step) {
    if (now_ == step) return;
    close_step();
    now_ = step;
    step_.assign(static_cast<std::size_t>(gpus_), {});
  }

  void close_step() {
    if (step_.empty()) return;
    counter_->begin_step();
    for (const LayerId layer : IdRange<LayerId>(header_.layer_count()))
      counter_->add(layer, routing_of(layer));
    step_.clear();
  }

  Routing routing_of(LayerId layer) const {
    Routing routing{.top_k = header_.top_k, .first_token = {0}};
    const std::size_t k = static_cast<std::size_t>(header_.top_k);
    const std::size_t row = header_.layers.size() * k;
    for (const std::vector<std::int16_t>& ids : step_) {
      for (std::size_t at = layer.index() * k; at < ids.size(); at += row)
        routing.ids.insert(routing.ids.end(), ids.begin() + static_cast<std::ptrdiff_t>(at),
                           ids.begin() + static_cast<std::ptrdiff_t>(at + k));
      routing.first_token.push_back(static_cast<int>(routing.ids.size() / k));
    }
    routing.counts = count_routes(routing, header_.experts);
    return routing;
  }

  WindowNeeds needs_;
  int gpus_ = 1;
  TraceHeader header_;
  std::optional<WindowCounter> counter_;
  std::optional<std::int64_t> now_;              // step that is open
  std::vector<std::vector<std::int16_t>> step_;  // [gpus], ids [tokens × layers × k]
  bool has_tokens_ = false, counts_only_ = false, sources_known_ = true;
};

}  // namespace

LoadWindow read_trace_window(const std::string& path, const WindowNeeds& needs, int gpus) {
  const Spot spot{.source = text_source("trace", path, true)};
  const std::filesystem::path file = find_file(path, spot, "traces");
  WindowSink sink(needs, gpus);
  if (is_hdf5(file)) {
    Hdf5Trace(file, path, spot).replay(sink);
  } else {
    convert_trace({{.path = file, .shown = path}}, {}, sink);
  }
  return sink.result();
}

}  // namespace moesim
