#include "sim/calibration/measurement_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace moesim {
namespace {

// Seconds of the same call, by what it was measured for.
using Times = std::map<std::string, double>;

int copy_sms(const Measurement& sample) {
  const auto found = sample.shape.find("copy_sms");
  return found == sample.shape.end() ? 0 : static_cast<int>(found->second);
}

std::string call_of(const Measurement& sample) {
  std::string text = sample.cache;
  for (const auto& [key, value] : sample.shape)
    if (key != "copy_sms") text += fmt::format("|{} {:g}", key, value);
  for (const int rows : sample.rows) text += fmt::format(",{}", rows);
  return text;
}

std::string kind_of(const Measurement& sample) {
  const std::string dtype = to_string(sample.dtype);
  return sample.variant.empty() ? dtype : sample.variant + " " + dtype;
}

// Of one over the other where both were measured, ascending.
std::vector<double> ratios(const Times& times, const Times& base) {
  std::vector<double> found;
  for (const auto& [call, seconds] : times)
    if (const auto other = base.find(call); other != base.end())
      found.push_back(seconds / other->second);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<std::string> measurement_findings(const MeasurementFile& file) {
  std::map<std::string, Times> whole, ffn, alone;
  std::map<std::pair<std::string, int>, Times> beside;
  for (const Measurement& sample : file.samples) {
    if (sample.wrong) continue;
    const std::string kind = kind_of(sample), call = call_of(sample);
    const double seconds = sample.median.value;
    if (sample.kernel == "experts") whole[kind][call] = seconds;
    if (sample.kernel == "ffn") ffn[kind][call] = seconds;
    if (sample.kernel != "experts_with_copy") continue;
    if (const int taken = copy_sms(sample); taken > 0)
      beside[{kind, taken}][call] = seconds;
    else
      alone[kind][call] = seconds;
  }
  std::vector<std::string> findings;
  for (const auto& [kind, times] : ffn) {
    const std::vector<double> shares = ratios(times, whole[kind]);
    findings.push_back(
        shares.empty()
            ? fmt::format("{} calls of ffn {}, none of which was measured as experts too",
                          times.size(), kind)
            : fmt::format("the grouped FFN is {:.0f} % of experts {} (median of {} calls); it is "
                          "fitted as a part of them",
                          100 * shares[shares.size() / 2], kind, shares.size()));
  }
  for (const auto& [key, times] : beside) {
    const auto& [kind, taken] = key;
    const std::vector<double> slowdowns = ratios(times, alone[kind]);
    if (slowdowns.empty() || taken >= file.device.sms) continue;
    findings.push_back(fmt::format(
        "experts {} take {:.2f} times as long beside a copy that holds {} of {} SMs (median of {} "
        "calls); a run slows their compute-bound part by {:.2f}, whatever is measured here",
        kind, slowdowns[slowdowns.size() / 2], taken, file.device.sms, slowdowns.size(),
        static_cast<double>(file.device.sms) / (file.device.sms - taken)));
  }
  return findings;
}

}  // namespace moesim
