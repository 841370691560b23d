#include "sim/trace/hdf5_writer.hpp"

#include "sim/base/check.hpp"
#include "sim/trace/half.hpp"
#include "sim/trace/hdf5_handle.hpp"
#include "sim/trace/unfinished_file.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr hsize_t kTokenRows = 2048;  // tokens in a chunk
constexpr hsize_t kBatchRows = 1024;
constexpr hsize_t kCountRows = 16;
constexpr hsize_t kLogitRows = 256;

class Hdf5Writer final : public TraceSink {
 public:
  Hdf5Writer(fs::path path, Spot spot) : target_(std::move(path), std::move(spot)) {
    silence_hdf5();
  }

  void begin(const TraceHeader& header) override;
  void tokens(const TokenBatch& batch) override;
  void counts(const CountBatch& batch) override;
  void record(const std::string& line) override;
  void finish() override;

 private:
  void need(bool done) const { target_.need(done); }
  Hdf5Handle make_group(const char* name) const;
  void write_attributes() const;
  void write_attribute(const char* name, const std::string& value) const;
  void write_attribute(const char* name, int value) const;
  void make_token_columns();
  void append_ids(const TokenBatch& batch);
  void append_floats(GrowingDataset& column, FloatWidth width, const std::vector<float>& values,
                     std::size_t rows);
  template <class T>
  void append_column(GrowingDataset& column, const std::vector<T>& values, int rows) {
    MOESIM_CHECK(values.size() == static_cast<std::size_t>(rows), "a column has a row per token");
    need(column.append(values.data(), values.size()));
  }

  UnfinishedFile target_;
  TraceHeader header_;
  std::int64_t tokens_written_ = 0;
  Hdf5Handle half_ = half_type(), text_ = text_type();
  Hdf5Handle file_, token_group_, batch_group_, logit_group_, count_group_;
  GrowingDataset step_, rank_, size_, ids_, weights_, requests_, positions_, domains_;
  GrowingDataset logit_token_, logits_, count_step_, count_rank_, counts_, records_;
};

Hdf5Handle Hdf5Writer::make_group(const char* name) const {
  Hdf5Handle group(H5Gcreate2(file_.id(), name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
  need(group.valid());
  return group;
}

void Hdf5Writer::write_attribute(const char* name, const std::string& value) const {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(
      H5Acreate2(file_.id(), name, text_.id(), space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  const char* text = value.c_str();
  need(H5Awrite(attribute.id(), text_.id(), &text) >= 0);
}

void Hdf5Writer::write_attribute(const char* name, int value) const {
  const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
  const Hdf5Handle attribute(
      H5Acreate2(file_.id(), name, H5T_STD_I32LE, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  need(H5Awrite(attribute.id(), H5T_NATIVE_INT, &value) >= 0);
}

void Hdf5Writer::write_attributes() const {
  write_attribute("schema", std::string(kTraceSchema));
  write_attribute("model", header_.model);
  write_attribute("source", header_.source);
  write_attribute("notes", header_.notes);
  write_attribute("id_order", to_string(header_.order));
  write_attribute("experts", header_.experts);
  write_attribute("top_k", header_.top_k);
  write_attribute("layers", header_.layer_count());
  write_attribute("absent_ids", header_.absent_ids ? 1 : 0);
}

void Hdf5Writer::begin(const TraceHeader& header) {
  header_ = header;
  MOESIM_CHECK(header.experts > 0 && !header.layers.empty(), "a trace has experts and layers");
  const Hdf5Handle options(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(options.id(), false);
  file_ = Hdf5Handle(H5Fcreate(target_.name(), H5F_ACC_TRUNC, options.id(), H5P_DEFAULT), H5Fclose);
  need(file_.valid());
  write_attributes();
  GrowingDataset layers(file_.id(), "model_layers", H5T_NATIVE_INT, {}, header.layers.size());
  need(layers.append(header.layers.data(), header.layers.size()) && layers.flush());
  if (!header.domains.empty()) {
    GrowingDataset names(file_.id(), "domains", text_.id(), {}, header.domains.size() + 1);
    for (const std::string& name : header_.domains) {
      const char* text = name.c_str();  // read when the column is flushed
      need(names.append(&text, 1));
    }
    need(names.flush());
  }
}

void Hdf5Writer::make_token_columns() {
  batch_group_ = make_group("batches");
  step_ = GrowingDataset(batch_group_.id(), "step", H5T_NATIVE_INT64, {}, kBatchRows);
  rank_ = GrowingDataset(batch_group_.id(), "rank", H5T_NATIVE_INT32, {}, kBatchRows);
  size_ = GrowingDataset(batch_group_.id(), "tokens", H5T_NATIVE_INT64, {}, kBatchRows);
  token_group_ = make_group("tokens");
  const hid_t group = token_group_.id();
  const std::vector<hsize_t> shape = {header_.layers.size(), static_cast<hsize_t>(header_.top_k)};
  const bool narrow = header_.experts <= (header_.absent_ids ? 255 : 256);
  ids_ =
      GrowingDataset(group, "ids", narrow ? H5T_NATIVE_UINT8 : H5T_NATIVE_INT16, shape, kTokenRows);
  const auto type_of = [&](FloatWidth width) {
    return width == FloatWidth::kHalf ? half_.id() : H5T_NATIVE_FLOAT;
  };
  if (header_.weights != FloatWidth::kNone)
    weights_ = GrowingDataset(group, "weights", type_of(header_.weights), shape, kTokenRows);
  if (header_.requests)
    requests_ = GrowingDataset(group, "request", H5T_NATIVE_INT64, {}, kTokenRows);
  if (header_.positions)
    positions_ = GrowingDataset(group, "position", H5T_NATIVE_INT32, {}, kTokenRows);
  if (!header_.domains.empty())
    domains_ = GrowingDataset(group, "domain", H5T_NATIVE_INT16, {}, kTokenRows);
  if (header_.logits == FloatWidth::kNone) return;
  logit_group_ = make_group("logits");
  logit_token_ = GrowingDataset(logit_group_.id(), "token", H5T_NATIVE_INT64, {}, kLogitRows);
  logits_ =
      GrowingDataset(logit_group_.id(), "values", type_of(header_.logits),
                     {header_.layers.size(), static_cast<hsize_t>(header_.experts)}, kLogitRows);
}

void Hdf5Writer::append_ids(const TokenBatch& batch) {
  const std::size_t rows = static_cast<std::size_t>(batch.tokens);
  if (header_.experts > (header_.absent_ids ? 255 : 256)) {
    need(ids_.append(batch.ids.data(), rows));
    return;
  }
  std::vector<std::uint8_t> narrow;
  narrow.reserve(batch.ids.size());
  for (const std::int16_t id : batch.ids) {
    MOESIM_CHECK(id >= 0 || header_.absent_ids, "an id is absent only where the header says so");
    narrow.push_back(static_cast<std::uint8_t>(id < 0 ? 255 : id));
  }
  need(ids_.append(narrow.data(), rows));
}

void Hdf5Writer::append_floats(GrowingDataset& column, FloatWidth width,
                               const std::vector<float>& values, std::size_t rows) {
  if (width == FloatWidth::kSingle) {
    need(column.append(values.data(), rows));
    return;
  }
  std::vector<std::uint16_t> halves;
  halves.reserve(values.size());
  for (const float value : values) halves.push_back(float_to_half(value));
  need(column.append(halves.data(), rows));
}

void Hdf5Writer::tokens(const TokenBatch& batch) {
  if (!ids_.exists()) make_token_columns();
  const std::int64_t count = batch.tokens;
  need(step_.append(&batch.step, 1) && rank_.append(&batch.rank, 1) && size_.append(&count, 1));
  const std::size_t routes = static_cast<std::size_t>(count) * header_.layers.size() *
                             static_cast<std::size_t>(header_.top_k);
  MOESIM_CHECK(batch.ids.size() == routes, "a batch has k ids per token and layer");
  append_ids(batch);
  if (weights_.exists()) {
    MOESIM_CHECK(batch.weights.size() == routes, "a batch has a weight per id");
    append_floats(weights_, header_.weights, batch.weights, static_cast<std::size_t>(count));
  }
  if (requests_.exists()) append_column(requests_, batch.requests, batch.tokens);
  if (positions_.exists()) append_column(positions_, batch.positions, batch.tokens);
  if (domains_.exists()) append_column(domains_, batch.domains, batch.tokens);
  if (logits_.exists()) {
    for (const std::int32_t token : batch.logit_tokens) {
      const std::int64_t place = tokens_written_ + token;
      need(logit_token_.append(&place, 1));
    }
    append_floats(logits_, header_.logits, batch.logits, batch.logit_tokens.size());
  }
  tokens_written_ += count;
}

void Hdf5Writer::counts(const CountBatch& batch) {
  if (!counts_.exists()) {
    count_group_ = make_group("counts");
    count_step_ = GrowingDataset(count_group_.id(), "step", H5T_NATIVE_INT64, {}, kBatchRows);
    count_rank_ = GrowingDataset(count_group_.id(), "rank", H5T_NATIVE_INT32, {}, kBatchRows);
    counts_ =
        GrowingDataset(count_group_.id(), "routes", H5T_NATIVE_INT64,
                       {header_.layers.size(), static_cast<hsize_t>(header_.experts)}, kCountRows);
  }
  MOESIM_CHECK(
      batch.counts.size() == header_.layers.size() * static_cast<std::size_t>(header_.experts),
      "a count batch has a count per layer and expert");
  need(count_step_.append(&batch.step, 1) && count_rank_.append(&batch.rank, 1) &&
       counts_.append(batch.counts.data(), 1));
}

void Hdf5Writer::record(const std::string& line) {
  if (!records_.exists()) records_ = GrowingDataset(file_.id(), "records", text_.id(), {}, 1);
  const char* text = line.c_str();
  need(records_.append(&text, 1));
}

void Hdf5Writer::finish() {
  for (GrowingDataset* column :
       {&step_, &rank_, &size_, &ids_, &weights_, &requests_, &positions_, &domains_, &logit_token_,
        &logits_, &count_step_, &count_rank_, &counts_, &records_}) {
    need(column->flush());
    *column = GrowingDataset();
  }
  for (Hdf5Handle* group : {&token_group_, &batch_group_, &logit_group_, &count_group_})
    group->reset();
  need(H5Fflush(file_.id(), H5F_SCOPE_LOCAL) >= 0);
  file_.reset();
  target_.finish();
}

}  // namespace

std::string to_string(IdOrder order) {
  switch (order) {
    case IdOrder::kScore:
      return "score";
    case IdOrder::kId:
      return "id";
    case IdOrder::kUnknown:
      break;
  }
  return "unknown";
}

std::unique_ptr<TraceSink> make_hdf5_writer(const fs::path& path, Spot spot) {
  return std::make_unique<Hdf5Writer>(path, std::move(spot));
}

}  // namespace moesim
