// `moesim completion bash|zsh|fish`: a script for the shell. The scripts ask the program itself
// what could come next (`--line`), so that they know every flag, plug-in, key and preset and cannot
// fall behind.
#include <fmt/format.h>

#include <memory>

#include "sim/cli/command.hpp"
#include "sim/cli/complete.hpp"

namespace moesim {
namespace {

// The word under the cursor is taken from the line, because bash splits words at "=" and ":", and
// replaces only what is behind the last of them.
constexpr const char* kBash = R"script(_moesim() {
  local line=${COMP_LINE:0:COMP_POINT} word doc kind
  local current=${line##*[[:space:]]} program=${COMP_WORDS[0]/#\~/$HOME}
  COMPREPLY=()
  while IFS=$'\t' read -r word doc; do
    case $word in
      :files) compopt -o filenames 2> /dev/null; COMPREPLY+=($(compgen -f -- "$current")) ;;
      :scenarios)
        COMPREPLY+=($(compgen -f -X '!*.yaml' -- "$current") $(compgen -f -X '!*.yml' -- "$current")
          $(compgen -d -S / -- "$current")) ;;
      :directories) COMPREPLY+=($(compgen -d -S / -- "$current")) ;;
      *) COMPREPLY+=("$word") ;;
    esac
  done < <("$program" completion bash --line="$line" 2> /dev/null)
  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace 2> /dev/null
  for kind in = :; do
    if [[ $current == *$kind* && $COMP_WORDBREAKS == *$kind* ]]; then
      COMPREPLY=("${COMPREPLY[@]#"${current%"${current##*$kind}"}"}")
    fi
  done
  return 0
}
complete -F _moesim moesim
)script";

constexpr const char* kZsh = R"script(#compdef moesim
_moesim() {
  local reply word line="${(j: :)words[1,CURRENT-1]} $PREFIX"
  local -a values texts open
  for reply in ${(f)"$(${~words[1]} completion zsh --line=$line 2> /dev/null)"}; do
    word=${reply%%$'\t'*}
    case $word in
      :files) _files ;;
      :scenarios) _files -g '*.(yaml|yml)' ;;
      :directories) _files -/ ;;
      *=) open+=($word) ;;
      *)
        values+=($word)
        texts+=("$word${${reply#*$'\t'}:+ -- ${reply#*$'\t'}}") ;;
    esac
  done
  (( $#open )) && compadd -S '' -a open
  (( $#values )) && compadd -l -d texts -a values
}
compdef _moesim moesim
)script";

constexpr const char* kFish = R"script(function __moesim_complete
  set -l line (commandline -cp)
  set -l program (string split -m 1 ' ' -- (string trim -l -- $line))[1]
  set program (string replace -r '^~' $HOME -- $program)
  for reply in ($program completion fish --line="$line" 2> /dev/null)
    switch $reply
      case ':files'
        __fish_complete_path (commandline -ct)
      case ':scenarios'
        __fish_complete_suffix .yaml
      case ':directories'
        __fish_complete_directories (commandline -ct)
      case '*'
        echo $reply
    end
  end
end
complete -c moesim -f -a '(__moesim_complete)'
)script";

void print_completion(const std::string& line) {
  const Completion completion = complete(line);
  for (const auto& [word, doc] : completion.words) fmt::print("{}\t{}\n", word, doc);
  using Files = Completion::Files;
  if (completion.files == Files::kAny) fmt::print(":files\n");
  if (completion.files == Files::kScenarios) fmt::print(":scenarios\n");
  if (completion.files == Files::kDirectories) fmt::print(":directories\n");
}

std::function<int()> declare_completion(CLI::App& app) {
  struct Flags {
    std::string shell;
    std::optional<std::string> line;
  };
  const auto flags = std::make_shared<Flags>();
  app.add_option("SHELL", flags->shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  app.add_option("--line", flags->line,
                 "print what could end this command line, a word a line, instead of the script "
                 "(which asks so)");
  return [flags] {
    if (flags->line)
      print_completion(*flags->line);
    else
      fmt::print("{}", flags->shell == "bash" ? kBash : flags->shell == "zsh" ? kZsh : kFish);
    return kExitDone;
  };
}

const RegisterCommand kCompletion(
    "completion", {.summary = "completion for a shell: source <(moesim completion bash)",
                   .declare = declare_completion});

}  // namespace
}  // namespace moesim
