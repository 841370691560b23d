// The host thread of each GPU that launches its kernels.
//
// With CUDA graphs one launch starts all kernels of a step, and what lies between two kernels is in
// their measured times. Without, every kernel costs the host some time, and starts no earlier than
// it has been launched; the host runs ahead of its GPU as far as it can, and waits for it at the
// end of a step, whose tokens it needs for the next. So kernels that are shorter than their launch
// leave gaps: phase `launch`, where neither a kernel nor a flow of the GPU fills them.
#pragma once

#include <vector>

#include "sim/model/launch.hpp"
#include "sim/model/task_graph.hpp"

namespace moesim {

class HostThread {
 public:
  explicit HostThread(Launching launching) : launching_(launching) {}

  // The next fragment of a producer, with what the host does for it; the numbers of its nodes stay.
  TaskGraph launch(TaskGraph graph, bool begins_step);

 private:
  void add_step_time(TaskGraph& graph) const;
  void add_launches(TaskGraph& graph, bool begins_step);

  Launching launching_;
  int last_ = -1;  // node of the fragment before: the host's last; −1: none
};

}  // namespace moesim
