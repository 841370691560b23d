// The cost models that rows of a table are predicted with.
#pragma once

#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/calibration/calibrated_cost.hpp"
#include "sim/calibration/system_calibrations.hpp"
#include "sim/calibration/validation.hpp"

namespace moesim {

// Cost models by what chooses one.
class CostModels {
 public:
  explicit CostModels(std::vector<Calibration> given) : calibrations_(std::move(given)) {}

  const SystemCalibrations::Found& find(const std::string& system, const std::string& framework) {
    return calibrations_.of(system, framework);
  }
  const CostModel& of(const std::string& system, const std::string& framework,
                      const std::string& kernel_source) {
    auto& model = models_[fmt::format("{}|{}|{}", system, framework, kernel_source)];
    if (!model) {
      const SystemCalibrations::Found& found = find(system, framework);
      model = make_cost_model(found.calibrations, found.gpu, kernel_source);
    }
    return *model;
  }
  void report(Validation& validation) const {
    std::set<std::string> warnings;
    for (const auto& [key, model] : models_)
      for (const std::string& warning : model->warnings()) warnings.insert(warning);
    validation.warnings.assign(warnings.begin(), warnings.end());
    validation.calibrations = calibrations_.names();
  }

 private:
  SystemCalibrations calibrations_;
  std::map<std::string, std::unique_ptr<CostModel>> models_;
};

}  // namespace moesim
