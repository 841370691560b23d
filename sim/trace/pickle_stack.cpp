#include "sim/trace/pickle_stack.hpp"

#include <fmt/format.h>

namespace moesim {

void PickleStack::damaged(const std::string& what) const {
  throw InputError(spot_, fmt::format("the pickle is damaged: {}", what));
}

PickleRef PickleStack::pop() {
  if (stack_.empty()) damaged("its stack is empty");
  const PickleRef value = stack_.back();
  stack_.pop_back();
  return value;
}

std::vector<PickleRef> PickleStack::pop_some(std::size_t count) {
  std::vector<PickleRef> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

std::vector<PickleRef> PickleStack::pop_to_mark() {
  if (marks_.empty() || marks_.back() > stack_.size()) damaged("a mark is missing");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleRef> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void PickleStack::push_sequence(std::vector<PickleRef> items) {
  push(Kind::kSequence).items = std::move(items);
}

void PickleStack::push_dict(const std::vector<PickleRef>& keys_and_values) {
  push(Kind::kDict);
  add_entries(keys_and_values);
}

void PickleStack::add_items(const std::vector<PickleRef>& items) {
  PickleValue& list = top(Kind::kSequence);
  list.items.insert(list.items.end(), items.begin(), items.end());
}

void PickleStack::add_entries(const std::vector<PickleRef>& keys_and_values) {
  if (keys_and_values.size() % 2 != 0) damaged("a dict has a key without a value");
  PickleValue& dict = top(Kind::kDict);
  for (std::size_t i = 0; i < keys_and_values.size(); i += 2)
    dict.entries.emplace_back(keys_and_values[i], keys_and_values[i + 1]);
}

PickleValue& PickleStack::top(Kind kind) {
  if (stack_.empty() || stack_.back()->kind != kind) damaged("it adds to what is no container");
  return *stack_.back();
}

void PickleStack::memorize(std::uint64_t key) {
  if (stack_.empty()) damaged("its stack is empty");
  memo_[key] = stack_.back();
}

void PickleStack::recall(std::uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) damaged(fmt::format("there is no value {} to come back to", key));
  stack_.push_back(found->second);
}

}  // namespace moesim
