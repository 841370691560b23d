// Runs `moesim-profile`, the program beside ours that holds the kernels (kernels/).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace moesim {

// Where it is: beside the running program. Throws InputError where it was not built.
std::filesystem::path measuring_program();

// Runs it to its end on our terminal and returns its exit code; 128 + the signal that ended it. An
// interrupt from the keyboard is left to it.
int run_measuring_program(const std::vector<std::string>& arguments);

// Runs it and returns what it prints on stdout. Throws InputError where it fails.
std::string ask_measuring_program(const std::vector<std::string>& arguments);

}  // namespace moesim
