// Which requests arrive, and when.
#pragma once

#include <vector>

#include "sim/base/random.hpp"
#include "sim/base/registry.hpp"
#include "sim/model/request.hpp"

namespace moesim {

class RequestSource {
 public:
  static constexpr const char* kRole = "requests";
  virtual ~RequestSource() = default;
  // All requests of a run. Throws InputError where a file does not say what it should.
  virtual RequestList requests(Random random) const = 0;
  // Those of that list.
  virtual std::vector<RequestClass> classes() const = 0;
};

}  // namespace moesim
