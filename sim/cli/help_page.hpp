// A page of help, said once: shown on a terminal, or as a part of the man page.
#pragma once

#include <string>
#include <vector>

#include "analysis/screen.hpp"

namespace moesim {

struct HelpBlock {
  enum class Kind { kHeading, kText, kItem, kCode } kind = Kind::kText;
  std::string term;  // of an item
  std::string text;
};

struct HelpPage {
  std::string title;
  std::vector<HelpBlock> blocks;

  HelpPage& heading(const std::string& text);
  HelpPage& text(const std::string& text);
  // What the term means.
  HelpPage& item(const std::string& term, const std::string& text);
  // As it is typed.
  HelpPage& code(const std::string& text);
};

std::string page_text(const HelpPage& page, const Screen& screen);

// Pages as one man page (roff, macros of man(7)); the titles are its sections.
std::string man_page(const std::vector<HelpPage>& pages);

}  // namespace moesim
