#include "sim/engine/flow_table.hpp"

#include "sim/base/check.hpp"

namespace moesim {

void FlowTable::take_run() {
  if (free_runs_.empty()) {
    free_runs_.push_back(static_cast<FlowId>(run_users_.size()));
    run_users_.push_back(0);
    flows_.resize(flows_.size() + kRun);
    left.resize(flows_.size());
    rate.resize(flows_.size());
  }
  next_ = free_runs_.back() * kRun;
  run_end_ = next_ + kRun;
  run_users_[free_runs_.back()] = kRun;
  free_runs_.pop_back();
}

FlowId FlowTable::add(std::span<const int> links, const FlowTag& tag,
                      std::span<const FlowPart> parts, int batch) {
  MOESIM_CHECK(!links.empty() && !parts.empty(), "a flow has a path and something to carry");
  const FlowId id = take_slot();
  Flow& flow = flows_[id];
  flow.tag = tag;
  flow.tag.target = parts.front().target;
  flow.tag.queue = parts.front().queue;
  flow.batch = batch;
  left[id] = parts.front().bytes;
  if (links.size() == 2 && parts.size() == 1) {
    flow.links = {links[0], links[1]};
  } else {
    make_bundle(flow, links, parts);
  }
  return id;
}

void FlowTable::make_bundle(Flow& flow, std::span<const int> links,
                            std::span<const FlowPart> parts) {
  if (free_bundles_.empty()) {
    free_bundles_.push_back(static_cast<int>(bundles_.size()));
    bundles_.emplace_back();
  }
  flow.links = {kBundle, free_bundles_.back()};
  free_bundles_.pop_back();
  Bundle& bundle = bundles_[static_cast<std::size_t>(flow.links[1])];
  bundle.links.assign(links.begin(), links.end());
  bundle.parts.assign(parts.begin(), parts.end());
  bundle.part = 0;
}

}  // namespace moesim
