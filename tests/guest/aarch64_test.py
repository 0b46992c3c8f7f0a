#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tracer built for aarch64 by a cross compiler, and its lookups under user-mode emulation.

The folders that librkpreload.so is made of are compiled with warnings as errors. zstd, yaml and
iberty are not there for aarch64: the libraries are linked without them and bind late, so that
what is run here must not need them. It is the library with its exporter replaced (as in
tests/hook), in programs that look functions up in every way that depends on who calls.

usage: aarch64_test.py [CLASS[.TEST]]...
RK_BUILD: the build folder, for what is generated; RK_CUDA: the toolkit. CROSS_CC, QEMU, SYSROOT.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("RK_BUILD", ROOT / "build" / "tests")).resolve()
CUDA = pathlib.Path(os.environ.get("RK_CUDA", ROOT / "build" / "cuda"))
CC = os.environ.get("CROSS_CC", "aarch64-linux-gnu-gcc")
READELF = CC.replace("gcc", "readelf")
QEMU = os.environ.get("QEMU", "qemu-aarch64")
SYSROOT = os.environ.get("SYSROOT", "/usr/aarch64-linux-gnu")
FOLDERS = ["core", "trace", "cupti", "pipeline", "interpose"]
VERSION = '"GLIBC_2.17"'  # the oldest there is on aarch64
HEADERS = ["zstd.h", "zstd_errors.h", "yaml.h", "libiberty"]  # the same for every processor
ABSENT = re.compile(r"(ZSTD_|yaml_|cplus_demangle|rust_demangle|__gxx_|_ITM_|__gmon_start__)")
# How long a text can become is a guess, which is another one for every compiler.
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-deprecated-declarations",
            "-Wno-format-truncation"]
RUN_SECONDS = 120


def run(*command, check=True):
    done = subprocess.run([str(word) for word in command], check=False, capture_output=True,
                          text=True)
    if check and done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr[-4000:]}")
    return done


def setUpModule():
    """Everything is compiled once, into a folder that goes at the end."""
    for name in (CC, QEMU):
        if not shutil.which(name):
            raise unittest.SkipTest(f"there is no {name} here")
    Cross.folder = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-aarch64-"))
    unittest.addModuleCleanup(shutil.rmtree, Cross.folder, ignore_errors=True)
    Cross.compile_all()


class Cross(unittest.TestCase):
    """The objects of aarch64, and how they are made."""
    folder = None
    objects = {}
    complaints = []

    @classmethod
    def compile_all(cls):
        (cls.folder / "headers").mkdir()
        for name in HEADERS:
            (cls.folder / "headers" / name).symlink_to(pathlib.Path("/usr/include") / name)
        sources = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.c"))]
        sources += [ROOT / "interpose" / "lookup_aarch64.S",
                    ROOT / "tests" / "hook" / "probe_exporter.c"]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            results = list(workers.map(cls.compile, sources))
        for path, (made, said) in zip(sources, results):
            cls.objects[f"{path.parent.name}/{path.name}"] = made
            if said:
                cls.complaints.append(said)

    @classmethod
    def flags(cls):
        return ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-fPIC", "-fvisibility=hidden",
                "-ftls-model=initial-exec", '-DRK_VERSION="0"', *WARNINGS, "-I", ROOT,
                "-I", BUILD, "-I", BUILD / "interpose", "-isystem", CUDA / "include",
                "-isystem", cls.folder / "headers"]

    @classmethod
    def compile(cls, source):
        made = cls.folder / f"{source.parent.name}-{source.name}.o"
        done = run(CC, *cls.flags(), "-c", source, "-o", made, check=False)
        return made, done.stderr

    @classmethod
    def link(cls, name, objects):
        path = cls.folder / name
        script = BUILD / "interpose" / "librkpreload.map"
        run(CC, "-shared", "-o", path, *objects, "-Wl,-Bsymbolic-functions", "-Wl,-z,nodelete",
            "-Wl,-z,noexecstack", "-Wl,-z,lazy", f"-Wl,-soname,{name}", f"-Wl,--version-script={script}")
        return path


class Compiles(Cross):
    """Warnings are errors; what the library asks for is what the native one does."""

    def test_every_file(self):
        self.assertEqual(self.complaints, [])

    def test_library(self):
        objects = [made for name, made in self.objects.items() if "probe" not in name]
        path = self.link("librkpreload.so", objects)
        dynamic = run(READELF, "-dW", path).stdout
        self.assertEqual(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic), ["libc.so.6"])
        self.assertNotIn("TEXTREL", dynamic)
        symbols = run(READELF, "-W", "--dyn-syms", path).stdout
        unmet = [name for name in re.findall(r"GLOBAL \w+ +UND (\S+)", symbols)
                 if "@GLIBC_" not in name and not ABSENT.match(name)]
        self.assertEqual(unmet, [])
        for name in ("dlsym", "dlvsym", "cuLaunchKernel"):
            self.assertRegex(symbols, rf"GLOBAL DEFAULT +\d+ {name}\n")


class Runs(Cross):
    """What the assembly does, in programs that run under emulation."""

    @classmethod
    def setUpClass(cls):
        hook, guest = ROOT / "tests" / "hook", ROOT / "tests" / "guest"
        cls.probe = cls.link("librkprobe.so", [
            made for name, made in cls.objects.items()
            if name.split("/")[0] in ("core", "cupti", "interpose", "hook")])
        shared = [*cls.build_flags(), "-shared", "-fPIC"]
        run(CC, *shared, "-Wl,-soname,libcuda.so.1", "-Wl,-Bsymbolic-functions",
            hook / "fake_driver.c", "-o", cls.folder / "libcuda.so.1")
        for name, level in (("a", "-O0"), ("b", "-O2")):
            run(CC, *shared, level, f"-DFORWARDER_COUNT=forwarder_{name}_count",
                f"-DFORWARDER_VERSION={VERSION}", hook / "forwarder.c",
                "-o", cls.folder / f"forwarder_{name}.so")
            run(CC, *shared, level, f"-DLIBC_VERSION={VERSION}", guest / "lookup_library.c",
                f"-Wl,--version-script={guest / 'lookup_library.map'}",
                "-o", cls.folder / f"lookup_library_{name}.so")
            run(CC, *cls.build_flags(), level, guest / "lookups.c", "-o", cls.folder / f"lookups_{name}")
            run(CC, *cls.build_flags(), level, f"-DBASE_VERSION={VERSION}", hook / "guest_chain.c",
                cls.folder / "libcuda.so.1", "-o", cls.folder / f"chain_{name}")
        run(CC, *cls.build_flags(), guest / "late_load.c", "-o", cls.folder / "late_load")

    @classmethod
    def build_flags(cls):
        return ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g0", "-isystem", CUDA / "include", "-pthread"]

    def emulate(self, argv, preloads):
        environment = {"LD_LIBRARY_PATH": self.folder, "RUSTKERNEL_CUPTI_ENABLED": "false",
                       "RUSTKERNEL_LOG_LEVEL": "off",
                       "LD_PRELOAD": ":".join(str(path) for path in preloads)}
        settings = [word for name, value in environment.items() for word in ("-E", f"{name}={value}")]
        done = subprocess.run([QEMU, "-L", SYSROOT, *settings, *map(str, argv)], check=False,
                              capture_output=True, text=True, timeout=RUN_SECONDS, cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def compare(self, argv, before=(), behind=()):
        bare = self.emulate(argv, [*before, *behind])
        self.assertEqual(bare[0], 0, bare)
        self.assertEqual(self.emulate(argv, [*before, self.probe, *behind]), bare)
        return bare[1]

    def test_lookups_are_the_callers_own(self):
        """Names that begin like ours, RTLD_NEXT, dlvsym(), and no frame of ours under any."""
        for program in "ab":
            for library in "ab":
                said = self.compare([self.folder / f"lookups_{program}",
                                     self.folder / f"lookup_library_{library}.so"])
                self.assertIn("frames of the tracer under dlsym(): 0\n", said)

    def test_chain_of_interposers(self):
        forwarders = [self.folder / "forwarder_a.so", self.folder / "forwarder_b.so"]
        for program in "ab":
            argv = [self.folder / f"chain_{program}"]
            self.compare(argv, before=forwarders)
            self.compare(argv, behind=forwarders)

    def test_late_load(self):
        """The driver by a handle: what is found there is ours, and works as the driver's does."""
        self.compare([self.folder / "late_load"])

    def test_names_of_ours_are_substituted(self):
        source = self.folder / "whose.c"
        source.write_text(
            "#include <dlfcn.h>\n#include <stdio.h>\n#include <string.h>\n"
            "int main(void)\n{\n\tvoid *driver = dlopen(\"libcuda.so.1\", RTLD_NOW);\n"
            "\tconst char *names[] = { \"cuLaunchKernel\", \"cuNoSuchFunction\", NULL };\n"
            "\tfor (int i = 0; names[i]; i++) {\n\t\tDl_info info = { 0 };\n"
            "\t\tvoid *found = dlsym(driver, names[i]);\n"
            "\t\tif (found && dladdr(found, &info))\n"
            "\t\t\tputs(strrchr(info.dli_fname, '/') + 1);\n\t\telse\n\t\t\tputs(\"none\");\n\t}\n"
            "\treturn 0;\n}\n")
        run(CC, *self.build_flags(), source, "-o", self.folder / "whose")
        for preloads, wanted in (([], "libcuda.so.1"), ([self.probe], "librkprobe.so")):
            code, said, errors = self.emulate([self.folder / "whose"], preloads)
            self.assertEqual((code, said, errors), (0, f"{wanted}\nnone\n", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
