// The sections that every scenario may have, and that choose a plug-in.
#include "sim/read_scenario.hpp"

namespace moesim {

const std::vector<PluginSection>& plugin_sections() {
  static const std::vector<PluginSection> sections = {
      {"lengths", "fixed"},
      {"trace", ""},
      {"gate", "as_recorded"},
      {"capacity", "none"},
      {"placement", "linear"},
      {"replica", "round_robin_flat"},
      {"exchange", "direct_dedup"},
      {"overlap", "none"},
      {"rebalance", "none"},
      {"step_placement", "none", false},
      {"cache", "none", false},
      {"prefetch", "none", false},
      {"schedule", "one_f_one_b", false},
  };
  return sections;
}

}  // namespace moesim
