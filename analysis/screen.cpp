#include "analysis/screen.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace moesim {
namespace {

constexpr std::size_t kProse = 100, kLeast = 40;

// What the program prints beyond ASCII, and what says the same within it. Bars and shades keep
// their width.
constexpr std::array<std::pair<std::string_view, std::string_view>, 32> kAscii = {
    {{"·", "|"},        {"×", "x"},  {"−", "-"},    {"–", "-"},   {"—", "-"},  {"…", "..."},
     {"Σ", "sum"},      {"→", ">"},  {"≥", ">="},   {"≤", "<="},  {"≠", "!="}, {"±", "+-"},
     {"§", "section "}, {"²", "^2"}, {"√", "sqrt"}, {"∞", "inf"}, {"µ", "u"},  {"│", "|"},
     {"█", "#"},        {"▉", "#"},  {"▊", "#"},    {"▋", "#"},   {"▌", "#"},  {"▍", "-"},
     {"▎", "-"},        {"▏", "-"},  {"▓", "%"},    {"▒", "+"},   {"░", "."},  {"ö", "oe"},
     {"é", "e"},        {"ε", "eps"}}};

}  // namespace

std::size_t Screen::prose() const { return std::clamp(columns.value_or(kProse), kLeast, kProse); }

std::string Screen::shown(std::string_view text) const {
  if (unicode) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      out += text[at++];
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    const std::string_view symbol = text.substr(at, end - at);
    const auto* found = std::find_if(kAscii.begin(), kAscii.end(),
                                     [&](const auto& pair) { return pair.first == symbol; });
    out += found == kAscii.end() ? "?" : found->second;
    at = end;
  }
  return out;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string locale = value;
    std::transform(locale.begin(), locale.end(), locale.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  }
  return true;
}

}  // namespace moesim
