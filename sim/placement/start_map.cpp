#include "sim/placement/start_map.hpp"

#include <string>

namespace moesim {

Parameter start_parameter() {
  return {.name = "start",
          .type = ParameterType::kText,
          .doc = "placement whose map is improved where no map is in use",
          .fallback = "linear"};
}

StartMap::StartMap(const Arguments& arguments) {
  const Spot& spot = arguments.spot("start");
  YamlNode section = YamlNode::map(spot);
  section.set("kind", YamlNode::scalar(arguments.text("start"), spot));
  section.set("redundant", YamlNode::scalar(std::to_string(arguments.integer("redundant"))));
  Mistakes mistakes;
  const Choice choice = read_choice("placement", section, mistakes);
  mistakes.throw_if_any();
  start_ = Registry<PlacementPolicy>::make(choice);
}

WindowNeeds StartMap::needs() const {
  WindowNeeds needs = start_->needs();
  needs.load = true;
  return needs;
}

Placement StartMap::of(const PlacementRequest& request) const {
  return request.present != nullptr ? *request.present : start_->place(request);
}

}  // namespace moesim
