#include "sim/calibration/measurement_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {

using Json = nlohmann::json;

MeasurementLine::MeasurementLine(std::shared_ptr<const SourceText> source, std::size_t number,
                                 Mistakes& mistakes)
    : source_(std::move(source)), number_(number), mistakes_(mistakes) {
  const std::string& text = source_->lines[number_];
  try {
    json_ = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const bool cut = error.byte > text.size();
    const bool last = number_ + 1 == source_->lines.size();
    Spot spot = this->spot();
    spot.column = static_cast<int>(std::clamp<std::size_t>(error.byte, 1, text.size() + 1));
    found_mistakes_ = true;
    mistakes_.add(spot, cut ? "the line is cut off" : "this is not JSON",
                  cut && last ? "the sweep was interrupted: run moesim profile again to go on, or "
                                "delete the line"
                              : "every line is one JSON object");
    return;
  }
  if (!json_.is_object()) mistake("", "the line is not a JSON object");
}

Spot MeasurementLine::spot(const std::string& key) const {
  const std::string& text = source_->lines[number_];
  const std::size_t at = key.empty() ? std::string::npos : text.find('"' + key + '"');
  return {source_, static_cast<int>(number_) + 1,
          at == std::string::npos ? 1 : static_cast<int>(at) + 1};
}

void MeasurementLine::mistake(const std::string& key, std::string message, std::string hint) {
  found_mistakes_ = true;
  mistakes_.add(spot(key), std::move(message), std::move(hint));
}

std::string MeasurementLine::text(const Json& object, const std::string& key, bool required) {
  const auto found = object.find(key);
  if (found == object.end()) {
    if (required) mistake("", fmt::format("{} is missing", key));
    return {};
  }
  if (found->is_string()) return found->get<std::string>();
  mistake(key, fmt::format("{} must be a text", key));
  return {};
}

double MeasurementLine::positive(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    mistake("", fmt::format("{} is missing", key));
    return 0;
  }
  const double value = found->is_number() ? found->get<double>() : NAN;
  if (std::isfinite(value) && value > 0) return value;
  mistake(key, found->is_number() ? fmt::format("{} is {:g}; it must be above 0", key, value)
                                  : fmt::format("{} must be a number", key));
  return 0;
}

int MeasurementLine::whole(const Json& object, const std::string& key, int lowest) {
  const auto found = object.find(key);
  if (found == object.end()) {
    mistake("", fmt::format("{} is missing", key));
    return 0;
  }
  const double value = found->is_number() ? found->get<double>() : NAN;
  if (value == std::floor(value) && value >= lowest && value <= 2147483647.0)
    return static_cast<int>(value);
  mistake(key, fmt::format("{} must be a whole number from {}", key, lowest));
  return 0;
}

const Json* MeasurementLine::part(const std::string& key, bool required) {
  const auto found = json_.find(key);
  if (found != json_.end() && found->is_object()) return &*found;
  if (found != json_.end())
    mistake(key, fmt::format("{} must be an object", key));
  else if (required)
    mistake("", fmt::format("{} is missing", key));
  return nullptr;
}

std::optional<DType> MeasurementLine::dtype(const std::string& name, const std::string& key) {
  const std::string ours = name == "fp32" ? "float32" : name == "bfloat16" ? "bf16" : name;
  const std::vector<std::string> names = dtype_names();
  if (std::find(names.begin(), names.end(), ours) != names.end()) return dtype_of(ours);
  mistake(key, fmt::format("no dtype is called '{}'", name), hint_for(ours, names));
  return std::nullopt;
}

}  // namespace moesim
