// SGLang's expert distribution recorder as torch.save writes it: a zip archive of a pickle and of
// the storages of its tensors (policies.md 6.1).
#include <fmt/format.h>

#include "sim/trace/pickle.hpp"
#include "sim/trace/serving_records.hpp"
#include "sim/trace/zip.hpp"

namespace moesim {
namespace {

using Json = nlohmann::json;
using Kind = PickleValue::Kind;

// Only the keys that routing is in; other things in a record are left where they are.
constexpr const char* kRecordKeys[] = {"forward_pass_id", "rank", "global_physical_count",
                                       "topk_ids_of_layer", "positions"};

Json json_of(const PickleValue& value) {
  switch (value.kind) {
    case Kind::kInteger:
      return value.integer;
    case Kind::kReal:
      return value.real;
    case Kind::kText:
      return value.text;
    case Kind::kCollective:
      return nested_json(value.tensor);
    case Kind::kSequence: {
      Json list = Json::array();  // of tensors, as records keep one of each layer
      for (const PickleRef item : value.items)
        list.push_back(item->kind == Kind::kSequence ? Json() : json_of(*item));
      return list;
    }
    default:
      return {};
  }
}

Pickle load(const InputFile& file) {
  const std::vector<ZipMember> members = unzip(read_bytes(file.path, file.shown), file.spot());
  const auto find = [&](const std::string& name) -> const ZipMember* {
    for (const ZipMember& member : members)
      if (member.name == name || member.name.ends_with("/" + name)) return &member;
    return nullptr;
  };
  const ZipMember* pickle = find("data.pkl");
  if (pickle == nullptr) throw InputError(file.spot(), "the archive has no member 'data.pkl'");
  const ZipMember* order = find("byteorder");
  if (order != nullptr && order->content != "little")
    throw InputError(file.spot(), fmt::format("its numbers are {}-endian", order->content));
  return parse_pickle(
      pickle->content,
      [&](const std::string& key) -> std::string_view {
        const ZipMember* storage = find("data/" + key);
        if (storage == nullptr)
          throw InputError(file.spot(), fmt::format("the archive has no storage '{}'", key));
        return storage->content;
      },
      file.spot());
}

void walk_records(const PickleValue& root, RecordVisitor& visitor) {
  PhysicalMap map;
  for (const char* name : {"last_physical_to_logical_map", "physical_to_logical_map"})
    if (const PickleValue* rows = root.find(name)) map.set(json_of(*rows));
  bool has_tokens = false;
  const PickleValue& records = *root.find("records");
  for (const PickleRef record : records.items)
    has_tokens |= record->find("topk_ids_of_layer") != nullptr;
  visitor.header(sglang_header(has_tokens, map));
  for (const PickleRef record : records.items) {
    Json json = Json::object();
    for (const char* key : kRecordKeys)
      if (const PickleValue* value = record->find(key)) json[key] = json_of(*value);
    visit_sglang_record(visitor, json, has_tokens, map);
  }
}

}  // namespace

void walk_sglang_pt(const InputFile& file, RecordVisitor& visitor) {
  const Pickle pickle = load(file);
  const PickleValue& root = *pickle.root;
  place_mistakes(
      [&] {
        if (const PickleValue* counts = root.find("logical_count")) {
          visitor.header({.source = "sglang/stat"});
          return visit_steps(visitor, json_of(*counts), 0, -1, {});
        }
        if (root.find("records") == nullptr)
          throw InputError(Spot{}, "it has neither 'logical_count' nor 'records'",
                           "what SGLang's expert distribution recorder dumps has one of them");
        walk_records(root, visitor);
      },
      [&] { return file.spot(); });
}

}  // namespace moesim
