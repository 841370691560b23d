#include "kernels/profile/plan.hpp"

#include <fstream>
#include <stdexcept>

namespace moesim::kernels {

Plan read_plan(const std::filesystem::path& file) {
  std::ifstream stream(file);
  std::string line;
  if (!std::getline(stream, line)) throw std::runtime_error("cannot read " + file.string());
  const Json head = Json::parse(line);
  Plan plan{.options = head.at("options"),
            .noise = head.at("noise"),
            .time_limit = head.at("time_limit"),
            .seed = head.at("seed")};
  while (std::getline(stream, line)) plan.points.push_back(Json::parse(line));
  return plan;
}

}  // namespace moesim::kernels
