#include "sim/trace/jsonl_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>

#include "sim/trace/unfinished_file.hpp"

namespace moesim {
namespace {

namespace fs = std::filesystem;

class JsonlWriter final : public TraceSink {
 public:
  JsonlWriter(fs::path path, Spot spot) : target_(std::move(path), std::move(spot)) {}

  void begin(const TraceHeader& header) override;
  void tokens(const TokenBatch& batch) override;
  void counts(const CountBatch& batch) override;
  void record(const std::string& line) override { write(line); }
  void finish() override;

 private:
  void need(bool done) const { target_.need(done); }
  void write(const std::string& line) {
    need(std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
         std::fputc('\n', file_.get()) != EOF);
  }
  std::string start(const char* type, std::int64_t step, int rank) const;
  void write_columns(const TokenBatch& batch);
  void write_layer(const TokenBatch& batch, std::size_t layer);

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  UnfinishedFile target_;
  std::unique_ptr<std::FILE, Close> file_;
  TraceHeader header_;
};

// Shortest decimals that read back as the same float.
template <class T>
void append_list(std::string& text, const T* values, std::size_t count) {
  text += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    if (std::isfinite(static_cast<double>(values[i]))) {
      fmt::format_to(std::back_inserter(text), "{}", values[i]);
    } else {
      text += "null";  // not recorded
    }
  }
  text += ']';
}

std::string JsonlWriter::start(const char* type, std::int64_t step, int rank) const {
  return fmt::format(R"({{"t":"{}","step":{},"rank":{})", type, step,
                     rank < 0 ? "null" : std::to_string(rank));
}

void JsonlWriter::begin(const TraceHeader& header) {
  header_ = header;
  file_.reset(std::fopen(target_.name(), "wb"));
  need(file_ != nullptr);
  nlohmann::ordered_json meta;
  meta["t"] = "meta";
  meta["schema"] = "moetrace/1";
  meta["model"] = header.model;
  meta["moe_layers"] = header.layers;
  meta["experts"] = header.experts;
  meta["topk"] = header.top_k;
  meta["id_space"] = "logical";
  meta["source"] = header.source;
  meta["notes"] = header.notes;
  meta["extra"] = {{"order", to_string(header.order)},
                   {"absent_ids", header.absent_ids},
                   {"weight_bits", static_cast<int>(header.weights)},
                   {"logit_bits", static_cast<int>(header.logits)},
                   {"requests", header.requests},
                   {"positions", header.positions},
                   {"domains", header.domains}};
  write(meta.dump());
}

void JsonlWriter::write_columns(const TokenBatch& batch) {
  std::string line = start("tokens", batch.step, batch.rank);
  const std::size_t plain = line.size();
  if (header_.requests) {
    line += R"(,"request":)";
    append_list(line, batch.requests.data(), batch.requests.size());
  }
  if (header_.positions) {
    line += R"(,"positions":)";
    append_list(line, batch.positions.data(), batch.positions.size());
  }
  if (!header_.domains.empty()) {
    nlohmann::json names = nlohmann::json::array();
    for (const std::int16_t domain : batch.domains)
      names.push_back(domain < 0 ? "" : header_.domains[static_cast<std::size_t>(domain)]);
    line += R"(,"domain":)" + names.dump();
  }
  if (line.size() > plain) write(line + '}');
}

void JsonlWriter::write_layer(const TokenBatch& batch, std::size_t layer) {
  const std::size_t layers = header_.layers.size();
  const std::size_t k = static_cast<std::size_t>(header_.top_k);
  const std::size_t experts = static_cast<std::size_t>(header_.experts);
  const std::size_t rows = static_cast<std::size_t>(batch.tokens);
  std::string line = start("routes", batch.step, batch.rank);
  fmt::format_to(std::back_inserter(line), R"(,"layer":{},"order":"{}","space":"logical")",
                 header_.layers[layer], to_string(header_.order));
  const auto append_rows = [&](const char* name, const auto& values) {
    line += name;
    for (std::size_t row = 0; row < rows; ++row) {
      line += row > 0 ? "," : "[";
      append_list(line, values.data() + (row * layers + layer) * k, k);
    }
    line += ']';
  };
  append_rows(R"(,"ids":)", batch.ids);
  if (header_.weights != FloatWidth::kNone) append_rows(R"(,"weights":)", batch.weights);
  if (!batch.logit_tokens.empty()) {
    line += R"(,"logits":)";
    std::size_t next = 0;
    for (std::size_t row = 0; row < rows; ++row) {
      line += row > 0 ? "," : "[";
      const bool has = next < batch.logit_tokens.size() &&
                       static_cast<std::size_t>(batch.logit_tokens[next]) == row;
      if (has) {
        append_list(line, batch.logits.data() + (next++ * layers + layer) * experts, experts);
      } else {
        line += "null";
      }
    }
    line += ']';
  }
  write(line + '}');
}

void JsonlWriter::tokens(const TokenBatch& batch) {
  write(start("step", batch.step, batch.rank) + fmt::format(R"(,"tokens":{}}})", batch.tokens));
  if (batch.tokens == 0) return;
  write_columns(batch);
  for (std::size_t layer = 0; layer < header_.layers.size(); ++layer) write_layer(batch, layer);
}

void JsonlWriter::counts(const CountBatch& batch) {
  write(start("step", batch.step, batch.rank) + '}');
  const std::size_t experts = static_cast<std::size_t>(header_.experts);
  for (std::size_t layer = 0; layer < header_.layers.size(); ++layer) {
    std::string line = start("load", batch.step, batch.rank);
    fmt::format_to(std::back_inserter(line), R"(,"layer":{},"space":"logical","counts":)",
                   header_.layers[layer]);
    append_list(line, batch.counts.data() + layer * experts, experts);
    write(line + '}');
  }
}

void JsonlWriter::finish() {
  need(std::fflush(file_.get()) == 0);
  file_.reset();
  target_.finish();
}

}  // namespace

std::unique_ptr<TraceSink> make_jsonl_writer(const fs::path& path, Spot spot) {
  return std::make_unique<JsonlWriter>(path, std::move(spot));
}

}  // namespace moesim
