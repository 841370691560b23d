#include "sim/calibration/datasheet.hpp"

#include <cctype>

namespace moesim {
namespace {

struct Rates {
  const char* system;
  const char* calibration;
  const char* name;
  double memory_gb_per_s, bf16_tflops, fp8_tflops;  // dense; fp8 0 = no units for it
  int sms;
  double nvlink_gb_per_s, nic_gb_per_s;
  const char* like;
};

// NVIDIA datasheets. Four-bit weights are multiplied at 16 bits. NVSwitches reduce from Hopper on,
// whose GPUs are the first with fp8.
constexpr Rates kRates[] = {
    {"A100", "a100-sxm", "A100 SXM", 2039, 312, 0, 108, 300, 25, "A100"},
    {"A800", "a800-sxm", "A800 SXM", 2039, 312, 0, 108, 200, 25, "A100"},
    {"H100", "h100-sxm", "H100 SXM", 3350, 989, 1979, 132, 450, 50, "H100"},
    {"H200", "h200-sxm", "H200 SXM", 4800, 989, 1979, 132, 450, 50, "H200"},
    {"Hopper_unspecified", "hopper-sxm", "Hopper SXM", 3350, 989, 1979, 132, 450, 50, "H200"},
    {"H800", "h800-sxm", "H800 SXM", 3350, 989, 1979, 132, 200, 50, "H100"},
    {"H20", "h20-sxm", "H20 SXM", 4000, 148, 296, 78, 450, 50, "H200"},
    {"B200", "b200-sxm", "B200 SXM", 8000, 2250, 4500, 148, 900, 50, "H200"},
    {"GB200", "gb200-nvl72", "GB200", 8000, 2500, 5000, 148, 900, 50, "H200"},
    {"L40S", "l40s", "L40S", 864, 362, 733, 142, 0, 50, "H200"},
};

const std::vector<Datasheet>& datasheets() {
  static const std::vector<Datasheet> all = [] {
    std::vector<Datasheet> sheets;
    for (const Rates& rates : kRates) {
      const FlopsPerSecond bf16(1e12 * rates.bf16_tflops), fp8(1e12 * rates.fp8_tflops);
      GpuSpec gpu{.name = rates.name,
                  .memory_bandwidth = BytesPerSecond(1e9 * rates.memory_gb_per_s),
                  .peak = {{DType::kBf16, bf16}, {DType::kMxfp4, bf16}},
                  .sms = rates.sms};
      if (rates.fp8_tflops > 0) gpu.peak[DType::kFp8] = gpu.peak[DType::kFp8Block] = fp8;
      sheets.push_back({.system = rates.system,
                        .calibration = rates.calibration,
                        .gpu = std::move(gpu),
                        .nvlink = BytesPerSecond(1e9 * rates.nvlink_gb_per_s),
                        .nic = BytesPerSecond(1e9 * rates.nic_gb_per_s),
                        .like = rates.like,
                        .nvls = rates.fp8_tflops > 0 && rates.nvlink_gb_per_s > 0});
    }
    return sheets;
  }();
  return all;
}

}  // namespace

const Datasheet* find_datasheet(const std::string& system) {
  for (const Datasheet& sheet : datasheets())
    if (sheet.system == system) return &sheet;
  return nullptr;
}

const Datasheet* datasheet_in(const std::string& gpu) {
  const Datasheet* longest = nullptr;
  for (const std::string& system : datasheet_systems()) {
    const std::size_t at = gpu.find(system);
    if (at == std::string::npos) continue;
    const std::size_t end = at + system.size();
    const bool whole =
        (at == 0 || std::isalnum(static_cast<unsigned char>(gpu[at - 1])) == 0) &&
        (end == gpu.size() || std::isalnum(static_cast<unsigned char>(gpu[end])) == 0);
    if (whole && (longest == nullptr || system.size() > longest->system.size()))
      longest = find_datasheet(system);
  }
  return longest;
}

PortRates port_rates_of(const std::string& system, const PortRates& otherwise) {
  const Datasheet* sheet = find_datasheet(system);
  return sheet == nullptr ? otherwise : PortRates{.nvlink = sheet->nvlink, .nic = sheet->nic};
}

std::vector<std::string> datasheet_systems() {
  std::vector<std::string> systems;
  for (const Datasheet& sheet : datasheets()) systems.push_back(sheet.system);
  return systems;
}

}  // namespace moesim
