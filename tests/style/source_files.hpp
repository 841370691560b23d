// The source files of the project, for tests that read them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace moesim {

struct SourceFile {
  std::string path;  // from the project's folder: "sim/base/yaml.cpp"
  std::vector<std::string> lines;
};

// Files below sim, analysis, kernels and tests with one of the endings, sorted by path.
inline std::vector<SourceFile> source_files(const std::vector<std::string>& endings) {
  namespace fs = std::filesystem;
  const fs::path root(MOESIM_SOURCE_DIR);
  std::vector<SourceFile> files;
  for (const char* folder : {"sim", "analysis", "kernels", "tests"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (std::find(endings.begin(), endings.end(), entry.path().extension()) == endings.end())
        continue;
      SourceFile file{.path = entry.path().lexically_relative(root).string()};
      std::ifstream stream(entry.path());
      for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
      files.push_back(std::move(file));
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace moesim
