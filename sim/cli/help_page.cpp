#include "sim/cli/help_page.hpp"

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/paint.hpp"

namespace moesim {
namespace {

using Kind = HelpBlock::Kind;

constexpr std::size_t kIndent = 2, kTerm = 20, kNarrow = 60, kNarrowTerm = 8;

std::string indented(const std::string& text, const Screen& screen, std::size_t indent) {
  std::string lines =
      std::string(indent, ' ') + wrap(screen.shown(text), screen.prose() - indent, "");
  for (std::size_t at = 0; (at = lines.find('\n', at)) != std::string::npos; at += indent)
    lines.insert(++at, std::string(indent, ' '));
  return lines + "\n";
}

// The text beside its term, or below it where the term is long.
std::string item_text(const HelpBlock& item, const Screen& screen) {
  const std::string term = screen.shown(item.term);
  const std::string start = std::string(kIndent, ' ') + Paint(screen.colour)(Ink::kCyan, term);
  if (item.text.empty()) return start + "\n";
  const std::size_t column = screen.prose() < kNarrow ? kNarrowTerm : kTerm;
  const std::string text = indented(item.text, screen, column);
  const std::size_t used = kIndent + display_width(term);
  return used + 2 > column ? start + "\n" + text
                           : start + std::string(column - used, ' ') + text.substr(column);
}

std::string block_text(const HelpBlock& block, const Screen& screen) {
  const Paint paint(screen.colour);
  switch (block.kind) {
    case Kind::kHeading:
      return "\n" + paint(Ink::kBold, screen.shown(block.text)) + "\n";
    case Kind::kText:
      return indented(block.text, screen, kIndent);
    case Kind::kCode:
      return "\n" + std::string(kIndent + 2, ' ') + screen.shown(block.text) + "\n\n";
    case Kind::kItem:
      return item_text(block, screen);
  }
  return {};
}

// Text of a line that roff takes for no request; long words may be broken behind their commas.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    if (c == ',') out += "\\:";
  }
  return out;
}

// Of a macro's argument.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : roff(text)) out += c == '"' ? std::string("\\(dq") : std::string(1, c);
  return out + "\"";
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string block_roff(const HelpBlock& block) {
  switch (block.kind) {
    case Kind::kHeading:
      return ".SS " + quoted(block.text) + "\n";
    case Kind::kText:
      return ".PP\n" + roff(block.text) + "\n";
    case Kind::kCode:
      return ".PP\n.nf\n.RS\n" + roff(block.text) + "\n.RE\n.fi\n";
    case Kind::kItem:
      return ".TP\n.B " + quoted(block.term) + "\n" +
             (block.text.empty() ? "\\&" : roff(block.text)) + "\n";
  }
  return {};
}

}  // namespace

HelpPage& HelpPage::heading(const std::string& text) {
  blocks.push_back({Kind::kHeading, "", text});
  return *this;
}

HelpPage& HelpPage::text(const std::string& text) {
  blocks.push_back({Kind::kText, "", text});
  return *this;
}

HelpPage& HelpPage::item(const std::string& term, const std::string& text) {
  blocks.push_back({Kind::kItem, term, text});
  return *this;
}

HelpPage& HelpPage::code(const std::string& text) {
  blocks.push_back({Kind::kCode, "", text});
  return *this;
}

std::string page_text(const HelpPage& page, const Screen& screen) {
  std::string text = Paint(screen.colour)(Ink::kBold, screen.shown(page.title)) + "\n";
  for (const HelpBlock& block : page.blocks) text += block_text(block, screen);
  return text;
}

std::string man_page(const std::vector<HelpPage>& pages) {
  std::string text =
      ".\\\" -*- coding: utf-8 -*-\n.\\\" Made by moesim help --man\n"
      ".TH MOESIM 1 \"\" \"moesim " MOESIM_VERSION "\" \"User commands\"\n.nh\n.ad l\n";
  for (const HelpPage& page : pages) {
    text += ".SH " + quoted(upper(page.title)) + "\n";
    for (const HelpBlock& block : page.blocks) text += block_roff(block);
  }
  return text;
}

}  // namespace moesim
