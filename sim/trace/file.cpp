// `file`: replays a recorded trace (HDF5, scenarios/README.md).
//
// Tokens are taken in the order of the recording, or shuffled, from its start on, and again from
// its start when it ends; each source GPU gets a stretch of them. A part of the trace, every n-th
// block of tokens, is never replayed: it is the profiling window of offline placement. A trace of
// counts is scaled to the tokens of the step and dealt evenly to the sources.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "sim/base/presets.hpp"
#include "sim/trace/count_store.hpp"
#include "sim/trace/deal.hpp"
#include "sim/trace/sized_trace.hpp"
#include "sim/trace/token_store.hpp"

namespace moesim {
namespace {

constexpr std::size_t kHoldoutBlock = 256;  // tokens

class FileTrace final : public SizedTrace {
 public:
  explicit FileTrace(const Arguments& arguments) : arguments_(arguments) {}

  void fit(const MoeModel& model, Mistakes& mistakes) override;
  Routing route(const RoutingRequest& request) const override;
  Routing profile_route(const RoutingRequest& request) const override;
  ExpertLoad profile(int steps, std::span<const int> tokens, Random random) const override;
  std::vector<std::string> notes() const override { return notes_; }

 private:
  const TraceHeader& header() const { return store_->file().header(); }
  int recorded_layer(LayerId layer) const { return layer.value % header().layer_count(); }
  bool has_tokens() const { return store_->file().tokens() > 0; }
  void check_model(const MoeModel& model, Mistakes& mistakes) const;
  std::vector<std::uint32_t> selected_tokens() const;
  void choose_tokens();
  void shuffle();
  void write_notes(const MoeModel& model);

  const std::vector<std::uint32_t>& window() const {
    return held_out_.empty() ? replayed_ : held_out_;
  }
  Routing route_tokens(const RoutingRequest& request,
                       const std::vector<std::uint32_t>& order) const;
  Routing route_with_logits(const RoutingRequest& request) const;
  Routing route_counts(const RoutingRequest& request, const std::vector<double>& counts) const;
  std::vector<double> window_counts(int layer) const;

  Arguments arguments_;
  std::unique_ptr<TokenStore> store_;
  std::vector<std::uint32_t> replayed_, held_out_;        // rows, in the order of replay
  std::vector<std::uint32_t> logit_rows_, logit_tokens_;  // rows of the logits, and their tokens
  CountStore counts_;
  std::vector<std::string> notes_;
};

void FileTrace::fit(const MoeModel& model, Mistakes& mistakes) {
  SizedTrace::fit(model, mistakes);
  try {
    const std::filesystem::path path = arguments_.existing_file("path");
    store_ = std::make_unique<TokenStore>(path, shown_path(path), arguments_.spot("path"));
    if (!has_tokens() && store_->file().count_batches() == 0)
      throw InputError(arguments_.spot("path"),
                       fmt::format("'{}' has no tokens and no counts", shown_path(path)));
    check_model(model, mistakes);
    if (has_tokens()) {
      choose_tokens();
    } else {
      counts_ = CountStore(store_->file(), arguments_.number("holdout"));
    }
    write_notes(model);
  } catch (const InputError& error) {
    mistakes.add(error);
  }
}

void FileTrace::check_model(const MoeModel& model, Mistakes& mistakes) const {
  const auto differ = [&](const char* what, int recorded, int wanted) {
    if (recorded == wanted) return;
    mistakes.add(arguments_.spot("path"),
                 fmt::format("'{}' has {} {}, but {} has {}", arguments_.text("path"), what,
                             recorded, model.name, wanted),
                 "replay it on the model it is from, or use a generated trace");
  };
  differ("experts", header().experts, model.experts);
  if (has_tokens()) differ("top-k", header().top_k, model.top_k);
}

std::vector<std::uint32_t> FileTrace::selected_tokens() const {
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(store_->file().tokens()));
  std::iota(rows.begin(), rows.end(), 0U);
  if (!arguments_.has("domains")) return rows;
  const std::vector<std::string>& names = header().domains;
  std::vector<bool> wanted(names.size(), false);
  for (const std::string& name : arguments_.texts("domains")) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      throw InputError(arguments_.spot("domains"),
                       fmt::format("'{}' has no domain '{}'", arguments_.text("path"), name),
                       names.empty() ? "its tokens have no domains" : hint_for(name, names));
    wanted[static_cast<std::size_t>(found - names.begin())] = true;
  }
  const std::vector<std::int16_t> domains = store_->file().domains();
  std::erase_if(rows, [&](std::uint32_t row) {
    const std::int16_t domain = domains[row];
    return domain < 0 || static_cast<std::size_t>(domain) >= wanted.size() ||
           !wanted[static_cast<std::size_t>(domain)];
  });
  if (rows.empty()) throw InputError(arguments_.spot("domains"), "no token is of these domains");
  return rows;
}

void FileTrace::choose_tokens() {
  const std::vector<std::uint32_t> selected = selected_tokens();
  hold_out(selected, kHoldoutBlock, arguments_.number("holdout"), replayed_, held_out_);
  if (arguments_.text("order") == "shuffled") shuffle();
  const std::vector<std::int64_t> with_logits = store_->file().logit_tokens();
  for (std::size_t row = 0; row < with_logits.size(); ++row) {
    const std::uint32_t token = static_cast<std::uint32_t>(with_logits[row]);
    if (!std::binary_search(selected.begin(), selected.end(), token) ||
        std::binary_search(held_out_.begin(), held_out_.end(), token))
      continue;
    logit_rows_.push_back(static_cast<std::uint32_t>(row));
    logit_tokens_.push_back(token);
  }
}

// One shuffle for all seeds: the trace is data, and what a seed varies is the draws.
void FileTrace::shuffle() {
  if (!store_->is_held())
    throw InputError(arguments_.spot("order"),
                     fmt::format("'{}' has {:.3g} MB of ids, too many to shuffle",
                                 arguments_.text("path"), store_->file().id_bytes() / 1e6),
                     fmt::format("up to {:.3g} MB are held in memory, larger traces are read in "
                                 "order",
                                 TokenStore::kHeldBytes / 1e6));
  Rng rng(0, Purpose::kRouting);
  for (std::size_t i = replayed_.size(); i > 1; --i)
    std::swap(replayed_[i - 1],
              replayed_[static_cast<std::size_t>(rng.below(static_cast<int>(i)))]);
}

void FileTrace::write_notes(const MoeModel& model) {
  const int recorded = header().layer_count();
  if (recorded < layers_)
    notes_.push_back(fmt::format("trace: the {} recorded layers are repeated for the {} of {}",
                                 recorded, layers_, model.name));
  if (recorded > layers_)
    notes_.push_back(
        fmt::format("trace: the first {} of {} recorded layers are replayed", layers_, recorded));
  if (has_tokens() && held_out_.empty() && arguments_.number("holdout") > 0)
    notes_.push_back(
        "trace: too short to hold a profiling window out; offline placement sees what is replayed");
  if (!has_tokens())
    notes_.push_back("trace: only counts are recorded; they are spread evenly over the GPUs");
}

Routing FileTrace::route(const RoutingRequest& request) const {
  if (!has_tokens()) {
    refuse_logits(request, arguments_.section());
    const std::size_t step = request.step.index() % counts_.replayed_steps();
    return route_counts(request,
                        counts_.counts(store_->file(), step, recorded_layer(request.layer)));
  }
  return request.detail == RoutingDetail::kLogits ? route_with_logits(request)
                                                  : route_tokens(request, replayed_);
}

// Of counts, every step of the window is like the whole of it.
Routing FileTrace::profile_route(const RoutingRequest& request) const {
  refuse_logits(request, arguments_.section());
  return has_tokens() ? route_tokens(request, window())
                      : route_counts(request, window_counts(recorded_layer(request.layer)));
}

// `count` rows of `order` for a step, in a circle.
std::vector<std::uint32_t> rows_of_step(const std::vector<std::uint32_t>& order, StepId step,
                                        int count) {
  const std::uint64_t start =
      static_cast<std::uint64_t>(step.value) * static_cast<std::uint64_t>(count);
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = order[(start + i) % order.size()];
  return rows;
}

Routing FileTrace::route_tokens(const RoutingRequest& request,
                                const std::vector<std::uint32_t>& order) const {
  Routing routing{.top_k = top_k_, .first_token = first_tokens(request.tokens)};
  const int layer = recorded_layer(request.layer);
  const std::vector<std::uint32_t> rows = rows_of_step(order, request.step, routing.tokens());
  routing.ids = store_->ids(rows, layer);
  if (request.detail == RoutingDetail::kIds && header().weights != FloatWidth::kNone)
    routing.weights = store_->weights(rows, layer);
  routing.counts = count_routes(routing, experts_);
  return routing;
}

Routing FileTrace::route_with_logits(const RoutingRequest& request) const {
  if (logit_rows_.empty()) refuse_logits(request, arguments_.section());
  Routing routing{.top_k = top_k_, .first_token = first_tokens(request.tokens)};
  const int layer = recorded_layer(request.layer);
  const std::vector<float>& all = store_->logits(layer);
  std::vector<std::uint32_t> places(logit_rows_.size());
  std::iota(places.begin(), places.end(), 0U);
  std::vector<std::uint32_t> tokens;
  for (const std::uint32_t place : rows_of_step(places, request.step, routing.tokens())) {
    tokens.push_back(logit_tokens_[place]);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(logit_rows_[place]) * experts_;
    routing.logits.insert(routing.logits.end(), begin, begin + experts_);
  }
  routing.ids = store_->ids(tokens, layer);
  if (header().weights != FloatWidth::kNone) routing.weights = store_->weights(tokens, layer);
  routing.counts = count_routes(routing, experts_);
  return routing;
}

Routing FileTrace::route_counts(const RoutingRequest& request,
                                const std::vector<double>& counts) const {
  const int total = first_tokens(request.tokens).back();
  const std::vector<int> routes =
      apportion(counts, static_cast<std::int64_t>(total) * top_k_, total);
  return deal_routes(list_by_count(routes), experts_, top_k_, request.tokens, request.detail);
}

std::vector<double> FileTrace::window_counts(int layer) const {
  if (!has_tokens()) return counts_.window_counts(store_->file(), layer);
  std::vector<double> counts(static_cast<std::size_t>(experts_), 0.0);
  for (const std::int16_t id : store_->ids(window(), layer))
    if (id >= 0) ++counts[static_cast<std::size_t>(id)];
  return counts;
}

// The whole window, scaled to the tokens that are asked for.
ExpertLoad FileTrace::profile(int steps, std::span<const int> tokens, Random) const {
  const double routes = static_cast<double>(first_tokens(tokens).back()) * top_k_ * steps;
  std::vector<std::vector<double>> windows;
  for (int layer = 0; layer < std::min(layers_, header().layer_count()); ++layer)
    windows.push_back(window_counts(layer));
  ExpertLoad load(layers_, experts_);
  for (const LayerId layer : load.row_ids()) {
    const std::vector<double>& window = windows[static_cast<std::size_t>(recorded_layer(layer))];
    const double counted = std::accumulate(window.begin(), window.end(), 0.0);
    for (const ExpertId expert : load.column_ids())
      load(layer, expert) = counted > 0 ? window[expert.index()] * routes / counted : 0;
  }
  return load;
}

const Register<Trace, FileTrace> kFile{
    {.name = "file",
     .summary = "replays a recorded trace",
     .parameters = {{.name = "path",
                     .type = ParameterType::kPath,
                     .doc = "an HDF5 trace (`moesim trace convert` makes one)",
                     .required = true},
                    {.name = "domains",
                     .type = ParameterType::kTexts,
                     .doc = "replay only tokens of these domains"},
                    {.name = "order",
                     .type = ParameterType::kChoice,
                     .doc = "tokens in the order of the recording, or shuffled",
                     .fallback = "recorded",
                     .choices = {"recorded", "shuffled"}},
                    {.name = "holdout",
                     .type = ParameterType::kNumber,
                     .doc = "share of the trace kept as the profiling window and never replayed; "
                            "0 replays all of it and profiles the same tokens",
                     .fallback = "0.125",
                     .minimum = 0,
                     .maximum = 0.5}}}};

}  // namespace
}  // namespace moesim
