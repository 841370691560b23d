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
  flow.batch = batch;
  flow.group = -1;
  left[id] = flow.bytes = parts.front().bytes;
  set_links(flow, links);
  if (parts.size() > 1 || parts.front().queue >= 0) set_parts(flow, parts);
  return id;
}

void FlowTable::set_links(Flow& flow, std::span<const int> links) {
  flow.count = static_cast<int>(links.size());
  if (flow.count <= kShort) {
    std::copy(links.begin(), links.end(), flow.links.begin());
    return;
  }
  MOESIM_CHECK(flow.count <= kLong, "a route has a largest length");
  if (free_long_paths_.empty()) {
    free_long_paths_.push_back(static_cast<int>(long_paths_.size()));
    long_paths_.emplace_back();
  }
  flow.links[0] = free_long_paths_.back();
  free_long_paths_.pop_back();
  std::copy(links.begin(), links.end(),
            long_paths_[static_cast<std::size_t>(flow.links[0])].begin());
}

void FlowTable::set_parts(Flow& flow, std::span<const FlowPart> parts) {
  if (free_groups_.empty()) {
    free_groups_.push_back(static_cast<int>(groups_.size()));
    groups_.emplace_back();
  }
  flow.group = free_groups_.back();
  free_groups_.pop_back();
  Group& group = groups_[static_cast<std::size_t>(flow.group)];
  group.parts.assign(parts.begin(), parts.end());
  group.part = 0;
}

void FlowTable::end(FlowId id) {
  left[id] = 0;
  if (has_group(id)) free_groups_.push_back(flows_[id].group);
  if (flows_[id].count > kShort) free_long_paths_.push_back(flows_[id].links[0]);
}

}  // namespace moesim
