// In which order the requests that wait at a rank are admitted.
#pragma once

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/request.hpp"

namespace moesim {

struct QueuedRequest {
  const Request& request;
  int priority = 0;  // of its class; lower comes first
  int cached = 0;    // tokens of its prompt that the rank's prefix cache has now; if asked for
  Random random = Random(0);
};

class QueueOrder {
 public:
  static constexpr const char* kRole = "queue";
  virtual ~QueueOrder() = default;
  // The smallest key is admitted first; of equal ones the one that arrived first.
  virtual double key(const QueuedRequest& queued) const = 0;
  // Keys follow the prefix cache while at most so many requests wait at the rank; while more do,
  // the order is that of arrival. 0: keys never change.
  virtual int follows_cache() const { return 0; }
};

}  // namespace moesim
