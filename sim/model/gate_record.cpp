#include "sim/model/gate_record.hpp"

#include "sim/base/check.hpp"

namespace moesim {

void add(GateRecord& sum, const GateRecord& other) {
  sum.layers += other.layers;
  sum.tokens += other.tokens;
  sum.routes += other.routes;
  sum.free_routes += other.free_routes;
  sum.unrouted_tokens += other.unrouted_tokens;
  sum.compared += other.compared;
  sum.changed += other.changed;
  sum.weight += other.weight;
  if (sum.losses.empty()) {
    sum.losses = other.losses;
    return;
  }
  MOESIM_CHECK(other.losses.empty() || other.losses.size() == sum.losses.size(),
               "a gate has the same losses in all layers");
  for (std::size_t i = 0; i < other.losses.size(); ++i)
    sum.losses[i].second += other.losses[i].second;
}

}  // namespace moesim
