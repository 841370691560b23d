// moetrace/1, the neutral JSONL of policies.md 6.8, and moesim's own HDF5.
//
// Routes, loads and what belongs to tokens become batches. Records of other types go through as
// they are; so do fields of `step` and `tokens` records that batches have no place for, as
// `step_info` and `tokens_info`.
#include <fmt/format.h>

#include <limits>
#include <set>

#include "sim/trace/hdf5_reader.hpp"
#include "sim/trace/json_rows.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;

int rank_of(const Json& line) {
  return line.contains("rank") && !line["rank"].is_null() ? line["rank"].get<int>() : -1;
}

FloatWidth width_of(const Json& extra, const char* name) {
  return static_cast<FloatWidth>(extra.value(name, 0));
}

IdOrder order_of(const std::string& text) {
  for (const IdOrder order : {IdOrder::kScore, IdOrder::kId})
    if (to_string(order) == text) return order;
  return IdOrder::kUnknown;
}

class MoetraceWalk {
 public:
  explicit MoetraceWalk(RecordVisitor& visitor) : visitor_(visitor) {}

  void line(const Json& line, const std::string& text) {
    const std::string type = line.at("t").get<std::string>();
    if (first_ && type != "meta")
      throw InputError(Spot{}, "the first record must be the meta record");
    first_ = false;
    if (type == "meta")
      meta(line);
    else if (type == "step")
      step(line);
    else if (type == "tokens")
      tokens(line);
    else if (type == "routes")
      routes(line, text);
    else if (type == "load")
      load(line);
    else {
      if (type == "placement") map_.set(line.at("phy2log"), line.at("layers"));
      visitor_.record(text);
    }
  }

 private:
  void meta(const Json& line) {
    const std::string schema = line.value("schema", "");
    if (schema != "moetrace/1")
      throw InputError(Spot{}, fmt::format("the schema is '{}'", schema),
                       "this program reads 'moetrace/1'");
    const Json extra = line.value("extra", Json::object());
    TraceHeader header{.model = line.value("model", ""),
                       .source = line.value("source", ""),
                       .notes = line.value("notes", ""),
                       .experts = line.value("experts", 0),
                       .top_k = line.value("topk", 0),
                       .layers = line.value("moe_layers", std::vector<int>()),
                       .order = order_of(extra.value("order", "")),
                       .absent_ids = extra.value("absent_ids", false),
                       .weights = width_of(extra, "weight_bits"),
                       .logits = width_of(extra, "logit_bits"),
                       .requests = extra.value("requests", false),
                       .positions = extra.value("positions", false),
                       .domains = extra.value("domains", std::vector<std::string>())};
    visitor_.header(header);
  }

  void keep_others(const Json& line, const std::set<std::string>& known, const char* type) {
    Json kept = line;
    for (const std::string& name : known)
      if (name != "step" && name != "rank") kept.erase(name);
    const std::size_t place = kept.count("step") + kept.count("rank");
    if (kept.size() <= place) return;
    kept["t"] = type;
    visitor_.record(kept.dump());
  }

  void step(const Json& line) {
    visitor_.batch(line.at("step").get<std::int64_t>(), rank_of(line), line.value("tokens", -1));
    keep_others(line, {"t", "step", "rank", "tokens"}, "step_info");
  }

  void tokens(const Json& line) {
    TokenColumns columns{.step = line.at("step").get<std::int64_t>(),
                         .rank = rank_of(line),
                         .row0 = line.value("row0", std::int64_t{0}),
                         .positions = line.value("positions", std::vector<std::int32_t>()),
                         .domains = line.value("domain", std::vector<std::string>())};
    std::set<std::string> known = {"t", "step", "rank", "row0", "positions", "domain"};
    const Json request = line.value("request", Json::array());
    if (!request.empty() && request[0].is_number_integer()) {
      columns.requests = request.get<std::vector<std::int64_t>>();
      known.insert("request");  // names of requests stay in the record
    }
    visitor_.columns(std::move(columns));
    keep_others(line, known, "tokens_info");
  }

  PhysicalMap map_of(const Json& line) const {
    return line.value("space", "logical") == "physical" ? map_ : PhysicalMap();
  }
  void need_map(const Json& line) const {
    if (line.value("space", "logical") == "physical" && map_.empty())
      throw InputError(Spot{}, "the ids are physical, but no placement comes before them");
  }

  void routes(const Json& line, const std::string& text) {
    if (line.value("block", "decoder") != "decoder") return visitor_.record(text);
    need_map(line);
    RouteRows rows{.step = line.at("step").get<std::int64_t>(),
                   .rank = rank_of(line),
                   .layer = line.at("layer").get<int>(),
                   .row0 = line.value("row0", std::int64_t{0})};
    visitor_.header({.order = order_of(line.value("order", ""))});
    read_ids(line.at("ids"), map_of(line), rows);
    if (line.contains("weights")) read_weights(line["weights"], rows);
    if (line.contains("logits")) {
      const Json& logits = line["logits"];
      for (std::size_t row = 0; row < logits.size(); ++row) {
        if (logits[row].is_null()) continue;
        rows.logit_rows.push_back(static_cast<std::int32_t>(row));
        for (const Json& value : logits[row]) rows.logits.push_back(value.get<float>());
      }
      if (!rows.logit_rows.empty() && rows.logits.size() % rows.logit_rows.size() != 0)
        throw InputError(Spot{}, "rows of logits have different lengths");
    }
    visitor_.routes(std::move(rows));
  }

  void load(const Json& line) {
    need_map(line);
    const int layer = line.at("layer").get<int>();
    visitor_.counts({.step = line.at("step").get<std::int64_t>(),
                     .rank = rank_of(line),
                     .layer = layer,
                     .counts = map_of(line).logical_counts(
                         layer, line.at("counts").get<std::vector<std::int64_t>>())});
  }

  RecordVisitor& visitor_;
  PhysicalMap map_;
  bool first_ = true;
};

// Takes a trace apart for a visitor.
class Dismantler final : public TraceSink {
 public:
  explicit Dismantler(RecordVisitor& visitor) : visitor_(visitor) {}

  void begin(const TraceHeader& header) override {
    header_ = header;
    visitor_.header(header);
  }

  void tokens(const TokenBatch& batch) override {
    visitor_.batch(batch.step, batch.rank, batch.tokens);
    TokenColumns columns{.step = batch.step,
                         .rank = batch.rank,
                         .requests = batch.requests,
                         .positions = batch.positions};
    for (const std::int16_t domain : batch.domains)
      columns.domains.push_back(domain < 0 ? ""
                                           : header_.domains.at(static_cast<std::size_t>(domain)));
    visitor_.columns(std::move(columns));
    const std::size_t layers = header_.layers.size();
    const std::size_t k = static_cast<std::size_t>(header_.top_k);
    const std::size_t experts = static_cast<std::size_t>(header_.experts);
    for (std::size_t layer = 0; layer < layers; ++layer) {
      RouteRows rows{.step = batch.step,
                     .rank = batch.rank,
                     .layer = header_.layers[layer],
                     .top_k = header_.top_k,
                     .logit_rows = batch.logit_tokens};
      append_layer(batch.ids, layers, k, layer, rows.ids);
      append_layer(batch.weights, layers, k, layer, rows.weights);
      append_layer(batch.logits, layers, experts, layer, rows.logits);
      if (batch.tokens > 0) visitor_.routes(std::move(rows));
    }
  }

  void counts(const CountBatch& batch) override {
    visitor_.batch(batch.step, batch.rank, -1);
    const std::size_t experts = static_cast<std::size_t>(header_.experts);
    for (std::size_t layer = 0; layer < header_.layers.size(); ++layer) {
      const auto begin = batch.counts.begin() + static_cast<std::ptrdiff_t>(layer * experts);
      visitor_.counts({.step = batch.step,
                       .rank = batch.rank,
                       .layer = header_.layers[layer],
                       .counts = {begin, begin + static_cast<std::ptrdiff_t>(experts)}});
    }
  }

  void record(const std::string& line) override { visitor_.record(line); }
  void finish() override {}

 private:
  // Of [rows × layers × width], the values of one layer.
  template <class T>
  static void append_layer(const std::vector<T>& all, std::size_t layers, std::size_t width,
                           std::size_t layer, std::vector<T>& out) {
    for (std::size_t at = layer * width; at < all.size(); at += layers * width)
      out.insert(out.end(), all.begin() + static_cast<std::ptrdiff_t>(at),
                 all.begin() + static_cast<std::ptrdiff_t>(at + width));
  }

  RecordVisitor& visitor_;
  TraceHeader header_;
};

}  // namespace

void walk_moetrace(const InputFile& file, RecordVisitor& visitor) {
  MoetraceWalk walk(visitor);
  for_each_json_line(file,
                     [&](const Json& line, const std::string& text) { walk.line(line, text); });
}

void walk_hdf5(const InputFile& file, RecordVisitor& visitor) {
  Dismantler dismantler(visitor);
  Hdf5Trace(file.path, file.shown, file.spot()).replay(dismantler);
}

}  // namespace moesim
