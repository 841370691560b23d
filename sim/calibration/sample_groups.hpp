// Which measured samples a fit for one system goes to.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Samples by key: the system's own; of keys that it has none of, those of other systems that cross
// nodes, where the NICs matter and not the GPU. `key_of` gives none for a sample to pass over.
template <class Sample, class KeyOf>
auto group_samples(std::span<const Sample> samples, const std::string& system, KeyOf key_of) {
  using Key = typename decltype(key_of(samples.front()))::value_type;
  std::map<Key, std::vector<const Sample*>> own, others;
  for (const Sample& sample : samples) {
    const auto key = key_of(sample);
    if (!key) continue;
    if (sample.system == system)
      own[*key].push_back(&sample);
    else if (sample.crosses_nodes())
      others[*key].push_back(&sample);
  }
  for (auto& [key, group] : others) own.try_emplace(key, std::move(group));
  return own;
}

}  // namespace moesim
