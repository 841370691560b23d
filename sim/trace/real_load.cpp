// `real_load`: measured popularity of experts per layer, from a small JSON or CSV file
// (sim/trace/load_file.hpp says which forms).
//
// Where the file has fewer layers than the model, its layers are spread over the model's, first to
// first and last to last. A layer in between takes its popularity by rank, between those of its
// measured neighbours; which expert has which rank is drawn, for the experts of two layers have
// nothing to do with each other.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <numeric>

#include "sim/base/presets.hpp"
#include "sim/trace/load_file.hpp"
#include "sim/trace/popularity_trace.hpp"

namespace moesim {
namespace {

std::vector<double> shares_of(std::span<const double> counts) {
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  std::vector<double> shares;
  for (const double count : counts) shares.push_back(count / total);
  return shares;
}

class RealLoad final : public PopularityTrace {
 public:
  explicit RealLoad(const Arguments& arguments)
      : PopularityTrace(arguments), arguments_(arguments) {}

  void fit(const MoeModel& model, Mistakes& mistakes) override {
    PopularityTrace::fit(model, mistakes);
    try {
      const std::filesystem::path path = arguments_.existing_file("path");
      choose(read_measured_loads(path, shown_path(path)), model);
    } catch (const InputError& error) {
      mistakes.add(error);
    }
  }

  std::vector<std::string> notes() const override { return notes_; }

 protected:
  std::vector<double> popularity(LayerId layer, StepId, const Random& random) const override {
    const double place = place_of(layer);
    const auto above = std::lower_bound(measured_.begin(), measured_.end(), place - 1e-9);
    const std::size_t next = static_cast<std::size_t>(above - measured_.begin());
    if (std::fabs(*above - place) < 1e-9) return shares_of(counts_.row(LayerId(next)));
    const double fraction = (place - measured_[next - 1]) / (measured_[next] - measured_[next - 1]);
    std::vector<double> low = shares_of(counts_.row(LayerId(next - 1)));
    std::vector<double> high = shares_of(counts_.row(LayerId(next)));
    std::sort(low.begin(), low.end(), std::greater<>());
    std::sort(high.begin(), high.end(), std::greater<>());
    const std::vector<int> order = expert_order(experts(), random, layer);
    std::vector<double> shares(order.size());
    for (std::size_t rank = 0; rank < order.size(); ++rank)
      shares[static_cast<std::size_t>(order[rank])] =
          low[rank] + fraction * (high[rank] - low[rank]);
    return shares;
  }

 private:
  // Where a layer of the model lies among the measured ones.
  double place_of(LayerId layer) const {
    if (layers() == 1) return measured_.front();
    return measured_.front() +
           layer.value * (measured_.back() - measured_.front()) / (layers() - 1);
  }

  bool is_asked_for(const std::string& parameter, const std::string& value) const {
    return !arguments_.has(parameter) || arguments_.text(parameter) == value;
  }

  // Adds up the cases that `model` and `domain` leave and that have the model's number of experts.
  void choose(const std::vector<MeasuredLoad>& loads, const MoeModel& model) {
    std::vector<const MeasuredLoad*> named, fitting;
    std::vector<std::string> names, sizes;
    for (const MeasuredLoad& load : loads) {
      names.push_back(fmt::format("{}/{}", load.model, load.domain));
      if (!is_asked_for("model", load.model) || !is_asked_for("domain", load.domain)) continue;
      named.push_back(&load);
      sizes.push_back(std::to_string(load.counts.columns()));
      if (load.counts.columns() == static_cast<std::size_t>(model.experts))
        fitting.push_back(&load);
    }
    if (named.empty())
      throw InputError(
          arguments_.spot(arguments_.has("domain") ? "domain" : "model"),
          fmt::format("no case of '{}' has this model and domain", arguments_.text("path")),
          fmt::format("model/domain: {}", fmt::join(names, ", ")));
    if (fitting.empty()) {
      std::sort(sizes.begin(), sizes.end());
      sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
      throw InputError(
          arguments_.spot("path"),
          fmt::format("'{}' was measured with {} experts, but {} has {}", arguments_.text("path"),
                      fmt::join(sizes, " or "), model.name, model.experts));
    }
    for (const MeasuredLoad* load : fitting)
      if (load->model != fitting.front()->model || load->layers != fitting.front()->layers)
        throw InputError(arguments_.spot("path"),
                         fmt::format("'{}' has several models with {} experts",
                                     arguments_.text("path"), model.experts),
                         "say which with 'model' (and 'domain')");
    counts_ = fitting.front()->counts;
    for (std::size_t i = 1; i < fitting.size(); ++i)
      std::transform(counts_.raw().begin(), counts_.raw().end(), fitting[i]->counts.raw().begin(),
                     counts_.raw().begin(), std::plus<>());
    measured_.assign(fitting.front()->layers.begin(), fitting.front()->layers.end());
    write_notes(fitting);
  }

  void write_notes(const std::vector<const MeasuredLoad*>& fitting) {
    if (fitting.size() > 1)
      notes_.push_back(fmt::format("trace: the {} domains of {} are added up", fitting.size(),
                                   fitting.front()->model));
    int interpolated = 0;
    for (const LayerId layer : IdRange<LayerId>(layers())) {
      const double place = place_of(layer);
      interpolated += std::none_of(measured_.begin(), measured_.end(),
                                   [&](double at) { return std::fabs(at - place) < 1e-9; });
    }
    if (interpolated > 0)
      notes_.push_back(fmt::format(
          "trace: the popularity of {} of {} layers is interpolated between {} measured ones",
          interpolated, layers(), measured_.size()));
  }

  Arguments arguments_;
  std::vector<double> measured_;  // layers of the recorded model, ascending
  ExpertLoad counts_;             // [measured layers × experts]
  std::vector<std::string> notes_;
};

const Register<Trace, RealLoad> kRealLoad{
    {.name = "real_load",
     .summary = "measured popularity of experts per layer, from a JSON or CSV file",
     .parameters = with_spread({{.name = "path",
                                 .type = ParameterType::kPath,
                                 .doc = "loads per layer and expert (scenarios/README.md)",
                                 .required = true},
                                {.name = "model",
                                 .type = ParameterType::kText,
                                 .doc = "which of the file's models, where it has several"},
                                {.name = "domain",
                                 .type = ParameterType::kText,
                                 .doc = "which of the file's domains; without it, their sum"}})}};

}  // namespace
}  // namespace moesim
