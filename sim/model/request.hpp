// A request to a deployment: a prompt that comes in and an answer that goes out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/units.hpp"

namespace moesim {

// Tokens of a block of a prompt that has a hash (the blocks of Mooncake's traces).
inline constexpr int kPrefixBlock = 512;

struct Request {
  int id = 0;       // 0, 1, … in the order of arrival
  Seconds arrival;  // since the first moment of the run
  Seconds think;    // closed loop: from the end of the answer that it follows to its sending
  int input = 0;    // tokens of the prompt, ≥ 1
  int output = 0;   // tokens of the answer, ≥ 1
  int kind = 0;     // its RequestClass
  // Of the prompt's blocks of kPrefixBlock tokens: two prompts begin with the same tokens as far as
  // these are equal. The last block may be shorter. Empty: not known.
  std::vector<std::uint64_t> blocks = {};
  // Where `blocks` are not known: tokens with which an earlier prompt began, too.
  int repeated = 0;
};

struct RequestClass {
  std::string name;    // "chat"
  int priority = 0;    // lower comes first
  std::string domain;  // whose routing its tokens have; empty: the trace's own
};

// What arrives in a run.
struct RequestList {
  std::vector<Request> requests;  // in the order of arrival
  std::vector<RequestClass> classes = {RequestClass{}};
  // Not 0: a closed loop of so many users. Each sends the next request of the list when the answer
  // to his last one has ended and he has thought, and no earlier than its arrival; the first of
  // each is sent at its arrival.
  int concurrency = 0;
  std::vector<std::string> notes = {};  // things to read before trusting the numbers
};

}  // namespace moesim
