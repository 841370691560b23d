// What a gate did to the routes of a layer, or of many layers and steps.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct GateRecord {
  std::int64_t layers = 0;           // that are summed up here; 0 = the trace's routes, unchanged
  std::int64_t tokens = 0;           // (token, layer) pairs
  std::int64_t routes = 0;           // asked for, of experts that compute
  std::int64_t free_routes = 0;      // to experts that cost nothing
  std::int64_t unrouted_tokens = 0;  // that ask for no expert
  std::int64_t compared = 0;         // routes of the trace, where it has ids
  std::int64_t changed = 0;          // of them, those that the gate does not have
  double weight = 0;                 // summed over routes
  // Auxiliary losses with coefficient 1, summed over layers; the names are the same in all layers.
  std::vector<std::pair<std::string, double>> losses = {};
};

void add(GateRecord& sum, const GateRecord& other);

}  // namespace moesim
