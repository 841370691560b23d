// `moesim help [TOPIC]`: a page on a command, a plug-in, a key, a metric, a file; or all as a man
// page.
#include <fmt/format.h>

#include <memory>

#include "analysis/text_table.hpp"
#include "sim/base/error.hpp"
#include "sim/cli/command.hpp"
#include "sim/cli/flags.hpp"
#include "sim/cli/help_topics.hpp"

namespace moesim {
namespace {

// Groups that are too many to list are counted.
std::string topics_text(const Screen& screen) {
  HelpPage page{.title = "Topics of moesim help"};
  std::string group;
  std::size_t hidden = 0;
  for (const HelpTopic& topic : help_topics()) {
    const bool listed =
        topic.group != "plug-ins" && topic.group != "keys" && topic.group != "metrics";
    hidden += listed ? 0 : 1;
    if (!listed) continue;
    if (topic.group != group) page.heading(topic.group);
    group = topic.group;
    page.item(topic.name, topic.summary);
  }
  page.heading("and more");
  page.text(
      fmt::format("{} further topics: every plug-in (placement.eplb, or eplb), every key of a "
                  "scenario (workload.tokens_per_gpu), every metric (mfu). moesim help --all "
                  "names them; moesim help --man is one man page of it all.",
                  hidden));
  return page_text(page, screen);
}

std::string all_text(const Screen& screen) {
  TextTable table({{"topic"}, {"", false, 1}});
  for (const HelpTopic& topic : help_topics()) table.add({topic.name, topic.summary});
  return table.text(screen);
}

std::function<int()> declare_help(CLI::App& app) {
  struct Flags {
    std::string topic, color = "auto";
    bool all = false, man = false;
  };
  const auto flags = std::make_shared<Flags>();
  auto* topic = app.add_option("topic", flags->topic,
                               "a command, a kind of plug-in, a plug-in, a key, a metric, …")
                    ->type_name("TOPIC");
  auto* all = app.add_flag("--all", flags->all, "name every topic")->excludes(topic);
  app.add_flag("--man", flags->man, "print all of it as a man page: moesim help --man | man -l -")
      ->excludes(topic)
      ->excludes(all);
  declare_color(app, flags->color);
  return [flags] {
    const Screen screen = stdout_screen(flags->color);
    if (flags->man)
      fmt::print("{}", man_page(manual()));
    else if (flags->all)
      fmt::print("{}", all_text(screen));
    else if (flags->topic.empty())
      fmt::print("{}", topics_text(screen));
    else
      fmt::print("{}", page_text(find_help_topic(flags->topic).page(), screen));
    return kExitDone;
  };
}

const RegisterCommand kHelp(
    "help", {.summary = "a page on a command, a plug-in, a key, a metric, a file; or a man page",
             .declare = declare_help});

}  // namespace
}  // namespace moesim
