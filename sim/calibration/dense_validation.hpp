// Predicts rows of the tables of dense_table.hpp.
#pragma once

#include <vector>

#include "sim/calibration/dense_table.hpp"
#include "sim/calibration/validation_models.hpp"

namespace moesim {

// Appends a comparison for each kernel of the row.
void compare_dense(const MeasuredTable& table, std::size_t index, CostModels& models,
                   std::vector<Comparison>& comparisons);

}  // namespace moesim
