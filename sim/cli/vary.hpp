// --vary KEY=VALUES: one scenario, many variants.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Vary {
  std::string key;                  // "placement.redundant"
  std::vector<std::string> values;  // as --set takes them
};

// `KEY=a,b,c` (commas within {} and [] do not part), `KEY=LO:HI:STEP` (LO, LO + STEP, … up to HI)
// or `KEY=LO:HI:xK` (LO, LO · K, …). Throws InputError with the place.
Vary parse_vary(const std::string& text);

// One assignment `KEY=VALUE` of each, in every combination; the last one changes fastest. One empty
// combination of none.
std::vector<std::vector<std::string>> combinations(const std::vector<Vary>& varied);

}  // namespace moesim
