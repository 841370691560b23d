// Which experts stay in a GPU's memory when not all of them fit.
//
// A policy only says what a cached expert is worth; who drives it (sim/cache/expert_cache.hpp)
// keeps the slots, and lets the one that is worth least make room.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/base/ids.hpp"
#include "sim/base/registry.hpp"

namespace moesim {

struct ExpertKey {
  LayerId layer;
  ExpertId expert;
  constexpr auto operator<=>(const ExpertKey&) const = default;
};

// Turns are the MoE layers of all steps, counted from 0: in a turn a layer's experts are used.
using Turn = std::int64_t;
inline constexpr Turn kNever = INT64_MAX;

// Where a run is, on one GPU.
struct CacheMoment {
  Turn turn = 0;
  StepId step;
  LayerId layer;
  int layers = 0, experts = 0;  // of the model: MoE layers, experts of each
  double uses = 0;              // of all cached experts, as CachedExpert counts them
};

struct CachedExpert {
  ExpertKey key;
  Turn last_use = 0;       // or when it came, until it is used
  int uses = 0;            // turns since it came
  Turn next_use = kNever;  // after this one; only for a policy that foresees
};

// State is what a policy remembers of the uses; one object for each GPU.
class Cache {
 public:
  static constexpr const char* kRole = "cache";
  virtual ~Cache() = default;
  // Every expert has its place: nothing is ever fetched.
  virtual bool idle() const { return false; }
  // Asks for next_use.
  virtual bool foresees() const { return false; }
  // A newcomer that is worth no more than the others is used and not kept.
  virtual bool refuses() const { return false; }
  // The cache begins with the experts that a profile asks for most.
  virtual bool starts_hot() const { return false; }
  // An expert is used, cached or not.
  virtual void used(ExpertKey, const CacheMoment&) {}
  // The cached expert with the smallest worth goes; among equals the first by (layer, expert).
  virtual double worth(const CachedExpert& expert, const CacheMoment& now) const = 0;
};

// How many experts a GPU keeps, and what happens with the others.
enum class CacheScope { kLayer, kGpu };
enum class Miss { kFetch, kCpu, kCheaper };
struct CacheOptions {
  std::optional<int> slots;     // of a layer, or of all; none: what fits
  std::optional<Bytes> memory;  // of the slots; none: what is left
  CacheScope scope = CacheScope::kLayer;
  bool starts_hot = false;
  bool overlap = true;  // cached experts are computed while others are fetched
  Miss miss = Miss::kFetch;
  // A miss is fetched in this dtype where each of its routes has a weight below, or a rank of at
  // least, these.
  std::string low_dtype;  // empty: never
  std::optional<double> low_weight;
  std::optional<int> low_rank;
};

// The parameters of a kind with those that all kinds but `none` have: CacheOptions.
std::vector<Parameter> with_cache_options(std::vector<Parameter> own);
CacheOptions read_cache_options(const Arguments& arguments);

}  // namespace moesim
