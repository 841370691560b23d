// Reads the section `parallel`: how the GPUs share the model.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/model/grid.hpp"
#include "sim/model/moe_model.hpp"

namespace moesim {

struct GridSection {
  std::shared_ptr<const Grid> grid;                         // none where there are mistakes
  std::vector<std::pair<std::string, std::string>> chosen;  // keys whose value was left to us
};

// `chunks`: parts of the model that a stage has, one way through it. Adds what does not divide the
// cluster's GPUs, or the model's heads and widths, to `mistakes`.
GridSection read_grid(const Arguments& parallel, const MoeModel& model,
                      const std::shared_ptr<const Cluster>& cluster, int chunks,
                      Mistakes& mistakes);

}  // namespace moesim
