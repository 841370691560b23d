// The KV cache of one data-parallel rank: pages that requests hold (Kwon et al., "PagedAttention",
// SOSP 2023), and blocks of prompts that stay when nobody needs them any more, until their pages
// are wanted: the block that was left the longest ago goes first.
//
// Only whole blocks are shared. Requests that compute the same block at the same time end up with
// one copy, as in SGLang.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "sim/model/request.hpp"

namespace moesim {

// What a request holds.
struct HeldKv {
  int pages = 0;   // of its own
  int blocks = 0;  // the first blocks of its prompt, which others may share
};

class KvCache {
 public:
  // `page` divides kPrefixBlock where there is a prefix cache.
  KvCache(std::int64_t tokens, int page, bool prefix_cache);
  // All of it is lost.
  void clear() { *this = KvCache(tokens(), page_, prefix_cache_); }

  // Tokens at the beginning of the request that are there, if it has `tokens` in all; the last of
  // those is never taken from the cache.
  int cached(const Request& request, int tokens) const;
  // Takes what is there of the request and pages for the rest of `tokens`. Without room for them
  // nothing is taken, and the answer is false.
  bool take(const Request& request, int tokens, HeldKv& held);
  // Pages for `tokens` in all.
  bool grow(int tokens, HeldKv& held);
  // `tokens` of the request are computed: others may share the whole blocks of its prompt now.
  void share(const Request& request, int tokens, HeldKv& held);
  void release(const Request& request, HeldKv& held);

  // Tokens for which there is room in what a request holds.
  int room(const HeldKv& held) const { return held.pages * page_ + held.blocks * kPrefixBlock; }
  // Whether a request could have so many tokens if it were alone.
  bool could_hold(std::int64_t tokens) const { return tokens <= pages_ * page_; }
  bool has_room(int tokens) const { return pages_of(tokens) <= free_ + unused_pages(); }
  std::int64_t tokens() const { return pages_ * page_; }
  std::int64_t held_tokens() const { return (pages_ - free_ - unused_pages()) * page_; }

 private:
  using Order = std::list<std::uint64_t>;  // of blocks that nobody holds; the first goes first
  struct Block {
    int users = 0;
    Order::iterator place;  // where there are no users
  };
  int pages_of(int tokens) const { return (tokens + page_ - 1) / page_; }
  std::int64_t unused_pages() const {
    return static_cast<std::int64_t>(unused_.size()) * block_pages_;
  }
  int blocks_of(const Request& request) const;  // whole ones at its beginning that are there
  void use(std::uint64_t hash);
  void make_room(std::int64_t pages);

  int page_ = 1, block_pages_ = 0;
  std::int64_t pages_ = 0, free_ = 0;
  bool prefix_cache_ = false;
  std::unordered_map<std::uint64_t, Block> blocks_;
  Order unused_;
};

}  // namespace moesim
