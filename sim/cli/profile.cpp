// moesim profile: measures kernels on this machine and writes a measurement file for calibrate.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "analysis/profile_points.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/measuring_program.hpp"

namespace moesim {
namespace {

// An axis as a flag of its own: --tokens 1,16 is --set tokens=[1,16].
struct AxisFlag {
  const char* flag;
  const char* axis;
};
constexpr AxisFlag kAxisFlags[] = {{"--kernels", "kernels"},   {"--models", "models"},
                                   {"--gemms", "gemms"},       {"--tokens", "tokens"},
                                   {"--dtypes", "dtypes"},     {"--local-experts", "local_experts"},
                                   {"--variants", "variants"}, {"--skews", "skews"},
                                   {"--gates", "gates"},       {"--caches", "caches"},
                                   {"--sizes", "sizes"},       {"--copy-sms", "copy_sms"},
                                   {"--noise", "noise"},       {"--time-limit", "time_limit"},
                                   {"--seed", "seed"}};

struct ProfileFlags {
  std::string axes, device = "auto", output;
  std::vector<std::string> hidden, width, experts, top_k;
  std::vector<std::string> overrides;
  std::map<std::string, std::vector<std::string>> of_axis;
  bool quick = false, full = false, dry_run = false, quiet = false;
};

bool has_gpu(const Json& devices) {
  for (const Json& device : devices)
    if (device.at("kind") == "cuda") return true;
  return false;
}

std::string device_of(const ProfileFlags& flags) {
  if (flags.device != "auto") return flags.device;
  return has_gpu(Json::parse(ask_measuring_program({"--devices"}))) ? "cuda" : "cpu";
}

std::string preset_of(const ProfileFlags& flags, const std::string& device) {
  if (!flags.axes.empty()) return flags.axes;
  const std::string size = flags.quick ? "quick" : flags.full ? "full" : "default";
  return device == "cuda" ? size : "cpu-" + size;
}

// --hidden, --width, --experts and --top-k together make shapes: every combination of them.
void add_shapes(const ProfileFlags& flags, YamlNode& section) {
  const auto& [h, w, e, k] = std::tie(flags.hidden, flags.width, flags.experts, flags.top_k);
  if (h.empty() && w.empty() && e.empty() && k.empty()) return;
  if (h.empty() || w.empty() || e.empty() || k.empty())
    throw InputError({}, "--hidden, --width, --experts and --top-k make a shape together",
                     "or take the shape of a model: --models deepseek-v3");
  std::vector<std::string> shapes;
  for (const std::string& hidden : h)
    for (const std::string& width : w)
      for (const std::string& experts : e)
        for (const std::string& top_k : k)
          shapes.push_back(fmt::format("{{hidden: {}, width: {}, experts: {}, top_k: {}}}", hidden,
                                       width, experts, top_k));
  apply_override(section, fmt::format("shapes=[{}]", fmt::join(shapes, ", ")));
  if (!flags.of_axis.contains("models")) apply_override(section, "models=[]");
}

ProfileAxes read_axes(const ProfileFlags& flags, const std::string& device) {
  YamlNode section = YamlNode::map();
  const std::string preset = preset_of(flags, device);
  section.set("preset", YamlNode::scalar(preset, {text_source("profile", preset, true), 1, 1}));
  for (const auto& [axis, values] : flags.of_axis) {
    const std::string value = fmt::format("{}", fmt::join(values, ", "));
    const bool list = axis != "noise" && axis != "time_limit" && axis != "seed";
    apply_override(section, axis + "=" + (list ? "[" + value + "]" : value));
  }
  for (const std::string& override : flags.overrides) apply_override(section, override);
  add_shapes(flags, section);
  return read_profile_axes(section);
}

// A file that goes when we do.
class PlanFile {
 public:
  PlanFile() : path_((std::filesystem::temp_directory_path() / "moesim-plan-XXXXXX").string()) {
    const int file = mkstemp(path_.data());
    if (file < 0) throw InputError({}, "cannot write into the folder of temporary files");
    close(file);
  }
  ~PlanFile() {
    std::error_code error;
    std::filesystem::remove(path_, error);
  }
  PlanFile(const PlanFile&) = delete;
  PlanFile& operator=(const PlanFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void write_plan(const std::string& path, const ProfileAxes& axes, const std::vector<Json>& points) {
  std::ofstream file(path);
  const Json head = {{"options", to_json(axes.resolved)},
                     {"noise", axes.noise},
                     {"time_limit", axes.time_limit.value},
                     {"seed", axes.seed}};
  file << head.dump() << '\n';
  for (const Json& point : points) file << point.dump() << '\n';
  if (!file.flush()) throw InputError({}, fmt::format("cannot write {}", path));
}

void print_plan(const std::string& device, const ProfileAxes& axes,
                const std::vector<Json>& points) {
  std::map<std::string, int> of_kernel;
  for (const Json& point : points) ++of_kernel[point.at("kernel").get<std::string>()];
  fmt::print("{} points on {}, at most {:.3g} s:\n", points.size(), device, axes.time_limit.value);
  for (const auto& [kernel, count] : of_kernel) fmt::print("  {:<20}{:>6}\n", kernel, count);
}

int profile(const ProfileFlags& flags) {
  const std::string device = device_of(flags);
  const ProfileAxes axes = read_axes(flags, device);
  const auto [points, left_out] = profile_sweep(axes);
  for (const std::string& line : left_out) fmt::print(stderr, "left out: {}\n", line);
  if (flags.dry_run) {
    print_plan(device, axes, points);
    return kExitDone;
  }
  if (flags.output.empty()) throw InputError({}, "-o FILE says where the measurements go");
  const PlanFile plan;
  write_plan(plan.path(), axes, points);
  std::vector<std::string> arguments = {"--device",  device,  "--plan",
                                        plan.path(), "--out", flags.output};
  if (flags.quiet) arguments.emplace_back("--quiet");
  return run_measuring_program(arguments);
}

void declare_axes(CLI::App& app, ProfileFlags& flags) {
  const auto parameters = profile_parameters();
  for (const AxisFlag& flag : kAxisFlags)
    for (const Parameter& parameter : parameters)
      if (parameter.name == flag.axis)
        app.add_option_function<std::vector<std::string>>(
               flag.flag,
               [&flags, axis = parameter.name](const std::vector<std::string>& values) {
                 flags.of_axis[axis] = values;
               },
               parameter.doc)
            ->delimiter(',');
  app.add_option("--hidden", flags.hidden, "hidden sizes")->delimiter(',');
  app.add_option("--width", flags.width, "widths of an expert")->delimiter(',');
  app.add_option("--experts", flags.experts, "routed experts")->delimiter(',');
  app.add_option("--top-k", flags.top_k, "experts per token")->delimiter(',');
  add_repeatable(app, "--set", flags.overrides, "KEY=VALUE",
                 "override an axis: --set skews=[balanced] (repeatable)");
}

const RegisterCommand kProfile{
    "profile",
    {.summary = "measure gate and expert kernels on this machine, for calibrate",
     .declare = [](CLI::App& app) -> std::function<int()> {
       auto flags = std::make_shared<ProfileFlags>();
       app.add_option("AXES", flags->axes,
                      "what to measure: a file, or one of scenarios/profiles (default: default, or "
                      "cpu-default without a GPU)");
       app.add_option("--device", flags->device,
                      "auto: the GPU where there is one; cpu: threads and a BLAS; cpu_reference: "
                      "plain loops")
           ->check(CLI::IsMember({"auto", "cuda", "cpu", "cpu_reference"}))
           ->capture_default_str();
       app.add_option("-o,--out", flags->output,
                      "FILE to write; one of the same sweep that was interrupted is gone on with");
       auto* quick = app.add_flag("--quick", flags->quick, "a sweep of seconds");
       app.add_flag("--full", flags->full, "a sweep of 15 minutes")->excludes(quick);
       app.add_flag("--dry-run", flags->dry_run, "say what would be measured");
       app.add_flag("-q,--quiet", flags->quiet, "no progress line");
       declare_axes(app, *flags);
       return [flags] { return profile(*flags); };
     }}};

}  // namespace
}  // namespace moesim
