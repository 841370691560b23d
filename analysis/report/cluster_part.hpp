// A drawing of the cluster with how much its links are used, as a part of a report:
//   nodes[]   {name, switch, gpus[] {name, out, in, bytes}, nics[] {name, out, in, bytes, leaf}}
//   leaves[]  {name, up, down, bytes}
// `out`, `in`, `up` and `down` are shares of the time (0–1); null: no traffic can fill that link,
// or there is none. `switch`: GPUs of the node meet in an NVSwitch. `leaf` is an index. GPUs, and
// NICs, of a node that has only some of them are those there are.
#pragma once

#include <string>

#include "analysis/json.hpp"
#include "analysis/report/csv_columns.hpp"

namespace moesim {

// From links.csv. `of` goes on with the title: " of prefill". Of a pool, nodes that its steps send
// nothing to or from are left out.
Json cluster_part(const CsvColumns& links, const std::string& of = "");

}  // namespace moesim
