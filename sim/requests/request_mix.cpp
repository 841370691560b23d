#include "sim/requests/request_mix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "sim/base/registry.hpp"

namespace moesim {
namespace {

// Streams of a request's draws.
enum Draw { kClass, kInput, kOutput, kPrefix };

const std::vector<Parameter>& mix_class_parameters() {
  static const std::vector<Parameter> parameters = {
      {.name = "name", .type = ParameterType::kText, .doc = "of the class", .required = true},
      {.name = "share",
       .type = ParameterType::kNumbers,
       .doc = "of the requests, in proportion to other classes; a list: over the run",
       .fallback = "1",
       .minimum = 0},
      {.name = "priority",
       .type = ParameterType::kInteger,
       .doc = "lower comes first",
       .fallback = "0"},
      {.name = "domain", .type = ParameterType::kText, .doc = "whose routing its tokens have"},
      {.name = "input", .type = ParameterType::kTree, .doc = "tokens of prompts"},
      {.name = "output", .type = ParameterType::kTree, .doc = "tokens of answers"},
      {.name = "prefix", .type = ParameterType::kTree, .doc = "tokens that prompts begin with"}};
  return parameters;
}

SharedPrefix read_prefix(const YamlNode& section, Mistakes& mistakes) {
  const Arguments arguments = read_arguments(as_section(section, "tokens"),
                                             {{.name = "tokens",
                                               .type = ParameterType::kInteger,
                                               .doc = "how many",
                                               .required = true,
                                               .minimum = kPrefixBlock,
                                               .maximum = 1e7},
                                              {.name = "share",
                                               .type = ParameterType::kNumber,
                                               .doc = "of the requests that have one",
                                               .fallback = "1",
                                               .minimum = 0,
                                               .maximum = 1},
                                              {.name = "prompts",
                                               .type = ParameterType::kInteger,
                                               .doc = "how many different ones",
                                               .fallback = "1",
                                               .minimum = 1,
                                               .maximum = 1e6}},
                                             mistakes, "prefix");
  if (!arguments.has("tokens")) return {};
  return {.tokens = arguments.integer("tokens"),
          .share = arguments.number("share"),
          .prompts = arguments.integer("prompts")};
}

// A class's own section, or else the one of all classes.
const YamlNode* section_of(const Arguments& one, const Arguments& all, const std::string& name) {
  if (one.has(name)) return &one.tree(name);
  return all.has(name) ? &all.tree(name) : nullptr;
}

std::optional<TokenLengths> read_lengths(const Arguments& one, const Arguments& all,
                                         const std::string& name, Mistakes& mistakes) {
  if (const YamlNode* section = section_of(one, all, name))
    return TokenLengths(*section, name, mistakes);
  mistakes.add(one.section(), fmt::format("requests need '{}'", name),
               fmt::format("for example {}: {{kind: lognormal, mean: 1000, cv: 1}}", name));
  return std::nullopt;
}

std::optional<GeneratedClass> read_class(RequestClass info, std::vector<double> shares,
                                         const Arguments& one, const Arguments& all,
                                         Mistakes& mistakes) {
  const auto input = read_lengths(one, all, "input", mistakes);
  const auto output = read_lengths(one, all, "output", mistakes);
  SharedPrefix prefix;
  if (const YamlNode* section = section_of(one, all, "prefix"))
    prefix = read_prefix(*section, mistakes);
  if (!input || !output) return std::nullopt;
  return GeneratedClass{.info = std::move(info),
                        .shares = std::move(shares),
                        .input = *input,
                        .output = *output,
                        .prefix = prefix};
}

double share_at(const std::vector<double>& shares, double progress) {
  const double place = std::clamp(progress, 0.0, 1.0) * static_cast<double>(shares.size() - 1);
  const auto before = static_cast<std::size_t>(place);
  if (before + 1 >= shares.size()) return shares.back();
  const double part = place - static_cast<double>(before);
  return (1 - part) * shares[before] + part * shares[before + 1];
}

// At every moment somebody sends something. Shares are linear between their points, so it is enough
// to look there.
void check_shares(const std::vector<GeneratedClass>& classes, const Spot& spot,
                  Mistakes& mistakes) {
  for (const GeneratedClass& one : classes)
    for (std::size_t i = 0; i < one.shares.size(); ++i) {
      const double last = static_cast<double>(std::max<std::size_t>(one.shares.size() - 1, 1));
      double sum = 0;
      for (const GeneratedClass& other : classes)
        sum += share_at(other.shares, static_cast<double>(i) / last);
      if (sum > 0) continue;
      mistakes.add(spot, "the shares of all classes are 0 at the same time");
      return;
    }
}

// Hashes of blocks are distinct by how they are put together: a bit for shared ones, then whose
// block it is.
std::uint64_t shared_block(int kind, int prompt, int block) {
  return (std::uint64_t{1} << 63) | (static_cast<std::uint64_t>(kind) << 44) |
         (static_cast<std::uint64_t>(prompt) << 20) | static_cast<std::uint64_t>(block);
}
std::uint64_t own_block(int id, int block) {
  return (static_cast<std::uint64_t>(id) << 20) | static_cast<std::uint64_t>(block);
}

}  // namespace

std::vector<Parameter> RequestMix::parameters() {
  return {
      {.name = "input",
       .type = ParameterType::kTree,
       .doc = "tokens of prompts: a number, or {kind: LENGTHS, mean: …, minimum: …, maximum: …}"},
      {.name = "output", .type = ParameterType::kTree, .doc = "tokens of answers, likewise"},
      {.name = "prefix",
       .type = ParameterType::kTree,
       .doc = "tokens that prompts have in common, before those of input: a number, or {tokens: "
              "…, share: … of requests, prompts: … different ones}"},
      {.name = "classes",
       .type = ParameterType::kTree,
       .doc = "list of {name: …, share: … (a list: over the run), priority: …, domain: …}, each "
              "with input, output, prefix of its own where they differ"}};
}

RequestMix::RequestMix(const Arguments& arguments) {
  Mistakes mistakes;
  const auto add = [&](RequestClass info, std::vector<double> shares, const Arguments& one) {
    auto read = read_class(std::move(info), std::move(shares), one, arguments, mistakes);
    if (read) classes_.push_back(std::move(*read));
  };
  if (!arguments.has("classes")) {
    add({}, {1}, arguments);
  } else if (const YamlNode& list = arguments.tree("classes");
             !list.is_list() || list.items.empty()) {
    mistakes.add(list.spot, "classes are a list", "classes: [{name: chat, share: 0.7}, …]");
  } else {
    for (const YamlNode& item : list.items) {
      const Arguments one = read_arguments(item, mix_class_parameters(), mistakes, "a class");
      if (!one.has("name") || !one.has("share") || !one.has("priority")) continue;
      add({.name = one.text("name"),
           .priority = one.integer("priority"),
           .domain = one.has("domain") ? one.text("domain") : ""},
          one.numbers("share"), one);
      if (one.given("share") && one.numbers("share").empty())
        mistakes.add(one.spot("share"), "share is empty", "a number, or some over the run");
    }
    if (mistakes.empty()) check_shares(classes_, list.spot, mistakes);
  }
  mistakes.throw_if_any();
  hashed_ = std::any_of(classes_.begin(), classes_.end(),
                        [](const GeneratedClass& one) { return one.prefix.tokens > 0; });
}

int RequestMix::draw_class(double progress, Rng rng) const {
  double sum = 0;
  for (const GeneratedClass& one : classes_) sum += share_at(one.shares, progress);
  double place = rng.uniform() * sum;
  int chosen = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    const double share = share_at(classes_[i].shares, progress);
    if (share > 0) chosen = static_cast<int>(i);
    if (place < share) break;
    place -= share;
  }
  return chosen;
}

Request RequestMix::request(int id, double progress, Random random) const {
  const auto stream = [&](Draw draw) { return random.stream(Purpose::kRequests, id, draw); };
  const int kind = draw_class(progress, stream(kClass));
  const GeneratedClass& one = classes_[static_cast<std::size_t>(kind)];
  Request request{.id = id,
                  .input = one.input.draw(stream(kInput)),
                  .output = one.output.draw(stream(kOutput)),
                  .kind = kind};
  Rng rng = stream(kPrefix);
  int shared = 0;
  const int prompt = rng.uniform() < one.prefix.share ? rng.below(one.prefix.prompts) : -1;
  if (prompt >= 0) {
    request.input += one.prefix.tokens;
    shared = one.prefix.tokens / kPrefixBlock;
  }
  if (!hashed_) return request;
  const int blocks = (request.input + kPrefixBlock - 1) / kPrefixBlock;
  for (int block = 0; block < blocks; ++block)
    request.blocks.push_back(block < shared ? shared_block(kind, prompt, block)
                                            : own_block(id, block));
  return request;
}

std::vector<RequestClass> RequestMix::classes() const {
  std::vector<RequestClass> classes;
  for (const GeneratedClass& one : classes_) classes.push_back(one.info);
  return classes;
}

}  // namespace moesim
