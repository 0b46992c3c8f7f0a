#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Allocators, sanitizers, other libcs and other languages' runtimes; docs/guest.md lists them.

A program is built by the tool that its language has; where there is none, or what it builds does
not run here even without the preload, the test is skipped and says so. CC, CLANG, GO, RUSTC, JAVAC,
JAVA, NODE and MUSL_GCC name other tools.

usage: runtimes_test.py [CLASS[.TEST]]...
"""
import os
import pathlib
import shlex
import shutil
import subprocess
import unittest

from guest_harness import ROOT, SANITIZE, Case, harness, library, program

LITTLE = ["nothing", "everything"]
SOURCES = ROOT / "tests" / "guest" / "runtimes"
GUEST = ROOT / "tests" / "guest"
PYTHON = "/usr/bin/python3"
CUDA = pathlib.Path(os.environ.get("RK_CUDA", ROOT / "build" / "cuda"))
# Go's module cache and the like are the tester's: nothing may be fetched, and building is quick.
BUILD_ENVIRONMENT = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod"}
BUILD_SECONDS = 240


def tool(variable, name):
    """The command of a tool; skips the test where there is none."""
    words = shlex.split(os.environ.get(variable, name))
    if not shutil.which(words[0]):
        raise unittest.SkipTest(f"there is no {words[0]} here")
    return words


@unittest.skipIf(SANITIZE != "none", "an instrumented tracer brings a runtime and an allocator of its own")
class Runtime(Case):
    """A program is compiled into the test's folder."""

    def build(self, name, command, *sources, environment=None):
        path = self.folder / name
        made = subprocess.run([*command, "-o", path, *sources], check=False, capture_output=True, text=True,
                              cwd=self.folder, timeout=BUILD_SECONDS,
                              env={**os.environ, **BUILD_ENVIRONMENT, **(environment or {})})
        self.assertEqual(made.returncode, 0, made.stderr)
        return path


class Allocators(Runtime):
    """An allocator before us and behind us: it is the program's, and ours as well."""

    def check(self, package, pattern):
        found = sorted(path for folder in ("/usr/lib", "/usr/lib64", "/usr/local/lib")
                       for path in [*pathlib.Path(folder).glob(pattern),
                                    *pathlib.Path(folder).glob(f"*/{pattern}")])
        if not found:
            self.skipTest(f"{package} is not installed")
        for place in ("before", "behind"):
            runs = self.compare([program("runtime")], LITTLE, code=3, **{place: [found[0]]})
            for run in runs.values():
                self.assertIn(b"malloc of " + pattern.split(".so")[0].encode(), run.stdout)
                self.assertEqual(self.only_info(run)["launches"], run.measure["launches"])

    def test_jemalloc(self):
        self.check("libjemalloc2", "libjemalloc.so.2")

    def test_tcmalloc(self):
        self.check("libtcmalloc-minimal4", "libtcmalloc_minimal.so.4")

    def test_mimalloc(self):
        self.check("libmimalloc2.0", "libmimalloc.so.2")


class Sanitizers(Runtime):
    """Programs that were built with a sanitizer; the tracer was not."""
    # Memory that is lost is looked for, too: nothing of ours may be told as a leak of the program.
    options = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=66", "TSAN_OPTIONS": "atexit_sleep_ms=0"}

    def instrumented(self, compiler, *flags):
        driver = harness.SIMGPU / "libcuda.so.1"
        return self.build("instrumented", [
            *compiler, "-g", "-O1", "-D_GNU_SOURCE", "-isystem", CUDA / "include", *flags,
            GUEST / "runtime.c", GUEST / "guest_kit.c", driver, "-pthread", "-ldl"])

    def check(self, built, before=(), **settings):
        settings = {**self.options, **settings}
        bare = self.run_once([built], preload=False, before=before, env=settings)
        prefix = ()
        if b"unexpected memory mapping" in bare.stderr:
            prefix = ("setarch", "-R")
            bare = self.run_once([built], preload=False, before=before, env=settings, prefix=prefix)
        if bare.code != 3:
            self.skipTest(f"without the preload it ends with {bare.code}: {bare.stderr[-300:]!r}")
        runs = self.compare([built], LITTLE, code=3, before=before, env=settings, prefix=prefix)
        for run in runs.values():
            self.assertEqual(self.only_info(run)["launches"], run.measure["launches"])

    def test_gcc_address(self):
        """Its library has to come first, which it checks itself."""
        compiler = tool("CC", "gcc")
        asan = subprocess.run([*compiler, "-print-file-name=libasan.so"], check=True,
                              capture_output=True, text=True).stdout.strip()
        self.check(self.instrumented(compiler, "-fsanitize=address"), before=[asan])

    def test_gcc_address_static(self):
        self.check(self.instrumented(tool("CC", "gcc"), "-fsanitize=address", "-static-libasan"))

    def test_clang_address(self):
        self.check(self.instrumented(tool("CLANG", "clang"), "-fsanitize=address"))

    def test_gcc_thread(self):
        self.check(self.instrumented(tool("CC", "gcc"), "-fsanitize=thread"))

    def test_gcc_thread_with_stacks(self):
        """libunwind and ThreadSanitizer both wait for the end of a thread's end."""
        self.check(self.instrumented(tool("CC", "gcc"), "-fsanitize=thread"),
                   RUSTKERNEL_STACKS_MODE="all", RUSTKERNEL_LOG_LEVEL="off")

    def test_clang_thread(self):
        self.check(self.instrumented(tool("CLANG", "clang"), "-fsanitize=thread"))


class Languages(Runtime):
    """Runtimes with threads, signals and an allocator of their own."""

    def test_static(self):
        command = [*tool("CC", "gcc"), "-static", "-DWITHOUT_LOADER", SOURCES / "plain.c"]
        runs = self.compare([self.build("static", command)], LITTLE, code=3)
        self.assertEqual([self.traces(run) for run in runs.values()], [[], []])

    def test_musl(self):
        """Neither what it prints nor how it looks up functions changes; nothing is traced."""
        built = self.build("musl", [*tool("MUSL_GCC", "musl-gcc"), SOURCES / "plain.c"])
        runs = self.compare([built], LITTLE, code=3)
        self.assertIn(b"by RTLD_NEXT\n", runs["nothing"].stdout)
        self.assertEqual([self.traces(run) for run in runs.values()], [[], []])

    def test_go(self):
        built = self.build("plain", [*tool("GO", "go"), "build"], SOURCES / "program.go",
                           environment={"CGO_ENABLED": "0"})
        self.compare([built], LITTLE, code=3)

    def test_go_with_c(self):
        built = self.build("cgo", [*tool("GO", "go"), "build"], SOURCES / "program_cgo.go",
                           environment={"CGO_ENABLED": "1"})
        for run in self.compare([built], LITTLE, code=3).values():
            self.assertIn(b"start 0\n", run.stdout)
            self.assertEqual(self.only_info(run)["launches"], 320)
        for run in self.compare([built, "go"], LITTLE, code=3).values():
            for path in self.traces(run):
                self.assert_sealed(path)

    def test_rust(self):
        command = [*tool("RUSTC", "rustc"), "--edition=2021", "-O", SOURCES / "program.rs"]
        for run in self.compare([self.build("rust", command)], LITTLE, code=3).values():
            self.assertIn(b"failures [0, 0, 0, 0] wait 0\n", run.stdout)
            self.assertEqual(self.only_info(run)["launches"], 200)

    def test_java(self):
        compiler = tool("JAVAC", "javac")
        subprocess.run([*compiler, "-d", self.folder, SOURCES / "Program.java"], check=True,
                       capture_output=True, timeout=BUILD_SECONDS)
        argv = [*tool("JAVA", "java"), "-XX:-UsePerfData", "-Xmx256m", "-cp", self.folder, "Program"]
        runs = self.compare(argv, ["everything"], code=3)
        self.assertEqual(self.traces(runs["everything"]), [])
        for run in self.compare([*argv, library("runtime_library")], LITTLE, code=3).values():
            self.assertEqual(self.only_info(run)["launches"], 50)

    def test_node(self):
        argv = [*tool("NODE", "node"), SOURCES / "program.js"]
        runs = self.compare(argv, ["everything"], code=3)
        self.assertEqual(self.traces(runs["everything"]), [])
        for run in self.compare([*argv, library("runtime_library")], LITTLE, code=3).values():
            self.assertIn(b"loaded: true\n", run.stdout)
            self.assertEqual(self.only_info(run)["launches"], 50)


class Multiprocessing(Runtime):
    """Python's three ways to have workers, all of which use the GPU, and a parent that does."""

    def check(self, way):
        for run in self.compare([PYTHON, SOURCES / "workers.py", way], LITTLE, code=3).values():
            self.assertIn(b"[(0, 0), (1, 0), (2, 0)]\n", run.stdout)
            infos = []
            for path in self.traces(run):
                self.assert_sealed(path)
                if os.path.getsize(path):
                    infos.append(self.info(path))
            parents = [info["launches"] for info in infos if info["clean_exit"]]
            self.assertIn(20, parents)
            self.assertGreaterEqual(len(self.traces(run)), 2, "no worker has a file")

    def test_fork(self):
        self.check("fork")

    def test_spawn(self):
        self.check("spawn")

    def test_forkserver(self):
        self.check("forkserver")


if __name__ == "__main__":
    unittest.main(verbosity=2)
