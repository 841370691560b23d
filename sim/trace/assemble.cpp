#include "sim/trace/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace moesim {
namespace {

constexpr float kNotRecorded = std::numeric_limits<float>::quiet_NaN();

}  // namespace

void HeaderScan::header(const TraceHeader& known) {
  const auto take = [](auto& mine, const auto& theirs, const auto& none) {
    if (theirs != none) mine = theirs;
  };
  take(known_.model, known.model, std::string());
  take(known_.source, known.source, std::string());
  take(known_.notes, known.notes, std::string());
  take(known_.experts, known.experts, 0);
  take(known_.top_k, known.top_k, 0);
  take(known_.layers, known.layers, std::vector<int>());
  take(known_.order, known.order, IdOrder::kUnknown);
  take(known_.weights, known.weights, FloatWidth::kNone);
  take(known_.logits, known.logits, FloatWidth::kNone);
  take(known_.domains, known.domains, std::vector<std::string>());
  known_.absent_ids |= known.absent_ids;
  known_.requests |= known.requests;
  known_.positions |= known.positions;
}

void HeaderScan::routes(RouteRows rows) {
  layers_.insert(rows.layer);
  top_k_ = std::max(top_k_, rows.top_k);
  for (const std::int16_t id : rows.ids) {
    highest_id_ = std::max<int>(highest_id_, id);
    absent_ |= id < 0;
  }
  weights_ |= !rows.weights.empty();
  if (rows.logit_rows.empty()) return;
  logits_ = true;
  experts_ = std::max(experts_, static_cast<int>(rows.logits.size() / rows.logit_rows.size()));
}

void HeaderScan::counts(LayerCounts counts) {
  layers_.insert(counts.layer);
  experts_ = std::max(experts_, static_cast<int>(counts.counts.size()));
}

void HeaderScan::columns(TokenColumns columns) {
  requests_ |= !columns.requests.empty();
  positions_ |= !columns.positions.empty();
  for (const std::string& name : columns.domains)
    if (!name.empty() && domain_set_.insert(name).second) domains_.push_back(name);
}

TraceHeader HeaderScan::result(const ConvertOptions& options, const Spot& spot) const {
  if (layers_.empty() && known_.layers.empty()) throw InputError(spot, "there is no routing in it");
  TraceHeader header = known_;
  const int seen = std::max(experts_, highest_id_ + 1);
  if (!options.model.empty()) header.model = options.model;
  if (options.experts > 0) header.experts = options.experts;
  if (header.experts == 0) header.experts = seen;
  if (seen > header.experts)
    throw InputError(
        spot, fmt::format("there is an expert {}, but {} experts", seen - 1, header.experts));
  if (header.layers.empty()) header.layers.assign(layers_.begin(), layers_.end());
  for (const int layer : layers_)
    if (std::find(header.layers.begin(), header.layers.end(), layer) == header.layers.end())
      throw InputError(spot, fmt::format("layer {} is not among the layers of the header", layer));
  if (header.top_k == 0) header.top_k = top_k_;
  if (top_k_ > header.top_k)
    throw InputError(spot,
                     fmt::format("a token has {} experts, but top-k is {}", top_k_, header.top_k));
  if (header.domains.empty()) header.domains = domains_;
  header.absent_ids |= absent_;
  if (weights_ && header.weights == FloatWidth::kNone) header.weights = FloatWidth::kSingle;
  if (logits_ && header.logits == FloatWidth::kNone) header.logits = FloatWidth::kSingle;
  header.requests |= requests_;
  header.positions |= positions_;
  return header;
}

Assembler::Assembler(const TraceHeader& header, TraceSink& sink) : header_(header), sink_(sink) {
  for (std::size_t i = 0; i < header.layers.size(); ++i) layer_index_[header.layers[i]] = i;
  for (std::size_t i = 0; i < header.domains.size(); ++i)
    domain_index_[header.domains[i]] = static_cast<std::int16_t>(i);
}

// Files of several ranks have the same steps.
void Assembler::set_file(const InputFile& file) {
  flush();
  closed_steps_.clear();
  spot_ = file.spot();
}

void Assembler::close_step(std::int64_t step) {
  for (const TokenBatch& batch : batches_)
    if (batch.step == step) sink_.tokens(batch);
  for (const CountBatch& batch : counts_)
    if (batch.step == step) sink_.counts(batch);
  std::erase_if(batches_, [&](const TokenBatch& batch) { return batch.step == step; });
  std::erase_if(counts_, [&](const CountBatch& batch) { return batch.step == step; });
  std::erase(open_steps_, step);
  closed_steps_.insert(step);
}

void Assembler::pass_records_on() {
  for (const std::string& line : records_) sink_.record(line);
  records_.clear();
}

// Steps are handed on in order once enough later ones have begun.
void Assembler::open_step(std::int64_t step) {
  if (std::find(open_steps_.begin(), open_steps_.end(), step) != open_steps_.end()) return;
  if (closed_steps_.contains(step))
    throw InputError(spot_, fmt::format("step {} comes back after {} others", step, kOpenSteps),
                     "sort the lines by step");
  open_steps_.push_back(step);
  if (open_steps_.size() <= kOpenSteps) return;
  close_step(open_steps_.front());
  pass_records_on();
}

TokenBatch& Assembler::open_batch(std::int64_t step, int rank) {
  open_step(step);
  const auto found = std::find_if(batches_.rbegin(), batches_.rend(), [&](const TokenBatch& open) {
    return open.step == step && open.rank == rank;
  });
  if (found != batches_.rend()) return *found;
  return batches_.emplace_back(TokenBatch{.step = step, .rank = rank});
}

void Assembler::batch(std::int64_t step, int rank, int tokens) {
  const auto is_same = [&](const auto& open) { return open.step == step && open.rank == rank; };
  const bool again = tokens < 0 ? std::any_of(counts_.begin(), counts_.end(), is_same)
                                : std::any_of(batches_.begin(), batches_.end(), is_same);
  if (again) flush();
  closed_steps_.erase(step);  // what is announced may well come back
  open_step(step);
  if (tokens >= 0) grow(open_batch(step, rank), tokens);
}

void Assembler::grow(TokenBatch& batch, std::int64_t tokens) {
  if (tokens <= batch.tokens) return;
  batch.tokens = static_cast<int>(tokens);
  const std::size_t rows = static_cast<std::size_t>(tokens);
  const std::size_t routes = rows * header_.layers.size() * static_cast<std::size_t>(header_.top_k);
  batch.ids.resize(routes, -1);
  if (header_.weights != FloatWidth::kNone) batch.weights.resize(routes, kNotRecorded);
  if (header_.requests) batch.requests.resize(rows, -1);
  if (header_.positions) batch.positions.resize(rows, -1);
  if (!header_.domains.empty()) batch.domains.resize(rows, -1);
}

void Assembler::routes(RouteRows rows) {
  if (rows.top_k == 0) return;
  TokenBatch& batch = open_batch(rows.step, rows.rank);
  const std::size_t given = static_cast<std::size_t>(rows.top_k);
  const std::size_t count = rows.ids.size() / given;
  grow(batch, rows.row0 + static_cast<std::int64_t>(count));
  const std::size_t k = static_cast<std::size_t>(header_.top_k);
  const std::size_t layer = layer_index(rows.layer), layers = header_.layers.size();
  for (std::size_t row = 0; row < count; ++row) {
    const std::size_t token = static_cast<std::size_t>(rows.row0) + row;
    const std::size_t to = (token * layers + layer) * k;
    for (std::size_t choice = 0; choice < given; ++choice) {
      batch.ids[to + choice] = rows.ids[row * given + choice];
      if (!rows.weights.empty()) batch.weights[to + choice] = rows.weights[row * given + choice];
    }
  }
  add_logits(batch, rows);
}

// A token's logits come layer by layer; it has a place for all of them once the first has come.
void Assembler::add_logits(TokenBatch& batch, const RouteRows& rows) {
  const std::size_t layer = layer_index(rows.layer), layers = header_.layers.size();
  const std::size_t width = static_cast<std::size_t>(header_.experts);
  for (std::size_t i = 0; i < rows.logit_rows.size(); ++i) {
    const std::int32_t token = static_cast<std::int32_t>(rows.row0) + rows.logit_rows[i];
    auto& tokens = batch.logit_tokens;
    const auto place = std::lower_bound(tokens.begin(), tokens.end(), token);
    const std::size_t at = static_cast<std::size_t>(place - tokens.begin());
    if (place == tokens.end() || *place != token) {
      tokens.insert(place, token);
      batch.logits.insert(batch.logits.begin() + static_cast<std::ptrdiff_t>(at * layers * width),
                          layers * width, kNotRecorded);
    }
    const std::size_t given = rows.logits.size() / rows.logit_rows.size();
    std::copy_n(rows.logits.begin() + static_cast<std::ptrdiff_t>(i * given),
                std::min(given, width),
                batch.logits.begin() + static_cast<std::ptrdiff_t>((at * layers + layer) * width));
  }
}

void Assembler::counts(LayerCounts layer) {
  open_step(layer.step);
  const std::size_t experts = static_cast<std::size_t>(header_.experts);
  auto found = std::find_if(counts_.begin(), counts_.end(), [&](const CountBatch& open) {
    return open.step == layer.step && open.rank == layer.rank;
  });
  if (found == counts_.end()) {
    counts_.push_back({.step = layer.step, .rank = layer.rank});
    found = counts_.end() - 1;
    found->counts.resize(header_.layers.size() * experts, 0);
  }
  for (std::size_t e = 0; e < layer.counts.size(); ++e)
    found->counts[layer_index(layer.layer) * experts + e] += layer.counts[e];
}

void Assembler::columns(TokenColumns columns) {
  TokenBatch& batch = open_batch(columns.step, columns.rank);
  const std::size_t count =
      std::max({columns.requests.size(), columns.positions.size(), columns.domains.size()});
  grow(batch, columns.row0 + static_cast<std::int64_t>(count));
  const auto row0 = static_cast<std::ptrdiff_t>(columns.row0);
  std::copy(columns.requests.begin(), columns.requests.end(), batch.requests.begin() + row0);
  std::copy(columns.positions.begin(), columns.positions.end(), batch.positions.begin() + row0);
  for (std::size_t i = 0; i < columns.domains.size(); ++i)
    if (const auto found = domain_index_.find(columns.domains[i]); found != domain_index_.end())
      batch.domains[static_cast<std::size_t>(row0) + i] = found->second;
}

// A record waits until a step is complete, so that it does not come before its batches.
void Assembler::record(std::string line) {
  if (open_steps_.empty()) return sink_.record(line);
  records_.push_back(std::move(line));
}

void Assembler::flush() {
  while (!open_steps_.empty()) close_step(open_steps_.front());
  pass_records_on();
}

}  // namespace moesim
