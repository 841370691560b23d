// ANSI colours, where they are asked for.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

enum class Ink { kBold, kDim, kBlue, kCyan, kYellow };

class Paint {
 public:
  explicit Paint(bool colour) : colour_(colour) {}
  bool colour() const { return colour_; }
  std::string operator()(Ink ink, std::string_view text) const;

 private:
  bool colour_ = false;
};

// A horizontal bar of `filled` columns (0 or more), in steps of an eighth.
std::string bar(double filled);

}  // namespace moesim
