#include "sim/expert_copies.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {

void CopyLane::ask_ahead(const std::vector<Copy>& copies) {
  ahead_.insert(ahead_.begin(), copies.begin(), copies.end());
}

CopyLane::Copy CopyLane::take_ahead(CopyId id) {
  const auto found = std::ranges::find_if(ahead_, [&](const Copy& copy) { return copy.id == id; });
  MOESIM_CHECK(found != ahead_.end(), "a copy that has not begun waits in its lane");
  const Copy copy = *found;
  ahead_.erase(found);
  return copy;
}

void CopyLane::promote(CopyId id) { asked_.push_back(take_ahead(id)); }

std::optional<TaskGraph> CopyLane::next() {
  std::deque<Copy>& queue = asked_.empty() ? ahead_ : asked_;
  if (stopped_ || under_way_ >= 0 || queue.empty()) return std::nullopt;
  const Copy copy = queue.front();
  queue.pop_front();
  under_way_ = copy.id;
  listener_.begun(copy.id);
  TaskGraph graph;
  graph.add(Transfer{.source = gpu_,
                     .target = gpu_,
                     .size = copy.size,
                     .phase = Phase::kOffload,
                     .from = copy.from},
            {}, "expert");
  return graph;
}

void CopyLane::fragment_done(int, Seconds) {
  const CopyId arrived = under_way_;
  under_way_ = -1;
  listener_.arrived(arrived);
  engine_->wake(*this);
}

std::optional<TaskGraph> CpuLane::next() {
  if (asked_.empty()) return std::nullopt;
  // As memory time: no loss of SMs slows it.
  Compute work{
      .time = IdVector<GpuId, KernelTime>(gpus_), .stream = kCpuStream, .phase = Phase::kOffload};
  work.time[gpu_].memory = asked_.front();
  asked_.pop_front();
  TaskGraph graph;
  graph.add(std::move(work), {}, "experts on the CPU");
  return graph;
}

}  // namespace moesim
