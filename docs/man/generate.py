#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write one man page from the tool's own help and the text beside this file.

usage: generate.py PAGE RKTRACE VERBS.def CONFIG.def VERSION     roff to standard output

PAGE is rktrace.1, rktrace-VERB.1 or rkpreload.7; its text is PAGE.txt without the section's
number: sections have a heading in capitals, lines indented by four blanks stay as they are. What
the tool says of itself (usage, options, list of verbs) is never written by hand.
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def roff(text):
    """Paragraphs, and blocks of lines indented by four."""
    out, is_block = [], False
    for line in text.strip("\n").splitlines():
        if line.startswith("    ") and not is_block:
            out += [".PP", ".RS 4", ".nf"]
        elif is_block and line.strip() and not line.startswith("    "):
            out += [".fi", ".RE", ".PP"]
        if line.strip():
            is_block = line.startswith("    ")
        elif not is_block:
            out.append(".PP")
        if line.strip() or is_block:
            out.append(escape(line[4:] if is_block else line))
    while out and out[-1] in ("", ".PP"):
        out.pop()
    return out + ([".fi", ".RE"] if is_block else [])


def sections(page):
    """[(heading, text)] of the hand-written part."""
    text = (HERE / (page.rpartition(".")[0] + ".txt")).read_text(encoding="utf-8")
    parts = re.split(r"^([A-Z][A-Z ]+)$\n", text, flags=re.M)
    assert not parts[0].strip(), f"{page}: text before the first heading"
    return list(zip(parts[1::2], parts[2::2]))


def verbs(path):
    """[(verb, arguments, summary)]"""
    return re.findall(r'^RK_VERB\((\w+), "(.*)", "(.*)"\)$', pathlib.Path(path).read_text(), re.M)


def settings(path):
    """[(key, default, help)]"""
    row = re.compile(r'^RK_CONFIG\(\w+, \w+, "(.*?)", "(.*?)", ".*?", ".*?", "(.*)"\)$', re.M)
    return [(key, default, told) for default, key, told in row.findall(
        pathlib.Path(path).read_text())]


def help_of(rktrace, words):
    return subprocess.run([rktrace, *words, "--help"], check=True, capture_output=True,
                          text=True).stdout


def options(rktrace, words):
    """The lines of options, as they are told: .TP paragraphs."""
    out = []
    for line in help_of(rktrace, words).splitlines():
        match = re.match(r"  (-\w, |    )(--\S+(?: \S+)*?)  +(\S.*)$", line)
        if match:
            short, long, told = match.groups()
            out += [".TP", f"\\fB{escape((short + long).strip())}\\fR", escape(told)]
    return out


def verb_page(rktrace, name, arguments, summary):
    out = [f".SH NAME\nrktrace\\-{name} \\- {escape(summary)}", ".SH SYNOPSIS"]
    out += [f".B rktrace {name}\n{escape(arguments)}"]
    return out, options(rktrace, [name])


def subcommands(arguments):
    """list|watch FILE | export --prometheus -> list, watch, export"""
    words = [re.match(r"[a-z]+", part.strip()) for part in arguments.split("|")]
    return [word.group(0) for word in words if word]


def front(page, rktrace, table):
    if page == "rktrace.1":
        out = [".SH NAME\nrktrace \\- trace CUDA programs, and look at what was traced",
               ".SH SYNOPSIS", ".B rktrace\n.I VERB\n[options]", ".br",
               ".B rktrace\n.I ./PROGRAM\n[arguments]", ".SH VERBS"]
        for name, arguments, summary in table:
            out += [".TP", f"\\fBrktrace {name}\\fR {escape(arguments)}",
                    f"{escape(summary)}; see \\fBrktrace\\-{name}\\fR(1)."]
        return out, []
    if page == "rkpreload.7":
        return [".SH NAME\nrkpreload \\- observe a CUDA program that nobody changed",
                ".SH SYNOPSIS", ".B LD_PRELOAD=librkpreload.so\n.I PROGRAM"], []
    name = page[len("rktrace-"):-len(".1")]
    row, = [row for row in table if row[0] == name]
    out, told = verb_page(rktrace, *row)
    if name in ("alert",):
        told = []
        for word in subcommands(row[1]):
            told += [f".SS {word}", *options(rktrace, [name, word])]
    return out, told


def main():
    page, rktrace, verb_table, config_table, version = sys.argv[1:]
    table = verbs(verb_table)
    title, _, section = page.rpartition(".")
    out, told = front(page, rktrace, table)
    out.insert(0, f'.TH {title.upper()} {section} "" "rkpreload {version}" ""')
    for heading, text in sections(page):
        out += [f'.SH "{heading}"', *roff(text)]
        if heading == "DESCRIPTION" and told:
            out += [".SH OPTIONS", *told]
        if heading == "SETTINGS":
            for key, default, about in settings(config_table):
                variable = "RUSTKERNEL_" + key.upper().replace(".", "_")
                out += [".TP", f"\\fB{escape(key)}\\fR, \\fB{escape(variable)}\\fR",
                        escape(about[0].upper() + about[1:] +
                               (f" (default: {default})" if default else ""))]
    print("\n".join(out))


if __name__ == "__main__":
    main()
