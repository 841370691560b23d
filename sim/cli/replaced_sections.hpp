// What --vary sets aside without saying so: `placement=eplb` is a section of its own, and the keys
// of the file's section are gone.
#pragma once

#include <string>
#include <vector>

namespace moesim {

// A warning for each of `varied` (KEY=VALUES) that replaces a section with further keys in one of
// the scenario files. Throws InputError where a file does not read.
std::vector<std::string> replaced_sections(const std::vector<std::string>& paths,
                                           const std::vector<std::string>& varied);

}  // namespace moesim
