#include "sim/serving/kv_cache.hpp"

#include <algorithm>

#include "sim/base/check.hpp"

namespace moesim {

KvCache::KvCache(std::int64_t tokens, int page, bool prefix_cache)
    : page_(page),
      block_pages_(kPrefixBlock / page),
      pages_(tokens / page),
      free_(pages_),
      prefix_cache_(prefix_cache) {
  MOESIM_CHECK(!prefix_cache || kPrefixBlock % page == 0, "a shared block is whole pages");
}

int KvCache::blocks_of(const Request& request) const {
  if (!prefix_cache_) return 0;
  const int whole = std::min(request.input / kPrefixBlock, static_cast<int>(request.blocks.size()));
  int found = 0;
  while (found < whole && blocks_.contains(request.blocks[static_cast<std::size_t>(found)]))
    ++found;
  return found;
}

int KvCache::cached(const Request& request, int tokens) const {
  if (!prefix_cache_) return 0;
  const int found = request.blocks.empty() ? request.repeated : blocks_of(request) * kPrefixBlock;
  return std::min(found, tokens - 1);
}

void KvCache::use(std::uint64_t hash) {
  Block& block = blocks_.find(hash)->second;
  if (block.users++ == 0) unused_.erase(block.place);
}

void KvCache::make_room(std::int64_t pages) {
  while (free_ < pages) {
    blocks_.erase(unused_.front());
    unused_.pop_front();
    free_ += block_pages_;
  }
}

bool KvCache::take(const Request& request, int tokens, HeldKv& held) {
  MOESIM_CHECK(held.pages == 0 && held.blocks == 0, "what is held was released before");
  const int found = blocks_of(request);
  std::int64_t unused = 0;
  for (int i = 0; i < found; ++i)
    unused += blocks_.at(request.blocks[static_cast<std::size_t>(i)]).users == 0;
  const int pages = std::max(0, pages_of(tokens) - found * block_pages_);
  if (pages > free_ + unused_pages() - unused * block_pages_) return false;
  for (int i = 0; i < found; ++i) use(request.blocks[static_cast<std::size_t>(i)]);
  make_room(pages);
  free_ -= pages;
  held = {.pages = pages, .blocks = found};
  return true;
}

bool KvCache::grow(int tokens, HeldKv& held) {
  const int pages = pages_of(tokens - held.blocks * kPrefixBlock) - held.pages;
  if (pages <= 0) return true;
  if (pages > free_ + unused_pages()) return false;
  make_room(pages);
  free_ -= pages;
  held.pages += pages;
  return true;
}

void KvCache::share(const Request& request, int tokens, HeldKv& held) {
  if (!prefix_cache_) return;
  const int whole = std::min({tokens / kPrefixBlock, request.input / kPrefixBlock,
                              static_cast<int>(request.blocks.size())});
  for (; held.blocks < whole; ++held.blocks) {
    const std::uint64_t hash = request.blocks[static_cast<std::size_t>(held.blocks)];
    held.pages -= block_pages_;
    if (blocks_.contains(hash)) {
      use(hash);
      free_ += block_pages_;  // there is a copy already
    } else {
      blocks_[hash].users = 1;
    }
  }
}

void KvCache::release(const Request& request, HeldKv& held) {
  free_ += held.pages;
  // The end of a prompt is of less use than its beginning, which more prompts have.
  for (int i = held.blocks - 1; i >= 0; --i) {
    const std::uint64_t hash = request.blocks[static_cast<std::size_t>(i)];
    Block& block = blocks_.find(hash)->second;
    if (--block.users == 0) block.place = unused_.insert(unused_.end(), hash);
  }
  held = {};
}

}  // namespace moesim
