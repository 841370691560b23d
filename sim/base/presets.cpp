#include "sim/base/presets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace moesim {
namespace fs = std::filesystem;
namespace {

fs::path program_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path();
}

fs::path beside(const std::string& name, const Spot& spot) {
  const fs::path path(name);
  if (path.is_absolute() || !spot.source || spot.source->directory.empty()) return path;
  return fs::path(spot.source->directory) / path;
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

bool looks_like_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml") ||
         name.ends_with(".json");
}

}  // namespace

std::vector<fs::path> preset_roots() {
  std::vector<fs::path> roots;
  const fs::path program = program_folder();
  for (const fs::path& candidate : {program / "scenarios", program.parent_path() / "scenarios",
                                    program.parent_path().parent_path() / "scenarios",
                                    program.parent_path() / "share/moesim/scenarios"}) {
    if (fs::is_directory(candidate / "models")) roots.push_back(candidate);
  }
  if (const char* extra = std::getenv("MOESIM_SCENARIOS")) roots.emplace_back(extra);
  return roots;
}

std::vector<std::string> preset_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const fs::path& root : preset_roots()) {
    if (!fs::is_directory(root / folder)) continue;
    for (const auto& entry : fs::directory_iterator(root / folder))
      if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

fs::path find_preset(const std::string& folder, const std::string& name, const Spot& spot) {
  if (looks_like_path(name)) {
    const fs::path path = beside(name, spot);
    if (is_file(path)) return path;
    throw InputError(spot, fmt::format("no file '{}'", name),
                     "a path is relative to the file it is written in");
  }
  for (const fs::path& root : preset_roots())
    if (is_file(root / folder / (name + ".yaml"))) return root / folder / (name + ".yaml");
  throw InputError(spot, fmt::format("no preset '{}' in {}", name, folder),
                   hint_for(name, preset_names(folder)));
}

fs::path find_file(const std::string& name, const Spot& spot, const std::string& preset_folder) {
  const fs::path path = beside(name, spot);
  if (is_file(path)) return path;
  for (const fs::path& root : preset_roots())
    if (is_file(root / preset_folder / name)) return root / preset_folder / name;
  throw InputError(
      spot, fmt::format("no file '{}'", name),
      fmt::format("tried beside the file it is written in, and the presets in {}/", preset_folder));
}

bool is_preset(const fs::path& path, const std::string& folder, const std::string& name) {
  const std::vector<fs::path> roots = preset_roots();
  return std::any_of(roots.begin(), roots.end(), [&](const fs::path& root) {
    return path == root / folder / name || path == root / folder / (name + ".yaml");
  });
}

std::string shown_path(const fs::path& path) {
  for (const fs::path& root : preset_roots()) {
    const fs::path relative = path.lexically_normal().lexically_relative(root.lexically_normal());
    if (!relative.empty() && *relative.begin() != "..") return ("scenarios" / relative).string();
  }
  return path.lexically_normal().string();
}

fs::path file_of_shown(const std::string& shown) {
  const std::string prefix = "scenarios/";
  if (!shown.starts_with(prefix)) return shown;
  for (const fs::path& root : preset_roots())
    if (is_file(root / shown.substr(prefix.size()))) return root / shown.substr(prefix.size());
  return shown;
}

}  // namespace moesim
