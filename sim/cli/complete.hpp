// What could come next on a command line, from the declared flags, plug-ins and keys: one answer
// for every shell.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Suggestion {
  std::string word;  // the whole word, "--color=auto"; one that ends in "=" goes on
  std::string doc;   // one line, may be empty
};

struct Completion {
  std::vector<Suggestion> words;
  enum class Files { kNone, kAny, kScenarios, kDirectories } files = Files::kNone;
};

// Of the last word of a line that starts with the program's name; an empty word after a blank.
// Quotes and backslashes are taken as shells take them.
Completion complete(const std::string& line);

}  // namespace moesim
