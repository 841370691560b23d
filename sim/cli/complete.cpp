#include "sim/cli/complete.hpp"

#include <algorithm>
#include <memory>

#include "analysis/compare.hpp"
#include "sim/base/presets.hpp"
#include "sim/base/registry.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/help_commands.hpp"
#include "sim/cli/help_topics.hpp"
#include "sim/cli/settings.hpp"

namespace moesim {
namespace {

using Words = std::vector<std::string>;

// The words of a line; the last one is under the cursor.
Words words_of(const std::string& line) {
  Words words(1);
  bool inside = false;  // a word
  char quote = '\0';
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote == '\0' && (c == ' ' || c == '\t')) {
      if (inside) words.emplace_back();
      inside = false;
      continue;
    }
    inside = true;
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && at + 1 < line.size()) {
      words.back() += line[++at];
    } else {
      words.back() += c;
    }
  }
  return words;
}

class Completer {
 public:
  explicit Completer(Words words) : words_(std::move(words)) {}

  Completion complete() {
    const std::string current = words_.back();
    if (words_.size() <= 2) {
      for (const auto& [name, command] : commands()) suggest(name, command.summary);
      suggest("--help", "what the program does");
      suggest("--version", "its version");
      return matching(current);
    }
    const auto found = commands().find(words_[1]);
    if (found == commands().end()) return {};
    CLI::App command;
    const auto action = found->second.declare(command);
    app_ = &command;
    const CLI::Option* waiting = walk();
    if (waiting != nullptr) {
      suggest_values(*waiting, current, "");
    } else if (const std::size_t equals = current.find('=');
               current.starts_with("--") && equals != std::string::npos) {
      const CLI::Option* option = app_->get_option_no_throw(current.substr(0, equals));
      if (option != nullptr)
        suggest_values(*option, current.substr(equals + 1), current.substr(0, equals + 1));
    } else if (current.starts_with("-")) {
      suggest_flags();
    } else {
      suggest_positional(current);
    }
    return matching(current);
  }

 private:
  void suggest(std::string word, std::string doc) {
    result_.words.push_back({std::move(word), std::move(doc)});
  }

  Completion matching(const std::string& current) {
    std::erase_if(result_.words, [&](const Suggestion& suggestion) {
      return !suggestion.word.starts_with(current);
    });
    return std::move(result_);
  }

  static bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

  const CLI::App* subcommand(const std::string& name) const {
    for (const CLI::App* sub : app_->get_subcommands(nullptr))
      if (sub->get_name() == name) return sub;
    return nullptr;
  }

  // Through the words before the cursor, into subcommands; the flag whose value comes next.
  const CLI::Option* walk() {
    const CLI::Option* waiting = nullptr;
    for (std::size_t i = 2; i + 1 < words_.size(); ++i) {
      const std::string& word = words_[i];
      if (waiting != nullptr) {
        waiting = nullptr;
      } else if (word.starts_with("-")) {
        const CLI::Option* option = app_->get_option_no_throw(word);
        if (option != nullptr && takes_value(*option)) waiting = option;
      } else if (const CLI::App* sub = subcommand(word); sub != nullptr) {
        app_ = sub;
        positionals_ = 0;
      } else {
        ++positionals_;
      }
    }
    return waiting;
  }

  void suggest_flags() {
    for (const CLI::Option* option : app_->get_options()) {
      for (const std::string& name : option->get_lnames())
        suggest("--" + name, option->get_description());
      for (const std::string& name : option->get_snames())
        suggest("-" + name, option->get_description());
    }
  }

  void suggest_positional(const std::string& current) {
    const auto subs = app_->get_subcommands(nullptr);
    for (const CLI::App* sub : subs) suggest(sub->get_name(), sub->get_description());
    std::vector<const CLI::Option*> positional;
    for (const CLI::Option* option : app_->get_options())
      if (option->get_positional()) positional.push_back(option);
    if (positional.empty()) return;
    const std::size_t last = positional.size() - 1;
    if (positionals_ > last && positional[last]->get_items_expected_max() <= 1) return;
    suggest_values(*positional[std::min(positionals_, last)], current, "");
  }

  // `before` is what of the word stands before the value.
  void suggest_values(const CLI::Option& option, const std::string& value,
                      const std::string& before) {
    const std::string type = option.get_type_name();
    const auto all = [&](const Words& words, const std::string& start) {
      for (const std::string& word : words) suggest(before + start + word, "");
    };
    if (type.starts_with("KEY=VALUE")) {
      suggest_settings(value, before, type.starts_with("KEY=VALUES"));
    } else if (const Words choices = choices_of(option); !choices.empty()) {
      all(choices, "");
    } else if (type.starts_with("FIDELITY")) {
      all({"pairwise", "fluid", "aggregated", "analytic"}, list_start(value));
    } else if (type.starts_with("TOPIC")) {
      suggest_topics(before);
    } else if (type.starts_with("METRIC")) {
      for (const ComparedMetric& metric : compared_metrics())
        suggest(before + metric.name, metric.title);
    } else if (const char* folder = preset_folder(type); folder != nullptr) {
      all(preset_names(folder), "");
    } else {
      result_.files = files_of(type);
    }
  }

  // Those of the sections that the command reads.
  bool reads(const std::string& key) const {
    const std::string& command = words_[1];
    if (command == "place") return key.starts_with("placement");
    if (command == "trace") return key.starts_with("trace") || key.starts_with("model");
    return true;
  }

  void suggest_settings(const std::string& value, const std::string& before, bool several) {
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos) {
      for (const Setting& setting : settings())
        if (reads(setting.key)) suggest(before + setting.key + "=", setting.doc);
      return;
    }
    const Setting* setting = find_setting(value.substr(0, equals));
    if (setting == nullptr) return;
    const std::string start = before + value.substr(0, equals + 1) +
                              (several ? list_start(value.substr(equals + 1)) : std::string());
    for (const std::string& choice : setting->values)
      suggest(start + choice, doc_of(*setting, choice));
  }

  static std::string doc_of(const Setting& setting, const std::string& choice) {
    std::string role = setting.key.substr(0, setting.key.rfind(".kind"));
    if (role == section_of_role("topology")) role = "topology";
    const PluginInfo* info = Catalog::instance().find(role, choice);
    return info == nullptr ? "" : info->summary;
  }

  void suggest_topics(const std::string& before) {
    if (words_[1] == "help") {
      for (const HelpTopic& topic : help_topics()) suggest(before + topic.name, topic.summary);
      return;
    }
    for (const char* presets : {"models", "clusters", "calibrations"})
      suggest(before + presets, "presets");
    for (const std::string& role : Catalog::instance().roles())
      suggest(before + role, "plug-ins and their parameters");
  }

  // "linear," of "linear,l".
  static std::string list_start(const std::string& value) {
    return value.substr(0, value.rfind(',') + 1);
  }

  static const char* preset_folder(const std::string& type) {
    if (type.starts_with("MODEL")) return "models";
    return type.starts_with("CALIBRATION") ? "calibrations" : nullptr;
  }

  static Completion::Files files_of(const std::string& type) {
    for (const char* number : {"INT", "UINT", "FLOAT", "NUMBER", "POSITIVE", "NONNEGATIVE"})
      if (type.starts_with(number)) return Completion::Files::kNone;
    if (type.starts_with("YAML")) return Completion::Files::kScenarios;
    return type.starts_with("DIR") ? Completion::Files::kDirectories : Completion::Files::kAny;
  }

  Words words_;
  const CLI::App* app_ = nullptr;
  std::size_t positionals_ = 0;  // before the cursor
  Completion result_;
};

}  // namespace

Completion complete(const std::string& line) { return Completer(words_of(line)).complete(); }

}  // namespace moesim
