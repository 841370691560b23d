// One line of a measurement file, read with care: each mistake is placed at its key.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "sim/calibration/measurement_file.hpp"

namespace moesim {

class MeasurementLine {
 public:
  // `source` outlives the line; `number` counts from 0. Keeps `json` empty, with a mistake, where
  // the text is no JSON object.
  MeasurementLine(std::shared_ptr<const SourceText> source, std::size_t number, Mistakes& mistakes);

  bool is_object() const { return json_.is_object(); }
  const nlohmann::json& json() const { return json_; }
  // The place of a key, by its first appearance; of the line where it has none.
  Spot spot(const std::string& key = {}) const;
  void mistake(const std::string& key, std::string message, std::string hint = {});
  bool has_mistakes() const { return found_mistakes_; }

  // Values of `object`, which is the line or a part of it. A missing key or a wrong type is a
  // mistake; the value is then empty or 0.
  std::string text(const nlohmann::json& object, const std::string& key, bool required = true);
  double positive(const nlohmann::json& object, const std::string& key);
  int whole(const nlohmann::json& object, const std::string& key, int lowest);
  // An object of that name; null where there is none.
  const nlohmann::json* part(const std::string& key, bool required = true);
  std::optional<DType> dtype(const std::string& name, const std::string& key);

 private:
  std::shared_ptr<const SourceText> source_;
  std::size_t number_;
  Mistakes& mistakes_;
  bool found_mistakes_ = false;
  nlohmann::json json_;
};

}  // namespace moesim
