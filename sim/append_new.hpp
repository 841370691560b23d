// Lists of texts in which nothing stands twice.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace moesim {

inline void append_new(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& text : more)
    if (std::find(all.begin(), all.end(), text) == all.end()) all.push_back(text);
}

}  // namespace moesim
