// The stack and the memory of a machine that reads pickles.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "sim/trace/pickle.hpp"

namespace moesim {

inline PickleRef pickle_value(PickleValue::Kind kind) {
  auto value = std::make_shared<PickleValue>();
  value->kind = kind;
  return value;
}
inline PickleRef pickle_integer(std::int64_t number,
                                PickleValue::Kind kind = PickleValue::Kind::kInteger) {
  PickleRef value = pickle_value(kind);
  value->integer = number;
  return value;
}
inline PickleRef pickle_real(double number) {
  PickleRef value = pickle_value(PickleValue::Kind::kReal);
  value->real = number;
  return value;
}
inline PickleRef pickle_text(std::string_view text,
                             PickleValue::Kind kind = PickleValue::Kind::kText) {
  PickleRef value = pickle_value(kind);
  value->text = text;
  return value;
}

// All members throw InputError at the spot where the pickle asks for what is not there.
class PickleStack {
 public:
  explicit PickleStack(const Spot& spot) : spot_(spot) {}

  void push(PickleRef value) { stack_.push_back(std::move(value)); }
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

  [[noreturn]] void damaged(const std::string& what) const;

 private:
  PickleValue& top(PickleValue::Kind kind);

  const Spot& spot_;
  std::vector<PickleRef> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, PickleRef> memo_;
};

}  // namespace moesim
