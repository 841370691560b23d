// The stack and the memory of a machine that reads pickles.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

#include "sim/trace/pickle.hpp"

namespace moesim {

// All members throw InputError at the spot where the pickle asks for what is not there.
class PickleStack {
 public:
  using Kind = PickleValue::Kind;
  explicit PickleStack(const Spot& spot) : spot_(spot) {}

  // New values on top of the stack.
  PickleValue& push(Kind kind) {
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    stack_.push_back(&value);
    return value;
  }
  void push_integer(std::int64_t number, Kind kind = Kind::kInteger) {
    push(kind).integer = number;
  }
  void push_text(std::string_view text, Kind kind = Kind::kText) { push(kind).text = text; }
  PickleRef pop();
  std::vector<PickleRef> pop_some(std::size_t count);  // in the order of pushing
  void mark() { marks_.push_back(stack_.size()); }
  std::vector<PickleRef> pop_to_mark();

  void push_sequence(std::vector<PickleRef> items);
  void push_dict(const std::vector<PickleRef>& keys_and_values);
  // To the container on top.
  void add_items(const std::vector<PickleRef>& items);
  void add_entries(const std::vector<PickleRef>& keys_and_values);

  void memorize() { memorize(memo_.size()); }
  void memorize(std::uint64_t key);
  void recall(std::uint64_t key);

  // All that was ever pushed.
  std::deque<PickleValue> take_values() { return std::move(values_); }

  [[noreturn]] void damaged(const std::string& what) const;

 private:
  PickleValue& top(Kind kind);

  const Spot& spot_;
  std::deque<PickleValue> values_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, PickleRef> memo_;
};

}  // namespace moesim
