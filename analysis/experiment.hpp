// Runs variants of a scenario, each in a forked child of its own.
//
// SimGrid's clock and tables are static, so one process simulates once; and a variant that crashes
// takes nobody with it. A child hands one serialized document back through a pipe. Documents come
// in the order of the variants, whatever the number of jobs.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct Variant {
  std::string name;
  // Runs in the child. May throw InputError; anything else that is thrown is a bug.
  std::function<std::string()> run;
};

struct Outcome {
  std::string document;
  int exit_code = 0;        // 0, 2 (bad input) or 70 (a bug, a crash)
  int signal = 0;           // that ended the child, if one did
  std::string error;        // what to print; empty where exit_code is 0
  std::string diagnostics;  // what the child wrote to stderr
};

struct ExperimentOptions {
  int jobs = 1;
  // Children write to our stderr, for a progress line. Otherwise what they write there is kept in
  // the outcome. What they write to stdout counts as stderr.
  bool share_stderr = false;
  // In the parent, as children end; the number of variants that have ended.
  std::function<void(int)> on_done = {};
  // In the parent, as a child ends: the number of its variant, and what became of it. The document
  // is then not kept for the end.
  std::function<void(std::size_t, const Outcome&)> on_outcome = {};
};

// The user pressed Ctrl-C: the children are gone, `main` exits with 130.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// A variant failed; `main` prints what() and exits with exit_code().
class VariantFailed : public std::exception {
 public:
  VariantFailed(int exit_code, std::string text) : exit_code_(exit_code), text_(std::move(text)) {}
  int exit_code() const { return exit_code_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  int exit_code_;
  std::string text_;
};

// One outcome per variant, in their order. Throws Interrupted.
std::vector<Outcome> run_variants(const std::vector<Variant>& variants,
                                  const ExperimentOptions& options);

// Throws VariantFailed for the first outcome, in order, that failed.
void throw_if_failed(const std::vector<Outcome>& outcomes);

}  // namespace moesim
