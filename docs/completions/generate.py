#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the completions of one shell from the tool's own help.

usage: generate.py bash|zsh|fish RKTRACE VERBS.def ACTIONS.def      to standard output

Verbs and actions come from their tables, options from `rktrace VERB --help`, which prints the
table that the parser reads: nothing is listed twice. Options that take a value are known by the
name of the value; FILE and PROGRAM are completed as files, the rest as what the table says.
"""
import pathlib
import re
import subprocess
import sys

# What can stand for a value, by the option's name; everything else is up to the user.
CHOICES = {"by": "device stream thread", "speed": "max 1x 10x"}
FILES = {"FILE", "OUT", "DIR", "PATH"}


def table(path, macro, name):
    """[(name, arguments, summary)]"""
    return re.findall(rf'^{macro}\({name}, "(.*)", "(.*)"\)$', pathlib.Path(path).read_text(), re.M)


def options(rktrace, words):
    """[(letter or "", name, value or "", help)]"""
    told = subprocess.run([rktrace, *words, "--help"], check=True, capture_output=True,
                          text=True).stdout
    row = re.compile(r"^  (?:-(\w), |    )--([\w-]+)(?: (\S+))? +(\S.*)$", re.M)
    return row.findall(told)


def formats(rktrace):
    told = subprocess.run([rktrace, "export", "--formats"], check=True, capture_output=True,
                          text=True).stdout
    return " ".join(line.split()[0] for line in told.splitlines())


def commands(rktrace, verbs, actions):
    """{"report": (summary, options), "alert list": ...}; of verbs with actions those come too."""
    found = {}
    for name, _, summary in verbs:
        has_actions = any(action.split()[0] == name for action, _, _ in actions)
        found[name] = (summary, [] if has_actions else options(rktrace, [name]))
    for name, _, summary in actions:
        found[name] = (summary, options(rktrace, name.split()))
    return found


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def words_of(told):
    """Every spelling of the options."""
    return " ".join(word for letter, name, _, _ in told
                    for word in ([f"-{letter}"] if letter else []) + [f"--{name}"])


def bash(found, choices):
    verbs = [name for name in found if " " not in name]
    out = ["# bash completion of rktrace; written by docs/completions/generate.py", "_rktrace() {",
           '    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}',
           '    local verb=${COMP_WORDS[1]-} action=${COMP_WORDS[2]-} known=',
           "    COMPREPLY=()",
           '    if [ "$COMP_CWORD" = 1 ]; then',
           f"        COMPREPLY=($(compgen -W {quote(' '.join(verbs) + ' --help --version')} -- \"$word\")"
           ' $(compgen -f -- "$word"))',
           "        return", "    fi"]
    out += ['    case "$before" in']
    out += [f"    --{name}) COMPREPLY=($(compgen -W {quote(values)} -- \"$word\")); return ;;"
            for name, values in choices.items()]
    out += ["    esac", '    case "$verb $action" in']
    # Actions first: "alert list" before "alert".
    for name in sorted(found, key=lambda n: " " not in n):
        actions = " ".join(n.split()[1] for n in found if n.startswith(name + " "))
        pattern = quote(name) if " " in name else quote(name) + "\\ *"
        out.append(f"    {pattern}) known={quote((words_of(found[name][1]) + ' ' + actions).strip())} ;;")
    out += ["    esac", '    case "$word" in',
            '    -*) COMPREPLY=($(compgen -W "$known" -- "$word")) ;;',
            '    *) COMPREPLY=($(compgen -W "$(printf "%s\\n" $known | grep -v "^-")" -- "$word")'
            ' $(compgen -f -- "$word")) ;;',
            "    esac", "}", "complete -o filenames -F _rktrace rktrace"]
    return out


def zsh_escape(text):
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_option(letter, name, value, told, choices):
    action = ""
    if value:
        pick = f"({choices[name]})" if name in choices else "_files" if value in FILES else ""
        action = f":{zsh_escape(value)}:{pick}"
    out = [quote(f"--{name}{'=' if value else ''}[{zsh_escape(told)}]{action}")]
    if letter:
        out.append(quote(f"-{letter}[{zsh_escape(told)}]{action}"))
    return out


def zsh_arguments(told, choices, indent):
    lines = [option for row in told for option in zsh_option(*row, choices)]
    return [f"{indent}_arguments \\"] + [f"{indent}    {line} \\" for line in lines] + \
        [f"{indent}    '*:file:_files'"]


def zsh(found, choices):
    out = ["#compdef rktrace", "# zsh completion of rktrace; written by docs/completions/generate.py",
           "_rktrace() {", "    local -a verbs actions", "    if (( CURRENT == 2 )); then",
           "        verbs=("]
    out += [f"            {quote(name + ':' + zsh_escape(summary))}"
            for name, (summary, _) in found.items() if " " not in name]
    out += ["        )", "        _describe verb verbs", "        _files", "        return", "    fi",
            '    case "$words[2]" in']
    for name, (_, told) in found.items():
        actions = {n.split()[1]: found[n] for n in found if n.startswith(name + " ")}
        if " " in name:
            continue
        out.append(f"    {name})")
        if not actions:
            out += zsh_arguments(told, choices, "        ")
        else:
            out += ["        if (( CURRENT == 3 )); then", "            actions=("]
            out += [f"                {quote(action + ':' + zsh_escape(summary))}"
                    for action, (summary, _) in actions.items()]
            out += ["            )", "            _describe action actions", "            return",
                    "        fi", '        case "$words[3]" in']
            for action, (_, told_of) in actions.items():
                out += [f"        {action})"] + zsh_arguments(told_of, choices, "            ")
                out += ["            ;;"]
            out += ["        esac"]
        out.append("        ;;")
    return out + ["    esac", "}", '_rktrace "$@"']


def fish_option(words, letter, name, value, told, choices):
    line = "complete -c rktrace -n " + quote(" ".join(
        ["__fish_seen_subcommand_from", words.split()[0]] +
        (["; and __fish_seen_subcommand_from", words.split()[1]] if " " in words else [])))
    line += f" -l {name}" + (f" -s {letter}" if letter else "")
    if value:
        line += " -x -a " + quote(choices[name]) if name in choices else \
            " -r -F" if value in FILES else " -x"
    return line + " -d " + quote(told)


def fish(found, choices):
    out = ["# fish completion of rktrace; written by docs/completions/generate.py"]
    for name, (summary, told) in found.items():
        condition = "__fish_use_subcommand" if " " not in name else \
            f"__fish_seen_subcommand_from {name.split()[0]}"
        out.append(f"complete -c rktrace -n {quote(condition)} -a {name.split()[-1]} -d "
                   f"{quote(summary)}")
        out += [fish_option(name, *row, choices) for row in told]
    return out


def main():
    shell, rktrace, verb_table, action_table = sys.argv[1:]
    found = commands(rktrace, table(verb_table, "RK_VERB", r"(\w+)"),
                     table(action_table, "RK_ACTION", r'"(.*?)"'))
    choices = dict(CHOICES, format=formats(rktrace))
    print("\n".join({"bash": bash, "zsh": zsh, "fish": fish}[shell](found, choices)))


if __name__ == "__main__":
    main()
