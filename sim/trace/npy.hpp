// Arrays in NumPy's file format, versions 1 to 3, and archives of them (.npz).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sim/base/error.hpp"

namespace moesim {

// An array [shape] of numbers or texts, row by row.
struct NpyArray {
  char kind = 'i';        // i, u, f: numbers; b: flags; U: text (UCS-4)
  std::size_t width = 0;  // bytes of an element
  std::vector<std::int64_t> shape;
  std::string data;

  std::int64_t size() const;  // elements
  // Element i as a number; texts are a bug.
  double number(std::int64_t i) const;
  std::int64_t integer(std::int64_t i) const;
  std::string text(std::int64_t i) const;  // of kind U
};

// Parses the bytes of an .npy file. Throws InputError at `spot` ("`name` …"): not NPY, cut off,
// Fortran order, big-endian, or a kind that is not listed above.
NpyArray parse_npy(std::string bytes, const std::string& name, const Spot& spot);

// The arrays of an .npz archive by name, without ".npy". Throws InputError.
std::map<std::string, NpyArray> parse_npz(const std::string& bytes, const Spot& spot);

}  // namespace moesim
