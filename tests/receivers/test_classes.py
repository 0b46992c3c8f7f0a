# SPDX-License-Identifier: Apache-2.0
"""The classes of a test file beside each other: tests of receivers mostly wait.

A file ends with test_classes.main() where it would have unittest.main(). Without arguments every
TestCase of it that has tests runs in a process of its own, some at a time, and then those that
hold a time, each alone; with the names of classes or tests only those, in this process.
"""
import concurrent.futures
import subprocess
import sys
import unittest

AT_ONCE = 4  # more than processors: few of them compute


def run_class(name):
    return subprocess.run([sys.executable, sys.argv[0], name], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def names_of(module):
    loader = unittest.defaultTestLoader
    return [name for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, unittest.TestCase)
            and loader.getTestCaseNames(value)]


def run_all(names, at_once):
    """How many of them failed."""
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in pool.map(run_class, names):
            print(done.stdout, end="", flush=True)
            failed += done.returncode != 0
    return failed


def main(alone=()):
    """@alone: names of the classes that hold a time."""
    if len(sys.argv) > 1:
        unittest.main(module="__main__", verbosity=2)
    names = names_of(sys.modules["__main__"])
    if not names:
        sys.exit("no class of this file has tests")
    if not set(alone) <= set(names):
        sys.exit(f"no such class: {set(alone) - set(names)}")
    failed = run_all([name for name in names if name not in alone], AT_ONCE)
    failed += run_all(alone, 1)
    sys.exit(1 if failed else 0)
