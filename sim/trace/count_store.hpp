// The steps of a recorded trace that has counts only: which are replayed, and what was counted.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/trace/hdf5_reader.hpp"

namespace moesim {

// Every (1 / share)-th block of `all` goes to `held`, the rest to `replayed`. Where that would be
// none, nothing is held.
template <class T>
void hold_out(const std::vector<T>& all, std::size_t block, double share, std::vector<T>& replayed,
              std::vector<T>& held) {
  const std::size_t period = share > 0 ? static_cast<std::size_t>(1 / share + 0.5) : 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_held = period > 0 && (i / block) % period == period - 1;
    (is_held ? held : replayed).push_back(all[i]);
  }
}

class CountStore {
 public:
  CountStore() = default;
  // Batches of different ranks with the same step belong together. Every (1 / holdout)-th step is
  // held out.
  CountStore(const Hdf5Trace& file, double holdout);

  std::size_t replayed_steps() const { return replayed_.size(); }
  // Routes per expert of one layer: of a replayed step, and of the profiling window (all steps
  // where none is held out).
  std::vector<double> counts(const Hdf5Trace& file, std::size_t step, int layer) const;
  std::vector<double> window_counts(const Hdf5Trace& file, int layer) const;

 private:
  using Step = std::vector<std::int64_t>;  // its batches
  static void add(const Hdf5Trace& file, const Step& step, int layer, std::vector<double>& sum);

  std::vector<Step> replayed_, held_;
};

}  // namespace moesim
