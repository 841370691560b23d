// How long the prompts, or the answers, of a class of requests are: a plug-in of `lengths` with a
// mean of its own.
#pragma once

#include <memory>
#include <string>

#include "sim/lengths/lengths.hpp"

namespace moesim {

class TokenLengths {
 public:
  // Reads `1000`, or `{kind: lognormal, cv: 1, mean: 1000, minimum: 16, maximum: 8192}` with any
  // kind of `lengths`. `what` names the section in messages. A reader that added mistakes is not to
  // be used.
  TokenLengths(const YamlNode& section, const std::string& what, Mistakes& mistakes);

  // Tokens, ≥ 1.
  int draw(Rng rng) const;

 private:
  std::shared_ptr<const Lengths> lengths_;
  double mean_ = 0;
  double minimum_ = 1, maximum_ = 0;
};

}  // namespace moesim
