// Plug-ins by name. A section of a scenario with a `kind:` names one; its other keys are the
// plug-in's declared parameters.
//
// An interface says `static constexpr const char* kRole = "placement";`. A plug-in is one .cpp file
// with
//   const Register<PlacementPolicy, Lpt> kLpt{{.name = "lpt", .summary = "…", .parameters = {…}}};
// and a constructor from `const Arguments&`. Nothing else changes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/check.hpp"
#include "sim/base/parameter.hpp"

namespace moesim {

struct PluginInfo {
  std::string name;
  std::string summary;      // one line
  std::string source = {};  // paper or code that the definition is from
  std::vector<Parameter> parameters = {};
};

// A chosen plug-in and its arguments, as read from a scenario.
struct Choice {
  std::string kind;
  Arguments arguments;
  Spot spot;
};

// All plug-ins of all roles, for reading and listing.
class Catalog {
 public:
  static Catalog& instance();
  void add(const std::string& role, PluginInfo info);
  // Names in alphabetical order; empty for an unknown role.
  std::vector<std::string> names(const std::string& role) const;
  std::vector<std::string> roles() const;
  const PluginInfo* find(const std::string& role, const std::string& name) const;

 private:
  std::map<std::string, std::map<std::string, PluginInfo>> plugins_;
};

// Reads `{kind: NAME, …}`, or the bare NAME. Keys of the file that do not belong to a kind chosen
// with
// --set are left out. Mistakes are collected; the Choice is then not to be used.
Choice read_choice(const std::string& role, const YamlNode& section, Mistakes& mistakes);

// `{kind: NAME, …}` with every default written out.
YamlNode resolved_choice(const std::string& role, const Choice& choice);

// Parameters that every plug-in of a role accepts (such as `redundant` of a placement) are declared
// by the interface: `static std::vector<Parameter> common_parameters();`
template <class Interface>
class Registry {
 public:
  using Factory = std::unique_ptr<Interface> (*)(const Arguments&);

  static std::unique_ptr<Interface> make(const Choice& choice) {
    const auto found = factories().find(choice.kind);
    MOESIM_CHECK(found != factories().end(), "a choice that was read names a registered plug-in");
    return found->second(choice.arguments);
  }

  static std::map<std::string, Factory, std::less<>>& factories() {
    static std::map<std::string, Factory, std::less<>> all;
    return all;
  }
};

template <class Interface, class Plugin>
struct Register {
  explicit Register(PluginInfo info) {
    if constexpr (requires { Interface::common_parameters(); }) {
      for (Parameter& parameter : Interface::common_parameters())
        info.parameters.push_back(std::move(parameter));
    }
    Registry<Interface>::factories()[info.name] =
        [](const Arguments& arguments) -> std::unique_ptr<Interface> {
      return std::make_unique<Plugin>(arguments);
    };
    Catalog::instance().add(Interface::kRole, std::move(info));
  }
};

}  // namespace moesim
