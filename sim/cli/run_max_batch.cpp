#include "sim/cli/run_max_batch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/format.hpp"
#include "analysis/json.hpp"
#include "analysis/paint.hpp"
#include "sim/cli/command.hpp"
#include "sim/max_batch.hpp"

namespace moesim {
namespace {

constexpr std::size_t kLabel = 16, kBar = 40, kFigures = 21;

struct Component {
  const char* key;
  const char* text;
  Bytes MemoryUse::*size;
};
constexpr Component kComponents[] = {
    {"experts", "experts", &MemoryUse::experts},
    {"dense", "dense weights", &MemoryUse::dense},
    {"kv", "KV cache", &MemoryUse::kv},
    {"activations", "activations", &MemoryUse::activations},
    {"buffers", "buffers", &MemoryUse::buffers},
    {"staging", "under way", &MemoryUse::staging},
    {"reserve", "reserve", &MemoryUse::reserve},
};

Bytes growth(const LargestBatch& batch, const Component& part) {
  return batch.next.*part.size - batch.use.*part.size;
}

// Memory would do for one unit more.
bool limited_by_buffers(const LargestBatch& batch) {
  return batch.next.memory_suffices() && !batch.next.buffers_fit();
}

// What takes most of one unit more.
const Component& limit(const LargestBatch& batch) {
  return *std::max_element(
      std::begin(kComponents), std::end(kComponents),
      [&](const Component& a, const Component& b) { return growth(batch, a) < growth(batch, b); });
}

bool prefill(const Scenario& scenario) {
  return scenario.workload.phase == WorkloadPhase::kPrefill;
}

// "312 sequences", "16384 tokens in 4 prompts", "512 tokens of prompts and 40 sequences"
std::string batch_text(const Scenario& scenario, const LargestBatch& batch) {
  const int units = (batch.tokens_per_gpu - batch.fixed) / batch.unit;
  if (!prefill(scenario))
    return (batch.fixed > 0 ? count_text(batch.fixed, "token") + " of prompts and " : "") +
           count_text(units, "sequence");
  if (batch.unit == 1 && scenario.workload.context > 1)
    return count_text(units, "token") + ", a part of a prompt,";
  return count_text(batch.tokens_per_gpu, "token") + " in " + count_text(units, "prompt");
}

std::string unit_text(const Scenario& scenario, const LargestBatch& batch) {
  if (!prefill(scenario)) return "sequence";
  return batch.unit > 1 ? "prompt" : "token";
}

std::string command(const ScenarioFlags& flags, int tokens) {
  std::string text = "moesim run " + flags.path;
  for (const std::string& set : flags.overrides) text += " --set '" + set + "'";
  if (flags.seed) text += fmt::format(" --seed {}", *flags.seed);
  return text + fmt::format(" --set workload.tokens_per_gpu={}", tokens);
}

void print_memory(const LargestBatch& batch, const Screen& screen) {
  const Paint paint(screen.colour);
  const std::size_t room = screen.prose() - kLabel;
  const std::size_t width = std::min(kBar, room - kFigures);
  const MemoryUse& use = batch.use;
  const Bytes free(use.capacity.value - use.total().value);
  double longest = free.value;
  for (const Component& part : kComponents) longest = std::max(longest, (use.*part.size).value);
  const auto row = [&](const char* text, Bytes size, Ink ink) {
    if (!(size.value > 0)) return;
    fmt::print(
        "{}{}{}{}\n", pad_right(text, kLabel),
        pad_right(paint(ink, screen.shown(bar(static_cast<double>(width) * size.value / longest))),
                  width),
        pad_left(format_bytes(size), 10), pad_left(format_percent(size / use.capacity), 11));
  };
  for (const Component& part : kComponents) row(part.text, use.*part.size, Ink::kBlue);
  row("free", free, Ink::kYellow);
}

Json memory_json(const LargestBatch& batch) {
  Json json = Json::object();
  for (const Component& part : kComponents)
    json[part.key] = number_or_null((batch.use.*part.size).value);
  json["free"] = number_or_null(batch.use.capacity.value - batch.use.total().value);
  json["capacity"] = number_or_null(batch.use.capacity.value);
  return json;
}

const char* limited_by(const LargestBatch& batch) {
  if (limited_by_buffers(batch)) return "buffer_limit";
  return batch.tokens_per_gpu > 0 ? limit(batch).key : "weights";
}

std::string lack_text(const LargestBatch& batch) {
  const MemoryUse& use = batch.use;
  if (!use.memory_suffices())
    return fmt::format("it lacks {}", format_bytes(use.total() - use.capacity));
  return fmt::format("it needs {} of buffers, and the exchange library allocates {} at the most",
                     format_bytes(use.buffers), format_bytes(*use.buffer_limit));
}

Json document_of(const Scenario& scenario, const LargestBatch& batch) {
  Json growths = Json::object();
  for (const Component& part : kComponents)
    growths[part.key] = number_or_null(growth(batch, part).value);
  return {{"schema", "moesim.max_batch/1"},
          {"scenario", to_json(scenario.resolved)},
          {"fits", batch.fits_now},
          {"tokens_per_gpu", batch.tokens_per_gpu},
          {"unit_tokens", batch.unit},
          {"gpu", batch.gpu.value},
          {"memory_bytes", memory_json(batch)},
          {"bytes_per_unit", growths},
          {"buffer_limit_bytes",
           batch.use.buffer_limit ? Json(batch.use.buffer_limit->value) : Json(nullptr)},
          {"limited_by", limited_by(batch)}};
}

void print_limit(const Scenario& scenario, const LargestBatch& batch) {
  const Component& most = limit(batch);
  fmt::print("\none {} more     {}, of which {} {}\n", unit_text(scenario, batch),
             format_bytes(batch.next.total() - batch.use.total()), most.text,
             format_bytes(growth(batch, most)));
  if (limited_by_buffers(batch))
    fmt::print("which fits, but the exchange library allocates {} of buffers at the most\n",
               format_bytes(*batch.use.buffer_limit));
}

}  // namespace

int run_max_batch(const ScenarioFlags& flags, const OutputFlags& output) {
  const Scenario scenario = flags.read();
  const LargestBatch batch = largest_batch(scenario);
  const bool any = batch.tokens_per_gpu > 0;
  if (output.json) {
    fmt::print("{}", write_json(document_of(scenario, batch)));
    return any ? kExitDone : kExitNo;
  }
  const Screen screen = output.screen();
  const Paint paint(screen.colour);
  const Cluster& cluster = *scenario.cluster;
  fmt::print("{}\n{} on {} {} {} in {}\n{}, context {}, {} per GPU: {}\n\n",
             paint(Ink::kBold, scenario.name), scenario.model.name, cluster.gpus(),
             screen.shown("×"), cluster.gpu().name, count_text(cluster.nodes(), "node"),
             scenario.workload.phase_name(), scenario.workload.context,
             count_text(scenario.workload.tokens_per_gpu, "token"),
             batch.fits_now ? "fits" : "does not fit");
  if (any)
    fmt::print("largest batch   {} per GPU\n", paint(Ink::kBold, batch_text(scenario, batch)));
  else
    fmt::print("{}\n",
               wrap(fmt::format("not even one token fits: {}; {}", lack_text(batch), batch.way_out),
                    screen.prose(), ""));
  fmt::print("memory          GPU {}, the fullest, of {}{}\n\n", batch.gpu.value,
             format_bytes(batch.use.capacity), any ? "" : ", with one token");
  print_memory(batch, screen);
  if (!any) return kExitNo;
  print_limit(scenario, batch);
  fmt::print("to simulate it  {}\n", command(flags, batch.tokens_per_gpu));
  return kExitDone;
}

}  // namespace moesim
