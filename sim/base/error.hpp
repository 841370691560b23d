// A user's mistake, with its place: `file:line:col: error: …`, the source line, a caret, a hint.
//
// Readers collect the mistakes of a file in a `Mistakes` and throw them together as one InputError,
// so that a user sees them all (up to 20) in one go.
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// A text that was read: a file, or a flag such as `--set a.b=c`.
struct SourceText {
  std::string name;                // as shown in a message
  std::vector<std::string> lines;  // without line ends
  std::string directory;  // relative paths in the text start here; empty: working directory
  bool is_flag = false;   // from the command line: it overrides what a file says
};

// A place in a source. Lines and columns (in bytes) count from 1; 0 = the source as a whole.
struct Spot {
  std::shared_ptr<const SourceText> source;
  int line = 0;
  int column = 0;
};

struct Mistake {
  Spot spot;
  std::string message;
  std::string hint;  // may be empty
};

// Thrown for bad input; the program exits with 2.
class InputError : public std::exception {
 public:
  explicit InputError(std::vector<Mistake> mistakes);
  InputError(Spot spot, std::string message, std::string hint = {});

  const char* what() const noexcept override { return text_.c_str(); }
  const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<Mistake> mistakes_;
  std::string text_;
};

// Collects the mistakes of one input.
class Mistakes {
 public:
  static constexpr std::size_t kLimit = 20;  // shown; the rest is counted

  void add(Spot spot, std::string message, std::string hint = {});
  void add(const InputError& error);
  void add(const Mistakes& others);
  bool empty() const { return mistakes_.empty(); }
  // Throws InputError with all of them, in the order of their places, if there are any.
  void throw_if_any() const;

 private:
  std::vector<Mistake> mistakes_;
};

// The text of one mistake, without a line end after it.
std::string format_mistake(const Mistake& mistake);

// "did you mean 'x'?" for the one known name that `name` begins or the one nearest to it, or the
// list of names if none is near; empty where there are no names.
std::string hint_for(std::string_view name, const std::vector<std::string>& known);

}  // namespace moesim
