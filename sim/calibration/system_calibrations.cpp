#include "sim/calibration/system_calibrations.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "sim/base/presets.hpp"
#include "sim/calibration/datasheet.hpp"

namespace moesim {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

const SystemCalibrations::Found& SystemCalibrations::of(const std::string& system,
                                                        const std::string& framework) {
  const auto [entry, fresh] = found_.try_emplace({system, framework});
  if (fresh) {
    entry->second = find(system, framework);
    for (const Calibration& calibration : entry->second.calibrations)
      names_.insert(calibration.name);
  }
  return entry->second;
}

SystemCalibrations::Found SystemCalibrations::find(const std::string& system,
                                                   const std::string& framework) {
  const Datasheet* sheet = find_datasheet(system);
  Found found;
  if (sheet != nullptr) {
    found.gpu = sheet->gpu;
    found.nvlink = sheet->nvlink;
    found.nic = sheet->nic;
  }
  if (!given_.empty()) {
    found.calibrations = given_;
    const Calibration& last = given_.back();
    if (sheet != nullptr) {
      // Efficiencies are relative to the ports of the machine that was measured.
      if (last.gpu.name == sheet->gpu.name && last.nvlink.value > 0) found.nvlink = last.nvlink;
      if (last.gpu.name == sheet->gpu.name && last.nic.value > 0) found.nic = last.nic;
      return found;
    }
    found.gpu = last.gpu;
    found.nvlink = last.nvlink;
    found.nic = last.nic;
    return found;
  }
  if (sheet == nullptr) {
    found.reason = fmt::format("no calibration and no datasheet of the system '{}'", system);
    return found;
  }
  const std::vector<std::string> presets = preset_names("calibrations");
  for (const std::string& name :
       {fmt::format("{}-{}", sheet->calibration, lower(framework)), sheet->calibration}) {
    if (!std::binary_search(presets.begin(), presets.end(), name)) continue;
    found.calibrations.push_back(read_calibration_file(name, {}));
    return found;
  }
  found.calibrations.push_back(read_calibration_file(find_datasheet(sheet->like)->calibration, {}));
  found.calibrations.back().transfer = true;
  const std::string network = fmt::format("{}-network", sheet->calibration);
  if (std::binary_search(presets.begin(), presets.end(), network))
    found.calibrations.push_back(read_calibration_file(network, {}));
  return found;
}

}  // namespace moesim
