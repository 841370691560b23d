// Which calibration a measured row is predicted with: the one of its system and framework.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/calibration/calibration.hpp"

namespace moesim {

// Calibrations by (system, framework), read once; or the given ones for every row.
class SystemCalibrations {
 public:
  explicit SystemCalibrations(std::vector<Calibration> given) : given_(std::move(given)) {}

  struct Found {
    std::vector<Calibration> calibrations;  // empty: `reason` says why
    GpuSpec gpu;                            // to predict for
    BytesPerSecond nvlink, nic;
    std::string reason;
  };
  const Found& of(const std::string& system, const std::string& framework);

  std::vector<std::string> names() const { return {names_.begin(), names_.end()}; }

 private:
  Found find(const std::string& system, const std::string& framework);
  std::vector<Calibration> given_;
  std::map<std::pair<std::string, std::string>, Found> found_;
  std::set<std::string> names_;
};

}  // namespace moesim
