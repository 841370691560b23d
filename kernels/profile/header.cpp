#include "kernels/profile/header.hpp"

namespace moesim::kernels {

Json device_json(const DeviceFacts& facts) {
  Json device = {{"kind", facts.backend},
                 {"name", facts.name},
                 {"architecture", facts.architecture},
                 {"sms", facts.processors},
                 {"memory_bytes", facts.memory_bytes},
                 {"cache_bytes", facts.cache_bytes}};
  if (!facts.driver.empty()) device["driver"] = facts.driver;
  device["library"] = facts.library;
  return device;
}

Json header_json(const DeviceFacts& facts, const DeviceHealth& health, const Peaks& peaks,
                 const Json& options) {
  Json device = device_json(facts);
  device["clocks_mhz"] = {{"sm_max", health.largest_clock_hz / 1e6},
                          {"memory", health.memory_clock_hz / 1e6}};
  device["peak_flops"] = {{"bf16", peaks.bf16_flops}};
  device["memory_bandwidth"] = peaks.memory_bandwidth;
  device["measured_peak"] = true;
  return {{"schema", "moesim.measurements/1"},
          {"program", std::string("moesim ") + MOESIM_VERSION},
          {"software_date", MOESIM_SOFTWARE_DATE},
          {"device", device},
          {"options", options}};
}

std::string difference(const Json& header, const Json& other) {
  for (const char* key : {"schema", "program"})
    if (header.value(key, "") != other.value(key, "")) return key;
  for (const char* key : {"kind", "name", "architecture", "sms", "driver", "library"})
    if (header.at("device").value(key, Json()) != other.at("device").value(key, Json()))
      return std::string("device.") + key;
  Json options = header.at("options"), others = other.at("options");
  options.erase("time_limit");  // an interrupted sweep may be given more time
  others.erase("time_limit");
  return options == others ? "" : "options";
}

}  // namespace moesim::kernels
