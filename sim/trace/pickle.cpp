#include "sim/trace/pickle.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "sim/trace/little_endian.hpp"
#include "sim/trace/pickle_stack.hpp"
#include "sim/trace/rebuild_tensor.hpp"

namespace moesim {
namespace {

using Kind = PickleValue::Kind;

class PickleMachine {
 public:
  PickleMachine(std::string_view bytes, const StorageBytes& storages, const Spot& spot)
      : bytes_(bytes), storages_(storages), spot_(spot), stack_(spot) {}

  Pickle run() {
    for (;;) {
      const auto opcode = static_cast<std::uint8_t>(take(1).front());
      if (opcode == '.') {
        const PickleRef root = stack_.pop();
        return {.values = stack_.take_values(), .root = root};
      }
      if (!literal(opcode) && !container(opcode) && !reference(opcode))
        refuse(fmt::format("the opcode 0x{:02x} at byte {}", opcode, at_ - 1));
    }
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw InputError(spot_, fmt::format("the pickle holds {}", what),
                     "only plain values, dicts, lists and tensors are read; nothing is ever run");
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) stack_.damaged("it is cut off");
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }
  std::uint64_t number(std::size_t size) { return little_endian(take(size)); }
  // Two's complement of up to 8 bytes.
  std::int64_t signed_number(std::size_t size) {
    if (size > 8) refuse("a whole number of more than 8 bytes");
    if (size == 0) return 0;
    const std::size_t unused = 64 - 8 * size;
    return static_cast<std::int64_t>(number(size) << unused) >> unused;
  }
  double real() {
    std::uint64_t bits = 0;
    for (const char byte : take(8)) bits = bits << 8 | static_cast<std::uint8_t>(byte);
    return std::bit_cast<double>(bits);
  }
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) stack_.damaged("it is cut off");
    const std::string_view text = take(end - at_);
    take(1);
    return text;
  }

  bool literal(std::uint8_t opcode);
  bool container(std::uint8_t opcode);
  bool reference(std::uint8_t opcode);
  void name_lines();
  void name_pair();
  void name(std::string_view module, std::string_view name);
  void reduce();
  void persistent();

  std::string_view bytes_;
  const StorageBytes& storages_;
  const Spot& spot_;
  std::size_t at_ = 0;
  PickleStack stack_;
};

bool PickleMachine::literal(std::uint8_t opcode) {
  const auto push_text = [&](std::size_t digits) { stack_.push_text(take(number(digits))); };
  // clang-format off
  switch (opcode) {
    case 0x80: take(1); break;  // protocol
    case 0x95: take(8); break;  // frame
    case 'N':  stack_.push(Kind::kNone); break;
    case 0x88: stack_.push_integer(1, Kind::kBool); break;
    case 0x89: stack_.push_integer(0, Kind::kBool); break;
    case 'K':  stack_.push_integer(static_cast<std::int64_t>(number(1))); break;
    case 'M':  stack_.push_integer(static_cast<std::int64_t>(number(2))); break;
    case 'J':  stack_.push_integer(signed_number(4)); break;
    case 0x8a: stack_.push_integer(signed_number(number(1))); break;
    case 'G':  stack_.push(Kind::kReal).real = real(); break;
    case 'U':
    case 0x8c: push_text(1); break;
    case 'T':
    case 'X':  push_text(4); break;
    case 0x8d: push_text(8); break;
    default:   return false;
  }
  // clang-format on
  return true;
}

bool PickleMachine::container(std::uint8_t opcode) {
  // clang-format off
  switch (opcode) {
    case '(':  stack_.mark(); break;
    case '}':  stack_.push_dict({}); break;
    case 'd':  stack_.push_dict(stack_.pop_to_mark()); break;
    case ']':
    case ')':  stack_.push_sequence({}); break;
    case 'l':
    case 't':  stack_.push_sequence(stack_.pop_to_mark()); break;
    case 0x85:
    case 0x86:
    case 0x87: stack_.push_sequence(stack_.pop_some(opcode - 0x84u)); break;
    case 'a':  stack_.add_items(stack_.pop_some(1)); break;
    case 'e':  stack_.add_items(stack_.pop_to_mark()); break;
    case 's':  stack_.add_entries(stack_.pop_some(2)); break;
    case 'u':  stack_.add_entries(stack_.pop_to_mark()); break;
    case '0':  stack_.pop(); break;
    case '1':  stack_.pop_to_mark(); break;
    default:   return false;
  }
  // clang-format on
  return true;
}

bool PickleMachine::reference(std::uint8_t opcode) {
  // clang-format off
  switch (opcode) {
    case 'q':  stack_.memorize(number(1)); break;
    case 'r':  stack_.memorize(number(4)); break;
    case 0x94: stack_.memorize(); break;
    case 'h':  stack_.recall(number(1)); break;
    case 'j':  stack_.recall(number(4)); break;
    case 'c':  name_lines(); break;
    case 0x93: name_pair(); break;
    case 'R':  reduce(); break;
    case 'Q':  persistent(); break;
    default:   return false;
  }
  // clang-format on
  return true;
}

void PickleMachine::name_lines() {
  const std::string_view module = line();
  name(module, line());
}

void PickleMachine::name_pair() {
  const std::vector<PickleRef> both = stack_.pop_some(2);
  name(both[0]->text, both[1]->text);
}

void PickleMachine::name(std::string_view module, std::string_view name) {
  const std::string whole = fmt::format("{}.{}", module, name);
  const bool is_known = whole == "torch._utils._rebuild_tensor_v2" ||
                        whole == "collections.OrderedDict" || storage_type(whole).has_value();
  if (!is_known) refuse(fmt::format("a reference to '{}'", whole));
  stack_.push_text(whole, Kind::kName);
}

void PickleMachine::reduce() {
  const std::vector<PickleRef> call = stack_.pop_some(2);
  if (call[0]->kind != Kind::kName || call[1]->kind != Kind::kSequence)
    stack_.damaged("it calls what is no function");
  if (call[0]->text == "collections.OrderedDict") {
    if (!call[1]->items.empty()) refuse("an OrderedDict with initial entries");
    return stack_.push_dict({});
  }
  if (call[0]->text != "torch._utils._rebuild_tensor_v2")
    refuse(fmt::format("a call of '{}'", call[0]->text));
  stack_.push(Kind::kCollective).tensor = rebuild_tensor(call[1]->items, storages_, spot_);
}

// ("storage", type, key, device, elements)
void PickleMachine::persistent() {
  const PickleRef id = stack_.pop();
  const auto& parts = id->items;
  if (parts.size() < 5 || parts[0]->text != "storage" || parts[1]->kind != Kind::kName ||
      !storage_type(parts[1]->text))
    refuse("a reference that is no tensor's storage");
  PickleStorage storage = *storage_type(parts[1]->text);
  storage.key = parts[2]->text;
  storage.elements = parts[4]->integer;
  stack_.push(Kind::kStorage).storage = std::move(storage);
}

}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name->kind == Kind::kText && name->text == key) return value;
  return nullptr;
}

Pickle parse_pickle(std::string_view bytes, const StorageBytes& storages, const Spot& spot) {
  return PickleMachine(bytes, storages, spot).run();
}

}  // namespace moesim
