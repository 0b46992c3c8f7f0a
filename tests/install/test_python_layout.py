# SPDX-License-Identifier: Apache-2.0
"""python/rustkernel.py lays its structures out as include/rustkernel.h does.

usage: test_python_layout.py COMPILER...     the compiler as words; asked to check, not to build
"""
import ctypes
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
sys.dont_write_bytecode = True

import rustkernel  # pylint: disable=wrong-import-position

STRUCTURES = {
    "rk_attribute": rustkernel._Attribute, "rk_context": rustkernel._Context,
    "rk_span": rustkernel._Span, "rk_span_options": rustkernel._SpanOptions,
    "rk_label": rustkernel._Label, "rk_metric_options": rustkernel._MetricOptions,
    "rk_slo_result": rustkernel._SloResult, "rk_api_v1": rustkernel._Table,
}
NUMBERS = {
    "RK_KIND_CONSUMER": rustkernel.CONSUMER, "RK_STATUS_ERROR": rustkernel.ERROR,
    "RK_LEVEL_TRACE": rustkernel.LEVELS["trace"], "RK_CIRCUIT_OPEN": rustkernel.CIRCUITS["open"],
    "RK_VERDICT_VIOLATED": rustkernel.VERDICTS.index("violated"),
    "RK_ATTRIBUTE_TEXT": ord("s"), "RK_ATTRIBUTE_INTEGER": ord("i"),
    "RK_ATTRIBUTE_NUMBER": ord("d"), "RK_ATTRIBUTE_BOOL": ord("b"),
    "RK_SPAN_FLAG_KERNEL": rustkernel._KERNEL, "RK_SPAN_FLAG_DETACHED": rustkernel._DETACHED,
    "RK_HEADER_BAGGAGE": rustkernel._HEADERS.index("baggage"),
    "RK_HEADER_BYTES": rustkernel._HEADER_BYTES,
    "RK_METRIC_COUNTER": rustkernel._COUNTER, "RK_METRIC_GAUGE": rustkernel._GAUGE,
    "RK_METRIC_HISTOGRAM": rustkernel._HISTOGRAM, "RK_METRIC_EXECUTION": rustkernel._EXECUTION,
    "RK_METRIC_MEMORY": rustkernel._MEMORY, "RK_METRIC_QUEUE": rustkernel._QUEUE,
    "RK_RECORD_VALUE": rustkernel._VALUE, "RK_RECORD_ADD": rustkernel._ADD,
    "RK_RECORD_ERROR": rustkernel._FAILED,
}


def claims():
    for name, structure in STRUCTURES.items():
        yield f"sizeof(struct {name})", ctypes.sizeof(structure)
        for field, *_ in structure._fields_:
            yield f"offsetof(struct {name}, {field})", getattr(structure, field).offset
            yield (f"sizeof(((struct {name} *)0)->{field})",
                   getattr(structure, field).size)
    yield from NUMBERS.items()


def compiles(compiler, text):
    return subprocess.run([*compiler, "-x", "c", "-fsyntax-only", "-I", str(ROOT / "include"), "-"],
                          input=text, text=True, capture_output=True, check=False)


def main():
    compiler = sys.argv[1:] or ["cc"]
    head = "#define RUSTKERNEL_TYPES_ONLY\n#include <rustkernel.h>\n"
    text = head + "".join(f'_Static_assert({what} == {number}, "{what} is {number} in Python");\n'
                          for what, number in claims())
    done = compiles(compiler, text)
    if done.returncode:
        sys.exit("\n".join(re.findall(r"error: (.*)", done.stderr)) or done.stderr)
    # It can fail.
    if compiles(compiler, text.replace("sizeof(struct rk_span) == 256", "sizeof(struct rk_span) == 255")
                ).returncode == 0:
        sys.exit("a wrong size was not noticed")
    # Every entry is there, in order, and takes as many arguments.
    header = (ROOT / "include" / "rustkernel.h").read_text(encoding="utf-8")
    table = re.search(r"struct rk_api_v1 \{(.*?)\n\};", header, re.S).group(1)
    entries = re.findall(r"\(\*(\w+)\)\(([^;]*)\);", table)
    if [name for name, _ in entries] != [name for name, _ in rustkernel._ENTRIES]:
        sys.exit(f"other entries: {[name for name, _ in entries]}")
    for (name, arguments), (_, kind) in zip(entries, rustkernel._ENTRIES):
        count = 0 if arguments.strip() == "void" else arguments.count(",") + 1
        if name != "log" and len(kind._argtypes_) != count:
            sys.exit(f"{name}: {count} arguments, {len(kind._argtypes_)} in Python")
    version = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text(encoding="utf-8")).group(1)
    if rustkernel.__version__ != version:
        sys.exit(f"version {rustkernel.__version__}, the project's is {version}")


main()
