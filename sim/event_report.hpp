// What the events of a run did to it.
#pragma once

#include <functional>

#include "sim/event_timeline.hpp"
#include "sim/model/run_result.hpp"

namespace moesim {

// Fills in events and recoveries from the measured steps of `result`, which are complete; steps get
// the bytes of their recoveries. `timeline_at` knows the events of a step, which are always the
// same.
void report_events(const std::function<const EventTimeline&(int shown_step)>& timeline_at,
                   std::vector<RecoveryRecord> recoveries, RunResult& result);

}  // namespace moesim
