#include "sim/trace/trace_load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "sim/base/presets.hpp"
#include "sim/base/yaml.hpp"
#include "sim/trace/convert.hpp"
#include "sim/trace/hdf5_reader.hpp"

namespace moesim {
namespace {

class LoadCounter final : public TraceSink {
 public:
  explicit LoadCounter(const std::vector<std::string>& domains) : wanted_(domains) {}

  void begin(const TraceHeader& header) override {
    load_.header = header;
    load_.counts = ExpertLoad(header.layer_count(), header.experts);
    is_wanted_.assign(header.domains.size(), wanted_.empty());
    for (const std::string& name : wanted_) {
      const auto found = std::find(header.domains.begin(), header.domains.end(), name);
      if (found == header.domains.end())
        throw InputError({.source = text_source("--domain", name, true)},
                         fmt::format("the trace has no domain '{}'", name),
                         hint_for(name, header.domains));
      is_wanted_[static_cast<std::size_t>(found - header.domains.begin())] = true;
    }
  }

  void tokens(const TokenBatch& batch) override {
    steps_.insert(batch.step);
    const std::size_t k = static_cast<std::size_t>(load_.header.top_k);
    const std::size_t layers = load_.header.layers.size();
    for (std::size_t token = 0; token < static_cast<std::size_t>(batch.tokens); ++token) {
      if (!wanted_.empty() && !takes(batch.domains[token])) continue;
      ++load_.tokens;
      for (std::size_t route = token * layers * k; route < (token + 1) * layers * k; ++route)
        if (batch.ids[route] >= 0)
          ++load_.counts(LayerId(route / k % layers), ExpertId(static_cast<int>(batch.ids[route])));
    }
  }

  void counts(const CountBatch& batch) override {
    // Where the tokens are there too, they are what was counted.
    if (load_.tokens > 0) return;
    steps_.insert(batch.step);
    for (std::size_t i = 0; i < batch.counts.size(); ++i)
      load_.counts.raw()[i] += static_cast<double>(batch.counts[i]);
  }

  void record(const std::string&) override {}
  void finish() override {}

  TraceLoad result() {
    load_.steps = std::ssize(steps_);
    return std::move(load_);
  }

 private:
  bool takes(std::int16_t domain) const {
    return domain >= 0 && is_wanted_[static_cast<std::size_t>(domain)];
  }

  std::vector<std::string> wanted_;
  std::vector<bool> is_wanted_;
  std::set<std::int64_t> steps_;
  TraceLoad load_;
};

}  // namespace

TraceLoad read_trace_load(const std::string& path, const std::vector<std::string>& domains) {
  const Spot spot{.source = text_source("trace", path, true)};
  const std::filesystem::path file = find_file(path, spot, "traces");
  LoadCounter counter(domains);
  if (is_hdf5(file)) {
    Hdf5Trace(file, path, spot).replay(counter);
  } else {
    convert_trace({{.path = file, .shown = path}}, {}, counter);
  }
  return counter.result();
}

}  // namespace moesim
