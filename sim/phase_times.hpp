// Divides a stretch of one GPU's time among the phases, and says how much of its communication
// kernels hide.
#pragma once

#include <vector>

#include "sim/model/run_result.hpp"

namespace moesim {

// A kernel of the GPU, a time in which communication of it was under way, or its host's work.
struct PhaseInterval {
  double begin = 0, end = 0;  // seconds
  int stream = 0;             // as a Span's
  Phase phase = Phase::kWait;
};

// Whether time of the phase is a GPU's communication; whether it is work of kernels.
bool communicates(Phase phase);
bool is_work(Phase phase);

// Each instant of [from, to] belongs to the running kernel of the first stream, else to the
// communication that began first, else to the host, else to the wait: sums to `to` − `from`.
PhaseSeconds divide_time(const std::vector<PhaseInterval>& intervals, double from, double to);

// As CommunicationRecord, of one GPU in [from, to].
CommunicationRecord communication_in(const std::vector<PhaseInterval>& intervals, double from,
                                     double to);

}  // namespace moesim
