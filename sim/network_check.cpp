#include "sim/network_check.hpp"

#include <algorithm>

#include "sim/hot_spots.hpp"

namespace moesim {
namespace {

constexpr int kSampleLayers = 4;

// The layers of the sample, behind a barrier.
class SampleProducer final : public Producer {
 public:
  SampleProducer(const Scenario& scenario, const LayerBuilder& builder, const Placement& placement)
      : scenario_(scenario), builder_(builder), placement_(placement) {}

  std::optional<TaskGraph> next() final {
    const int layers = scenario_.model.layers, count = std::min(kSampleLayers, layers);
    if (fragment_ > count) return std::nullopt;
    if (fragment_++ == 0) return barrier(scenario_.cluster->gpus());
    const int layer = (layers - count) / 2 + fragment_ - 2;
    return builder_.build_alone(0, layer, placement_, nullptr);
  }
  void done(int, int, GpuId, Seconds) final {}
  void fragment_done(int fragment, Seconds time) final {
    if (fragment == 0) begin_ = time;
    end_ = time;
  }
  void span(const Span&) final {}

  Seconds time() const { return end_ - begin_; }

 private:
  const Scenario& scenario_;
  const LayerBuilder& builder_;
  const Placement& placement_;
  int fragment_ = 0;
  Seconds begin_, end_;
};

}  // namespace

double network_error(Engine& engine, const Scenario& scenario, const LayerBuilder& builder,
                     const Placement& placement) {
  SampleProducer simplified(scenario, builder, placement);
  engine.add(simplified);
  engine.run();
  NetworkOptions options = scenario.network;
  options.fidelity = Fidelity::kFluid;
  engine.change_network(options);
  SampleProducer fluid(scenario, builder, placement);
  engine.add(fluid);
  engine.run();
  return simplified.time() / fluid.time() - 1;
}

}  // namespace moesim
