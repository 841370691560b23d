// The text of the InputError that a call throws; "no error" where it throws none.
#pragma once

#include <string>

#include "sim/base/error.hpp"

namespace moesim {

template <class Call>
std::string mistake_of(const Call& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace moesim
