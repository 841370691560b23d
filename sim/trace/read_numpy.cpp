// NPY and NPZ: ids [tokens][layers] (top-1, as ExFlow writes) or [tokens][layers][k]; in an archive
// also weights and what else is known of the tokens, under the names of
// routing_trace_small_moe.npz.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "sim/base/text_file.hpp"
#include "sim/trace/convert.hpp"
#include "sim/trace/npy.hpp"

namespace moesim {
namespace {

// NumPy files know no steps: all tokens are of step 0, in batches of a size that is easy to handle.
constexpr std::int64_t kBatchTokens = 16384;

class NumpyWalk {
 public:
  NumpyWalk(const InputFile& file, std::map<std::string, NpyArray> arrays, RecordVisitor& visitor)
      : spot_(file.spot()), arrays_(std::move(arrays)), visitor_(visitor) {}

  void walk() {
    ids_ = find({"topk_ids", "ids", "routes", "arr_0"});
    if (ids_ == nullptr) {
      std::vector<std::string> names;
      for (const auto& [name, array] : arrays_) names.push_back(name);
      throw InputError(spot_, "the archive has no array 'topk_ids' or 'ids'",
                       fmt::format("arrays: {}", fmt::join(names, ", ")));
    }
    if (ids_->shape.size() != 2 && ids_->shape.size() != 3)
      throw InputError(spot_, "the ids are not [tokens][layers] or [tokens][layers][k]");
    tokens_ = ids_->shape[0];
    layers_ = ids_->shape[1];
    top_k_ = ids_->shape.size() == 3 ? ids_->shape[2] : 1;
    weights_ = find_like_ids({"topk_weights", "weights"});
    domain_ = find_column("domain");
    position_ = find_column("position");
    request_ = find_column("request");
    if (request_ == nullptr) request_ = find_column("sequence");
    logits_ = find({"logits"});
    logit_token_ = find({"logits_token", "logit_token"});
    check_logits();
    announce();
    for (std::int64_t first = 0; first < tokens_; first += kBatchTokens)
      walk_batch(first, std::min(kBatchTokens, tokens_ - first));
  }

 private:
  const NpyArray* find(const std::vector<std::string>& names) const {
    for (const std::string& name : names)
      if (const auto found = arrays_.find(name); found != arrays_.end()) return &found->second;
    return nullptr;
  }
  const NpyArray* find_like_ids(const std::vector<std::string>& names) const {
    const NpyArray* array = find(names);
    if (array != nullptr && array->shape != ids_->shape)
      throw InputError(spot_, fmt::format("array '{}' has another shape than the ids", names[0]));
    return array;
  }
  const NpyArray* find_column(const std::string& name) const {
    const NpyArray* array = find({name});
    if (array != nullptr && array->shape != std::vector<std::int64_t>{tokens_})
      throw InputError(spot_, fmt::format("array '{}' does not have a row per token", name));
    return array;
  }

  void check_logits() {
    if (logits_ == nullptr) return;
    const std::int64_t rows = logits_->shape.empty() ? 0 : logits_->shape[0];
    const bool fits =
        logits_->shape.size() == 3 && logits_->shape[1] == layers_ &&
        (logit_token_ != nullptr ? logit_token_->shape == std::vector{rows} : rows == tokens_);
    if (!fits)
      throw InputError(spot_,
                       "array 'logits' is not [tokens][layers][experts], with "
                       "'logits_token' where it has a part of the tokens");
  }

  void announce() {
    TraceHeader header{.source = "numpy", .top_k = static_cast<int>(top_k_)};
    for (std::int64_t layer = 0; layer < layers_; ++layer)
      header.layers.push_back(static_cast<int>(layer));
    const auto width = [](const NpyArray& array) {
      return array.width == 2 ? FloatWidth::kHalf : FloatWidth::kSingle;
    };
    if (weights_ != nullptr) {
      header.weights = width(*weights_);
      header.order = by_falling_weight() ? IdOrder::kScore : IdOrder::kUnknown;
    }
    if (logits_ != nullptr) {
      header.logits = width(*logits_);
      header.experts = static_cast<int>(logits_->shape[2]);
    }
    if (const NpyArray* names = find({"domain_names"}); names != nullptr && names->kind == 'U')
      for (std::int64_t i = 0; i < names->size(); ++i) header.domains.push_back(names->text(i));
    domain_names_ = header.domains;
    visitor_.header(header);
  }

  bool by_falling_weight() const {
    for (std::int64_t i = 0; i + 1 < weights_->size(); ++i)
      if ((i + 1) % top_k_ != 0 && weights_->number(i) < weights_->number(i + 1)) return false;
    return true;
  }

  void walk_batch(std::int64_t first, std::int64_t count) {
    visitor_.batch(0, -1, static_cast<int>(count));
    TokenColumns columns;
    for (std::int64_t token = first; token < first + count; ++token) {
      if (request_ != nullptr) columns.requests.push_back(request_->integer(token));
      if (position_ != nullptr)
        columns.positions.push_back(static_cast<std::int32_t>(position_->integer(token)));
      if (domain_ != nullptr) columns.domains.push_back(domain_name(domain_->integer(token)));
    }
    visitor_.columns(std::move(columns));
    for (std::int64_t layer = 0; layer < layers_; ++layer)
      visitor_.routes(layer_rows(first, count, layer));
  }

  std::string domain_name(std::int64_t domain) const {
    if (domain < 0) return {};
    if (domain < std::ssize(domain_names_)) return domain_names_[static_cast<std::size_t>(domain)];
    return fmt::format("domain {}", domain);
  }

  RouteRows layer_rows(std::int64_t first, std::int64_t count, std::int64_t layer) const {
    RouteRows rows{.layer = static_cast<int>(layer), .top_k = static_cast<int>(top_k_)};
    for (std::int64_t token = first; token < first + count; ++token) {
      for (std::int64_t choice = 0; choice < top_k_; ++choice) {
        const std::int64_t at = (token * layers_ + layer) * top_k_ + choice;
        const std::int64_t id = ids_->integer(at);
        if (id < -1 || id > 32766)
          throw InputError(spot_,
                           fmt::format("token {} of layer {} has the expert {}", token, layer, id));
        rows.ids.push_back(static_cast<std::int16_t>(id));
        if (weights_ != nullptr) rows.weights.push_back(static_cast<float>(weights_->number(at)));
      }
    }
    for (std::int64_t row = 0; logits_ != nullptr && row < logits_->shape[0]; ++row) {
      const std::int64_t token = logit_token_ != nullptr ? logit_token_->integer(row) : row;
      if (token < first || token >= first + count) continue;
      rows.logit_rows.push_back(static_cast<std::int32_t>(token - first));
      const std::int64_t experts = logits_->shape[2];
      for (std::int64_t e = 0; e < experts; ++e)
        rows.logits.push_back(
            static_cast<float>(logits_->number((row * layers_ + layer) * experts + e)));
    }
    return rows;
  }

  Spot spot_;
  std::map<std::string, NpyArray> arrays_;
  RecordVisitor& visitor_;
  const NpyArray *ids_ = nullptr, *weights_ = nullptr, *domain_ = nullptr, *position_ = nullptr;
  const NpyArray *request_ = nullptr, *logits_ = nullptr, *logit_token_ = nullptr;
  std::int64_t tokens_ = 0, layers_ = 0, top_k_ = 0;
  std::vector<std::string> domain_names_;
};

}  // namespace

void walk_npy(const InputFile& file, RecordVisitor& visitor) {
  std::map<std::string, NpyArray> arrays;
  arrays["ids"] = parse_npy(read_bytes(file.path, file.shown), file.shown, file.spot());
  NumpyWalk(file, std::move(arrays), visitor).walk();
}

void walk_npz(const InputFile& file, RecordVisitor& visitor) {
  NumpyWalk(file, parse_npz(read_bytes(file.path, file.shown), file.spot()), visitor).walk();
}

}  // namespace moesim
