#include "sim/trace/token_store.hpp"

#include <algorithm>

namespace moesim {
namespace {

// Reads rows as stretches that lie together in the file. `read(first, count)` gives `width` values
// a row.
template <class T, class Read>
std::vector<T> read_stretches(std::span<const std::uint32_t> rows, std::size_t width, Read read) {
  std::vector<T> values;
  values.reserve(rows.size() * width);
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    const std::vector<T> part =
        read(static_cast<std::int64_t>(rows[begin]), static_cast<std::int64_t>(end - begin));
    values.insert(values.end(), part.begin(), part.end());
    begin = end;
  }
  return values;
}

}  // namespace

TokenStore::TokenStore(const std::filesystem::path& path, const std::string& shown,
                       const Spot& spot)
    : file_(path, shown, spot) {
  if (file_.id_bytes() > kHeldBytes) return;
  for (int layer = 0; layer < file_.header().layer_count() && file_.tokens() > 0; ++layer)
    held_ids_.push_back(file_.ids(0, file_.tokens(), layer));
}

std::vector<std::int16_t> TokenStore::ids(std::span<const std::uint32_t> rows, int layer) const {
  const std::size_t k = static_cast<std::size_t>(file_.header().top_k);
  if (!is_held())
    return read_stretches<std::int16_t>(rows, k, [&](std::int64_t first, std::int64_t count) {
      return file_.ids(first, count, layer);
    });
  const std::vector<std::int16_t>& held = held_ids_[static_cast<std::size_t>(layer)];
  std::vector<std::int16_t> ids(rows.size() * k);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy_n(held.begin() + static_cast<std::ptrdiff_t>(rows[i] * k), k,
                ids.begin() + static_cast<std::ptrdiff_t>(i * k));
  return ids;
}

std::vector<float> TokenStore::weights(std::span<const std::uint32_t> rows, int layer) const {
  const std::size_t k = static_cast<std::size_t>(file_.header().top_k);
  const bool together =
      std::adjacent_find(rows.begin(), rows.end(),
                         [](std::uint32_t a, std::uint32_t b) { return b != a + 1; }) == rows.end();
  if (together || !is_held())
    return read_stretches<float>(rows, k, [&](std::int64_t first, std::int64_t count) {
      return file_.weights(first, count, layer);
    });
  // Scattered rows of a small trace: one read of the layer is cheaper than one per row.
  const std::vector<float> all = file_.weights(0, file_.tokens(), layer);
  std::vector<float> weights(rows.size() * k);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(rows[i] * k), k,
                weights.begin() + static_cast<std::ptrdiff_t>(i * k));
  return weights;
}

const std::vector<float>& TokenStore::logits(int layer) const {
  const auto layers = file_.header().layers.size();
  const auto tokens = static_cast<double>(file_.logit_tokens().size());
  const double bytes = tokens * static_cast<double>(layers) * file_.header().experts * 4;
  if (bytes > kHeldBytes) held_logits_.clear();
  held_logits_.resize(layers);
  std::vector<float>& held = held_logits_[static_cast<std::size_t>(layer)];
  if (held.empty()) held = file_.logits(0, static_cast<std::int64_t>(tokens), layer);
  return held;
}

}  // namespace moesim
