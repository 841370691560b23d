#include "kernels/cuda/health.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

namespace moesim::kernels {
namespace {

// The part of nvml.h that is used here; its numbers are a stable interface.
using NvmlDevice = void*;
constexpr int kClockSm = 1, kClockMemory = 2, kTemperatureGpu = 0;
struct NvmlProcess {
  unsigned pid = 0;
  unsigned long long used_memory = 0;
  unsigned gpu_instance = 0, compute_instance = 0;
};

// Names of clock event reasons that slow a measurement.
constexpr std::array<std::pair<unsigned long long, const char*>, 6> kReasons = {{
    {0x04, "power cap"},
    {0x08, "hardware slowdown"},
    {0x20, "software thermal slowdown"},
    {0x40, "hardware thermal slowdown"},
    {0x80, "power brake"},
    {0x10, "sync boost"},
}};

class Nvml {
 public:
  explicit Nvml(const std::string& bus)
      : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW), [](void* p) { dlclose(p); }) {
    if (call("nvmlInit_v2") != 0) return;
    initialised_ = true;
    if (call("nvmlDeviceGetHandleByPciBusId_v2", bus.c_str(), &device_) != 0) device_ = nullptr;
  }
  ~Nvml() {
    if (initialised_) call("nvmlShutdown");
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  NvmlDevice device() const { return device_; }

  // NVML's result, or -1 where the function is not there. Types must be those of nvml.h.
  template <typename... Arguments>
  int call(const char* name, Arguments... arguments) const {
    if (library_ == nullptr) return -1;
    const auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library_.get(), name));
    return function == nullptr ? -1 : function(arguments...);
  }

  double clock_hz(const char* name, int domain) const {
    unsigned megahertz = 0;
    return call(name, device_, domain, &megahertz) == 0 ? megahertz * 1e6 : 0;
  }

 private:
  std::unique_ptr<void, void (*)(void*)> library_;
  bool initialised_ = false;
  NvmlDevice device_ = nullptr;
};

int other_processes(const Nvml& nvml) {
  std::vector<NvmlProcess> processes(64);
  unsigned count = static_cast<unsigned>(processes.size());
  if (nvml.call("nvmlDeviceGetComputeRunningProcesses_v3", nvml.device(), &count,
                processes.data()) != 0)
    return 0;
  int others = 0;
  for (unsigned i = 0; i < count; ++i)
    others += processes[i].pid != static_cast<unsigned>(getpid());
  return others;
}

}  // namespace

DeviceHealth read_health(const std::string& bus) {
  const Nvml nvml(bus);
  DeviceHealth health;
  if (nvml.device() == nullptr) return health;
  health.clock_hz = nvml.clock_hz("nvmlDeviceGetClockInfo", kClockSm);
  health.largest_clock_hz = nvml.clock_hz("nvmlDeviceGetMaxClockInfo", kClockSm);
  health.memory_clock_hz = nvml.clock_hz("nvmlDeviceGetClockInfo", kClockMemory);
  unsigned celsius = 0, milliwatts = 0;
  if (nvml.call("nvmlDeviceGetTemperature", nvml.device(), kTemperatureGpu, &celsius) == 0)
    health.temperature_celsius = celsius;
  if (nvml.call("nvmlDeviceGetPowerUsage", nvml.device(), &milliwatts) == 0)
    health.power_watts = milliwatts * 1e-3;
  health.other_processes = other_processes(nvml);
  unsigned long long reasons = 0;
  if (nvml.call("nvmlDeviceGetCurrentClocksThrottleReasons", nvml.device(), &reasons) == 0)
    for (const auto& [bit, name] : kReasons)
      if ((reasons & bit) != 0) health.throttled_by.push_back(name);
  return health;
}

}  // namespace moesim::kernels
