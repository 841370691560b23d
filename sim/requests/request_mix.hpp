// What generated requests are, whenever they come: classes with their shares, how long prompts and
// answers are, and what prompts of a class have in common.
//
// A request's draws depend on the seed and its number alone: its class, prompt, answer and prefix
// each have a stream of their own. So a run at another rate, or with other answers, has the same
// prompts (paired comparison).
#pragma once

#include <vector>

#include "sim/base/parameter.hpp"
#include "sim/base/random.hpp"
#include "sim/model/request.hpp"
#include "sim/requests/token_lengths.hpp"

namespace moesim {

// The tokens that prompts begin with: a system prompt. They come before those of `input`. The
// prefix cache knows whole blocks of kPrefixBlock.
struct SharedPrefix {
  int tokens = 0;
  double share = 1;  // of the requests that have one
  int prompts = 1;   // so many different ones, all as likely
};

struct GeneratedClass {
  RequestClass info;
  // In proportion to those of the other classes. Several: at moments that divide the run evenly,
  // linear between them.
  std::vector<double> shares;
  TokenLengths input, output;
  SharedPrefix prefix;
};

class RequestMix {
 public:
  // `input`, `output`, `prefix`, `classes`: for a plug-in's declaration.
  static std::vector<Parameter> parameters();

  // Throws InputError with all mistakes of these sections.
  explicit RequestMix(const Arguments& arguments);

  // All but its arrival. `progress`: of the run, 0 to 1, when it arrives.
  Request request(int id, double progress, Random random) const;
  std::vector<RequestClass> classes() const;

 private:
  int draw_class(double progress, Rng rng) const;
  std::vector<GeneratedClass> classes_;
  bool hashed_ = false;  // some prompts have a prefix in common: all have hashes
};

}  // namespace moesim
