// Where the time of the steps went, as differences: the same draws simulated again without a cause.
//
// What a step would be without one cause says what the cause costs as things stand. The
// differences do not add up: two causes that hide behind each other save nothing one by one, and
// two that share an instant (a slow kernel that is also the loaded one) count it twice. So all
// causes are taken out together once more, and the gap to the sum is stated.
#pragma once

#include <string>
#include <vector>

#include "analysis/json.hpp"
#include "analysis/screen.hpp"
#include "sim/model/counterfactual.hpp"

namespace moesim {

struct Cause {
  std::string name;  // key in documents
  std::string text;  // "with balanced loads"
  Counterfactual without;
};

// Each cause alone, then all at once.
const std::vector<Cause>& causes();

// Seconds of each measured step: as it was, and [causes][steps].
struct Blame {
  std::vector<double> steps;
  std::vector<std::vector<double>> without;
};

// The `blame` of summary.json.
Json blame_json(const Blame& blame);
// For the terminal: a line per cause, and one on how they interact.
std::string blame_table(const Blame& blame, const Screen& screen);

}  // namespace moesim
