// Rows of the tables `moe_kernel_*.csv`: one call of a framework's fused MoE module each.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/calibration/measured_table.hpp"
#include "sim/calibration/table_load.hpp"
#include "sim/model/cost_model.hpp"

namespace moesim {

struct MoeRow {
  std::string system, framework, kernel_source, distribution;
  std::string dtype_name;                             // as in the table
  std::optional<DType> dtype;                         // none: a type we do not know
  int hidden = 0, width = 0, top_k = 0, experts = 0;  // width: of the whole expert
  int tp = 1, ep = 1, tokens = 0;
  int matrices = 3;
  Seconds measured;

  LoadShape load() const { return {tokens, experts, top_k, ep}; }
  bool balanced() const { return distribution == "balanced"; }
};

// Whether the table has the columns of a fused MoE kernel.
bool is_moe_table(const MeasuredTable& table);
MoeRow read_moe_row(const MeasuredTable& table, std::size_t row);

// Why the row cannot be predicted; empty if it can.
std::string unusable_reason(const MoeRow& row);

// Groups of rows to leave out: a table with the columns of `moe_kernel_suspect_groups.csv`.
class SuspectGroups {
 public:
  SuspectGroups() = default;
  explicit SuspectGroups(const MeasuredTable& table);
  // The group of the row, in its distribution only.
  void add(const MoeRow& row);
  bool contain(const MoeRow& row) const;
  std::size_t size() const { return groups_.size(); }

 private:
  std::set<std::string> groups_;
};

// Rows of each local expert of rank 0, for a balanced row the one load, for a power law independent
// draws. Kept, because many rows share a load.
class TableLoads {
 public:
  // Power-law draws depend on the seed and the row's shape only.
  TableLoads(std::uint64_t seed, int draws) : seed_(seed), draws_(draws) {}
  // [draws][local experts]. The row must be usable.
  const std::vector<std::vector<int>>& of(const MoeRow& row);

 private:
  std::uint64_t seed_;
  int draws_;
  std::map<std::pair<std::string, LoadShape>, std::vector<std::vector<int>>> loads_;
};

// What the kernel is asked for in a draw.
ExpertWork expert_work(const MoeRow& row, const std::vector<int>& rows_of_expert);

}  // namespace moesim
