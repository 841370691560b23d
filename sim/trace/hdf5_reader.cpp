#include "sim/trace/hdf5_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "sim/trace/half.hpp"
#include "sim/trace/hdf5_writer.hpp"

namespace moesim {
namespace {

FloatWidth float_width(const Hdf5Handle& dataset) {
  return Hdf5File::element_bytes(dataset) == 2 ? FloatWidth::kHalf : FloatWidth::kSingle;
}

IdOrder parse_order(const std::string& text) {
  for (const IdOrder order : {IdOrder::kScore, IdOrder::kId})
    if (to_string(order) == text) return order;
  return IdOrder::kUnknown;
}

}  // namespace

Hdf5Trace::Hdf5Trace(const std::filesystem::path& path, const std::string& shown, const Spot& spot)
    : file_(path, shown, spot), half_(half_type()) {
  read_header();
  if (file_.has("tokens")) open_tokens();
  if (file_.has("logits")) open_logits();
  if (file_.has("counts")) open_counts();
}

void Hdf5Trace::read_header() {
  const std::string schema = file_.text_attribute("schema");
  if (schema != kTraceSchema)
    throw InputError(file_.spot(),
                     schema.empty()
                         ? fmt::format("'{}' is an HDF5 file, but not a trace", file_.shown())
                         : fmt::format("'{}' has the schema '{}'", file_.shown(), schema),
                     fmt::format("this program reads '{}'", kTraceSchema));
  header_.model = file_.text_attribute("model");
  header_.source = file_.text_attribute("source");
  header_.notes = file_.text_attribute("notes");
  header_.order = parse_order(file_.text_attribute("id_order"));
  header_.experts = file_.number_attribute("experts");
  header_.top_k = file_.number_attribute("top_k");
  header_.absent_ids = file_.number_attribute("absent_ids") != 0;
  header_.layers = file_.read_column<int>(file_.open("model_layers", {}), H5T_NATIVE_INT);
  header_.domains = file_.texts("domains");
  if (header_.experts < 1 || header_.experts > 32767)
    file_.damaged(fmt::format("it has {} experts", header_.experts));
  if (header_.layers.empty() || header_.layer_count() != file_.number_attribute("layers"))
    file_.damaged("'layers' and 'model_layers' differ");
}

void Hdf5Trace::open_tokens() {
  const std::vector<hsize_t> shape = {header_.layers.size(), static_cast<hsize_t>(header_.top_k)};
  ids_ = file_.open("tokens/ids", shape);
  tokens_ = Hdf5File::rows(ids_);
  narrow_ = Hdf5File::element_bytes(ids_) == 1;
  id_bytes_ = static_cast<double>(Hdf5File::element_bytes(ids_) * header_.layers.size()) *
              static_cast<double>(tokens_) * header_.top_k;
  const auto column = [&](const std::string& name, const std::vector<hsize_t>& row) {
    if (!file_.has(name)) return Hdf5Handle();
    Hdf5Handle dataset = file_.open(name, row);
    if (Hdf5File::rows(dataset) != tokens_)
      file_.damaged(
          fmt::format("'{}' has {} rows for {} tokens", name, Hdf5File::rows(dataset), tokens_));
    return dataset;
  };
  weights_ = column("tokens/weights", shape);
  requests_ = column("tokens/request", {});
  positions_ = column("tokens/position", {});
  domains_ = column("tokens/domain", {});
  header_.requests = requests_.valid();
  header_.positions = positions_.valid();
  if (weights_.valid()) header_.weights = float_width(weights_);
  if (!domains_.valid()) header_.domains.clear();
  batch_steps_ = file_.read_column<std::int64_t>(file_.open("batches/step", {}), H5T_NATIVE_INT64);
  batch_ranks_ = file_.read_column<std::int32_t>(file_.open("batches/rank", {}), H5T_NATIVE_INT32);
  batch_tokens_ =
      file_.read_column<std::int64_t>(file_.open("batches/tokens", {}), H5T_NATIVE_INT64);
  const std::int64_t sum =
      std::accumulate(batch_tokens_.begin(), batch_tokens_.end(), std::int64_t{0});
  const bool possible = std::all_of(batch_tokens_.begin(), batch_tokens_.end(),
                                    [](std::int64_t n) { return n >= 0 && n <= 2147483647; });
  if (batch_steps_.size() != batch_tokens_.size() || batch_ranks_.size() != batch_tokens_.size() ||
      !possible || sum != tokens_)
    file_.damaged(fmt::format("'batches' has {} tokens, 'tokens' has {}", sum, tokens_));
}

void Hdf5Trace::open_logits() {
  logits_ =
      file_.open("logits/values", {header_.layers.size(), static_cast<hsize_t>(header_.experts)});
  logit_token_ = file_.open("logits/token", {});
  header_.logits = float_width(logits_);
  const std::vector<std::int64_t> tokens = logit_tokens();
  if (std::ssize(tokens) != Hdf5File::rows(logits_) ||
      !std::is_sorted(tokens.begin(), tokens.end()) ||
      (!tokens.empty() && (tokens.front() < 0 || tokens.back() >= tokens_)))
    file_.damaged("'logits/token' does not name the tokens of 'logits/values'");
}

void Hdf5Trace::open_counts() {
  counts_ =
      file_.open("counts/routes", {header_.layers.size(), static_cast<hsize_t>(header_.experts)});
  count_steps_ = file_.read_column<std::int64_t>(file_.open("counts/step", {}), H5T_NATIVE_INT64);
  count_ranks_ = file_.read_column<std::int32_t>(file_.open("counts/rank", {}), H5T_NATIVE_INT32);
  if (count_steps_.size() != count_ranks_.size() ||
      std::ssize(count_steps_) != Hdf5File::rows(counts_))
    file_.damaged("'counts/step' and 'counts/routes' differ");
}

std::int64_t Hdf5Trace::steps() const {
  std::vector<std::int64_t> all = batch_steps_;
  all.insert(all.end(), count_steps_.begin(), count_steps_.end());
  std::sort(all.begin(), all.end());
  return std::unique(all.begin(), all.end()) - all.begin();
}

std::vector<float> Hdf5Trace::floats(const Hdf5Handle& dataset, FloatWidth width,
                                     std::int64_t first, std::int64_t count, int layer,
                                     int row) const {
  const std::size_t layers = layer < 0 ? header_.layers.size() : 1;
  std::vector<float> values(static_cast<std::size_t>(count) * layers *
                            static_cast<std::size_t>(row));
  if (width == FloatWidth::kSingle) {
    file_.read_rows(dataset, first, count, layer, H5T_NATIVE_FLOAT, values.data());
    return values;
  }
  std::vector<std::uint16_t> halves(values.size());
  file_.read_rows(dataset, first, count, layer, half_.id(), halves.data());
  std::transform(halves.begin(), halves.end(), values.begin(), half_to_float);
  return values;
}

std::vector<std::int16_t> Hdf5Trace::ids(std::int64_t first, std::int64_t count, int layer) const {
  const std::size_t layers = layer < 0 ? header_.layers.size() : 1;
  std::vector<std::int16_t> ids(static_cast<std::size_t>(count) * layers *
                                static_cast<std::size_t>(header_.top_k));
  file_.read_rows(ids_, first, count, layer, H5T_NATIVE_INT16, ids.data());
  const std::int16_t absent = narrow_ ? 255 : -1;
  for (std::int16_t& id : ids) {
    if (header_.absent_ids && id == absent)
      id = -1;
    else if (id < 0 || id >= header_.experts)
      file_.damaged(fmt::format("an id is {}, but there are {} experts", id, header_.experts));
  }
  return ids;
}

std::vector<float> Hdf5Trace::weights(std::int64_t first, std::int64_t count, int layer) const {
  return floats(weights_, header_.weights, first, count, layer, header_.top_k);
}

std::vector<std::int16_t> Hdf5Trace::domains() const {
  const auto domains = file_.read_column<std::int16_t>(domains_, H5T_NATIVE_INT16);
  check_domains(domains);
  return domains;
}

void Hdf5Trace::check_domains(const std::vector<std::int16_t>& domains) const {
  for (const std::int16_t domain : domains)
    if (domain < -1 || domain >= std::ssize(header_.domains))
      file_.damaged(fmt::format("a token is of domain {}, but {} have names", domain,
                                header_.domains.size()));
}

std::vector<std::int64_t> Hdf5Trace::logit_tokens() const {
  if (!logit_token_.valid()) return {};
  return file_.read_column<std::int64_t>(logit_token_, H5T_NATIVE_INT64);
}

std::vector<float> Hdf5Trace::logits(std::int64_t first, std::int64_t count, int layer) const {
  return floats(logits_, header_.logits, first, count, layer, header_.experts);
}

std::vector<std::int64_t> Hdf5Trace::counts(std::int64_t batch) const {
  std::vector<std::int64_t> counts(header_.layers.size() *
                                   static_cast<std::size_t>(header_.experts));
  file_.read_rows(counts_, batch, 1, -1, H5T_NATIVE_INT64, counts.data());
  if (std::any_of(counts.begin(), counts.end(), [](std::int64_t count) { return count < 0; }))
    file_.damaged("a count is negative");
  return counts;
}

TokenBatch Hdf5Trace::read_batch(std::size_t batch, std::int64_t first, std::size_t& logit_row,
                                 const std::vector<std::int64_t>& logit_tokens) const {
  const std::int64_t count = batch_tokens_[batch];
  TokenBatch read{.step = batch_steps_[batch],
                  .rank = batch_ranks_[batch],
                  .tokens = static_cast<int>(count),
                  .ids = ids(first, count, -1)};
  const auto column = [&]<class T>(const Hdf5Handle& dataset, std::vector<T>& values, hid_t type) {
    if (!dataset.valid()) return;
    values.resize(static_cast<std::size_t>(count));
    file_.read_rows(dataset, first, count, -1, type, values.data());
  };
  if (weights_.valid()) read.weights = weights(first, count, -1);
  column(requests_, read.requests, H5T_NATIVE_INT64);
  column(positions_, read.positions, H5T_NATIVE_INT32);
  column(domains_, read.domains, H5T_NATIVE_INT16);
  check_domains(read.domains);
  const std::size_t from = logit_row;
  while (logit_row < logit_tokens.size() && logit_tokens[logit_row] < first + count)
    read.logit_tokens.push_back(static_cast<std::int32_t>(logit_tokens[logit_row++] - first));
  if (logit_row > from)
    read.logits =
        logits(static_cast<std::int64_t>(from), static_cast<std::int64_t>(logit_row - from), -1);
  return read;
}

void Hdf5Trace::replay(TraceSink& sink) const {
  sink.begin(header_);
  const std::vector<std::int64_t> with_logits = logit_tokens();
  std::size_t logit_row = 0;
  std::int64_t first = 0;
  for (std::size_t batch = 0; batch < batch_tokens_.size(); ++batch) {
    sink.tokens(read_batch(batch, first, logit_row, with_logits));
    first += batch_tokens_[batch];
  }
  for (std::size_t batch = 0; batch < count_steps_.size(); ++batch)
    sink.counts({.step = count_steps_[batch],
                 .rank = count_ranks_[batch],
                 .counts = counts(static_cast<std::int64_t>(batch))});
  for (const std::string& line : file_.texts("records")) sink.record(line);
  sink.finish();
}

}  // namespace moesim
