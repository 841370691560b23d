// moesim-profile: runs the kernels that `moesim profile` asks for and writes what they take.
//
// It knows nothing of models and scenarios: numbers come in a plan and go out in a measurement
// file. Exit codes are those of moesim.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "kernels/error.hpp"
#include "kernels/profile/sweep.hpp"

namespace moesim::kernels {
namespace {

constexpr int kDone = 0, kWrong = 1, kInput = 2, kBug = 70, kInterrupted = 130;

volatile std::sig_atomic_t interrupted = 0;

struct Flags {
  bool devices = false, quiet = false;
  std::string device = "cpu", plan, out;
};

int list_devices() {
  Json devices = Json::array();
  for (const std::string& name : backend_names()) {
    if (name == "cuda" && !has_gpu()) continue;
    devices.push_back(device_json(make_backend(name).device->facts()));
  }
  std::cout << devices.dump() << "\n";
  return kDone;
}

// One line that is written over, on a terminal only.
class Progress {
 public:
  explicit Progress(bool quiet) : shown_(!quiet && isatty(STDERR_FILENO) != 0) {}
  ~Progress() {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void operator()(const std::string& line) const {
    if (shown_) std::cerr << "\r\033[K" << line.substr(0, 110) << std::flush;
  }

 private:
  bool shown_;
};

// A new header, or the one in the file, which must be of the same sweep and device.
void settle_header(SampleFile& file, Sweep& sweep, Backend& backend, const Plan& plan) {
  const DeviceFacts& facts = backend.device->facts();
  if (!file.header()) {
    file.write_header(
        header_json(facts, backend.device->health(), sweep.measure_peaks(), plan.options));
    return;
  }
  const Json own = header_json(facts, {}, {}, plan.options);
  const std::string different = difference(*file.header(), own);
  require(different.empty(), "the file holds another sweep (" + different +
                                 " differs); name another file, or remove this one");
}

void report(const SweepResult& result, const std::string& out) {
  std::cerr << result.measured << " points measured";
  if (result.already > 0) std::cerr << ", " << result.already << " were there already";
  if (result.left > 0)
    std::cerr << ", " << result.left << " left (the same command goes on with them)";
  std::cerr << ": " << out << "\n";
  for (const auto& [why, points] : result.left_out)
    std::cerr << "left out: " << points << " points: " << why << "\n";
  for (const std::string& warning : result.warnings) std::cerr << "warning: " << warning << "\n";
}

int measure_all(const Flags& flags) {
  const Plan plan = read_plan(flags.plan);
  Backend backend = make_backend(flags.device);
  SampleFile file(flags.out);
  SweepResult result;
  {
    const Progress progress(flags.quiet);
    Sweep sweep(backend, plan, [&](const std::string& line) { progress(line); });
    settle_header(file, sweep, backend, plan);
    result = sweep.run(file, [] { return interrupted != 0; });
  }
  if (!flags.quiet || result.left > 0 || !result.left_out.empty()) report(result, flags.out);
  return interrupted != 0 ? kInterrupted : kDone;
}

int run(int argc, char** argv) {
  CLI::App app("measures kernels; `moesim profile` runs it");
  Flags flags;
  app.add_flag("--devices", flags.devices, "print the devices of this machine as JSON");
  app.add_option("--device", flags.device, "cuda, cpu or cpu_reference");
  app.add_option("--plan", flags.plan, "what to measure (JSON lines)");
  app.add_option("--out", flags.out, "the measurement file");
  app.add_flag("--quiet", flags.quiet, "no progress line");
  CLI11_PARSE(app, argc, argv);
  if (flags.devices) return list_devices();
  std::signal(SIGINT, [](int) { interrupted = 1; });
  return measure_all(flags);
}

int fail(const char* kind, const std::exception& error, int exit_code) {
  std::cerr << "moesim-profile: " << kind << error.what() << "\n";
  return exit_code;
}

int guarded_run(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const UnsupportedError& error) {
    return fail("error: ", error, kInput);
  } catch (const DeviceError& error) {
    return fail("error: ", error, kInput);
  } catch (const std::runtime_error& error) {
    return fail("", error, kWrong);
  } catch (const std::exception& error) {
    return fail("a bug: ", error, kBug);
  }
}

}  // namespace
}  // namespace moesim::kernels

int main(int argc, char** argv) { return moesim::kernels::guarded_run(argc, argv); }
