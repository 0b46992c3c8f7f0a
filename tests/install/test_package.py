# SPDX-License-Identifier: Apache-2.0
"""Programs are built against what is installed, by pkg-config and by CMake, and run.

RK_BUILD is the build folder; it is installed into a folder of the test's own. CC and CXX.
"""
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["RK_BUILD"]).resolve()
PRELOAD = BUILD / "interpose" / "librkpreload.so"
SANITIZER_PRELOAD = os.environ.get("RK_SANITIZER_PRELOAD", "")
CC, CXX = (shlex.split(os.environ.get(name, default)) for name, default in (("CC", "cc"), ("CXX", "c++")))

# C11 and C++17 at once.
PROGRAM = """
#include <rustkernel.h>
#include <stdio.h>
int main(void)
{
	struct rk_span span;

	rk_kernel_span_begin(&span, "installed", "Package");
	printf("active %d, version %d.%d.%d\\n", rk_is_active() ? 1 : 0, RUSTKERNEL_VERSION_MAJOR,
	       RUSTKERNEL_VERSION_MINOR, RUSTKERNEL_VERSION_PATCH);
	rk_span_end(&span);
	return 0;
}
"""

PROJECT = """
cmake_minimum_required(VERSION 3.13)
project(user LANGUAGES C CXX)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_EXTENSIONS OFF)
find_package(rustkernel %s REQUIRED CONFIG)
find_package(rustkernel REQUIRED CONFIG)  # a second time does no harm
message(STATUS "found version ${rustkernel_VERSION} in ${rustkernel_DIR}")
add_executable(in_c program.c)
target_link_libraries(in_c PRIVATE rustkernel::rustkernel)
add_executable(in_cpp program.cpp)
target_link_libraries(in_cpp PRIVATE rustkernel::rustkernel)
"""


def run(*argv, check=True, **more):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, **more)
    if check and done.returncode:
        raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.root = cls.folder / "root"
        # What a package for developers has in it; the rest need not have been built.
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", cls.root,
            "--tags", "devel,python-runtime")
        cls.version = run("meson", "introspect", "--projectinfo", BUILD).stdout.split('"version": "')[1].split('"')[0]
        (cls.folder / "program.c").write_text(PROGRAM)
        (cls.folder / "program.cpp").write_text(PROGRAM)

    def found(self, name):
        paths = list(self.root.rglob(name))
        self.assertEqual(len(paths), 1, paths)
        return paths[0]

    def assert_program(self, program):
        """It runs alone, and says that it is recorded where the library is preloaded."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
        alone = run(program, cwd=folder, env=env)
        self.assertEqual((alone.stdout, alone.stderr),
                         (f"active 0, version {self.version}\n", ""))
        self.assertEqual(list(folder.iterdir()), [])
        env["LD_PRELOAD"] = " ".join(filter(None, [SANITIZER_PRELOAD, str(PRELOAD)]))
        env.update(ASAN_OPTIONS="detect_leaks=0", RUSTKERNEL_TRACE_FILE="x.rkt.zst")
        traced = run(program, cwd=folder, env=env)
        self.assertEqual(traced.stdout, f"active 1, version {self.version}\n")
        self.assertTrue((folder / "x.rkt.zst").exists())

    def test_pkg_config(self):
        env = {**os.environ, "PKG_CONFIG_LIBDIR": str(self.found("rustkernel.pc").parent),
               "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        self.assertEqual(run("pkg-config", "--modversion", "rustkernel", env=env).stdout.strip(),
                         self.version)
        flags = shlex.split(run("pkg-config", "--cflags", "--libs", "rustkernel", env=env).stdout)
        self.assertEqual(flags, [f"-I{self.found('rustkernel.h').parent}"])
        strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
        for compiler, standard, source in ((CC, "c11", "program.c"), (CXX, "c++17", "program.cpp")):
            if not shutil.which(compiler[0]):
                self.skipTest(f"{compiler[0]} is not installed")
            program = self.folder / f"by_pkg_config_{standard[:3]}"
            run(*compiler, f"-std={standard}", *strict, "-o", program, self.folder / source, *flags)
            self.assert_program(program)

    def configure(self, wanted, check=True):
        project = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (project / "CMakeLists.txt").write_text(PROJECT % wanted)
        for name in ("program.c", "program.cpp"):
            shutil.copy(self.folder / name, project)
        prefix = self.found("rustkernelConfig.cmake").parents[3]
        done = run("cmake", "-G", "Ninja", "-S", project, "-B", project / "build",
                   f"-DCMAKE_PREFIX_PATH={prefix}", check=check,
                   env={**os.environ, "CC": CC[-1], "CXX": CXX[-1]})
        return project / "build", done

    def test_cmake(self):
        if not shutil.which("cmake"):
            self.skipTest("cmake is not installed")
        folder, done = self.configure("")
        place = self.found("rustkernelConfig.cmake").parent
        self.assertIn(f"found version {self.version} in {place}", done.stdout)
        run("cmake", "--build", folder)
        self.assert_program(folder / "in_c")
        self.assert_program(folder / "in_cpp")

    def test_cmake_versions(self):
        if not shutil.which("cmake"):
            self.skipTest("cmake is not installed")
        major, minor, patch = (int(part) for part in self.version.split("."))
        for wanted in (self.version, f"{self.version} EXACT", f"{major}.0",
                       f"{major}.0...{major + 1}"):
            self.configure(wanted)
        for wanted in (f"{major + 1}.0", f"{major}.{minor}.{patch + 1}", f"{major}.0...<{self.version}"):
            self.assertNotEqual(self.configure(wanted, check=False)[1].returncode, 0, wanted)

    def test_python_module(self):
        module = self.found("rustkernel.py")
        self.assertEqual(module.parts[-4:-1], ("share", "rkpreload", "python"))
        done = run("/usr/bin/python3", "-c", "import rustkernel; print(rustkernel.__version__)",
                   env={"PYTHONPATH": str(module.parent), "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual(done.stdout.strip(), self.version)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
