// A forked process that runs one variant and hands its document back.
//
// The document comes as one frame: eight bytes that say how long it is, then the bytes; so a child
// that dies while it writes is not taken for one that is done.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "analysis/experiment.hpp"

namespace moesim {

class Child {
 public:
  // Forks. The child has the signal mask `mask` and default handlers. Throws std::system_error
  // where the system has no more processes or files.
  Child(const Variant& variant, bool share_stderr, const sigset_t& mask);
  ~Child();  // kills the process if it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The pipes that are still open, to wait on.
  void add_pipes(std::vector<pollfd>& pipes) const;
  // Reads what has come, without waiting. False when the child has closed its ends.
  bool read_more();
  // Waits for the end of the process. Call once, after read_more() has given false.
  Outcome finish();

 private:
  struct Pipe {
    int fd = -1;
    std::string text;
    void read_more();
    void close();
  };

  std::string name_;
  pid_t pid_ = -1;
  Pipe frame_, diagnostics_;
};

}  // namespace moesim
