// A YAML tree as text, in block style or in one line.
#include <algorithm>
#include <cctype>

#include "sim/base/yaml_flow.hpp"

namespace moesim {
namespace {

bool needs_quotes(const YamlNode& node) {
  const std::string& text = node.text;
  if (node.quoted || text.empty() || text == "~" || text == "null") return true;
  if (std::isspace(static_cast<unsigned char>(text.front())) ||
      std::isspace(static_cast<unsigned char>(text.back())))
    return true;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos &&
      !(text.front() == '-' && text.size() > 1 && (std::isdigit(text[1]) || text[1] == '.')))
    return true;
  return text.find(": ") != std::string::npos || text.find(" #") != std::string::npos ||
         text.find_first_of("\n,[]{}\"") != std::string::npos || text.back() == ':';
}

std::string scalar_text(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kNull) return "~";
  if (!needs_quotes(node)) return node.text;
  std::string quoted = "\"";
  for (char c : node.text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

bool is_flat(const YamlNode& node) {
  return std::all_of(node.items.begin(), node.items.end(),
                     [](const YamlNode& item) { return !item.is_map() && !item.is_list(); });
}

void write_node(const YamlNode& node, std::size_t indent, std::string& out);

void write_list(const YamlNode& node, std::size_t indent, std::string& out) {
  if (is_flat(node)) {
    out += " [";
    for (std::size_t i = 0; i < node.items.size(); ++i)
      out += (i > 0 ? ", " : "") + scalar_text(node.items[i]);
    out += "]\n";
    return;
  }
  out += "\n";
  for (const YamlNode& item : node.items) {
    out += std::string(indent, ' ') + "-";
    write_node(item, indent + 2, out);
  }
}

void write_node(const YamlNode& node, std::size_t indent, std::string& out) {
  if (node.is_list()) return write_list(node, indent, out);
  if (!node.is_map()) {
    out += " " + scalar_text(node) + "\n";
    return;
  }
  if (node.entries.empty()) {
    out += " {}\n";
    return;
  }
  if (!out.empty()) out += "\n";
  for (const NodeEntry& entry : node.entries) {
    out += std::string(indent, ' ') + scalar_text(YamlNode::scalar(entry.key)) + ":";
    write_node(entry.value, indent + 2, out);
  }
}

}  // namespace

std::string write_yaml(const YamlNode& node) {
  std::string out;
  write_node(node, 0, out);
  return out;
}

std::string write_flow(const YamlNode& node) {
  if (!node.is_map() && !node.is_list()) return scalar_text(node);
  std::string out;
  for (const YamlNode& item : node.items) out += (out.empty() ? "" : ", ") + write_flow(item);
  for (const NodeEntry& entry : node.entries)
    out += (out.empty() ? "" : ", ") + scalar_text(YamlNode::scalar(entry.key)) + ": " +
           write_flow(entry.value);
  return node.is_map() ? "{" + out + "}" : "[" + out + "]";
}

}  // namespace moesim
