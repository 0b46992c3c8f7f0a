# SPDX-License-Identifier: Apache-2.0
"""rktrace doctor on programs of every kind that can, or cannot, be traced; each is built here.

usage: test_doctor.py RKTRACE COMPILER...
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

RKTRACE = pathlib.Path(sys.argv[1]).resolve()
COMPILER = sys.argv[2:]
SOURCE = "#include <unistd.h>\nint main(void) { write(1, \"ran\", 3); return 3; }\n"


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-doctor-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.folder.chmod(0o755)
        (cls.folder / "p.c").write_text(SOURCE)

    def build(self, *options, compiler=None):
        program = self.folder / self.id().split(".")[-1]
        done = subprocess.run([*(compiler or COMPILER), "-w", *options, "-o", program, self.folder / "p.c"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest(f"it cannot be built here: {done.stderr.strip().splitlines()[-1]}")
        return program

    def doctor(self, *words):
        env = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD",)}
        done = subprocess.run([RKTRACE, "doctor", "--json", "--", *words], capture_output=True, text=True,
                              cwd=self.folder, env=env, check=False)
        self.assertNotIn("ran", done.stdout, "the program was run")
        found = json.loads(done.stdout)
        self.assertEqual(done.returncode, 0 if found["ok"] else 1)
        found["said"] = {(each["subject"], each["state"]): each["text"] for each in found["findings"]}
        return found

    def assert_closed(self, found, why):
        self.assertFalse(found["program"]["can_be_traced"])
        self.assertIn(why, found["said"]["program", "bad"])
        self.assertEqual(found["next"], "")

    def test_plain(self):
        program = self.build()
        found = self.doctor(program, "--json", "a b")
        self.assertTrue(found["program"]["can_be_traced"])
        self.assertEqual(found["program"]["cuda_runtime"], "")
        self.assertTrue(found["next"].endswith(f"-- {program} --json 'a b'"), found["next"])

    def test_static(self):
        self.assert_closed(self.doctor(self.build("-static")), "statically linked")

    def test_musl(self):
        if not shutil.which("musl-gcc"):
            self.skipTest("musl-gcc is not installed")
        self.assert_closed(self.doctor(self.build(compiler=["musl-gcc"])), "musl")

    def test_setuid(self):
        program = self.build()
        if os.geteuid() != 0:
            self.skipTest("only root can give a program to another user")
        os.chown(program, 65534, 65534)
        program.chmod(0o4755)
        self.assert_closed(self.doctor(program), "passes over LD_PRELOAD")

    def test_other_machine(self):
        if not shutil.which("aarch64-linux-gnu-gcc") or os.uname().machine != "x86_64":
            self.skipTest("there is no compiler for another machine")
        self.assert_closed(self.doctor(self.build(compiler=["aarch64-linux-gnu-gcc"])), "aarch64")

    def test_address_sanitizer(self):
        found = self.doctor(self.build("-fsanitize=address", compiler=["gcc"]))
        self.assertRegex(found["said"]["sanitizer", "note"], r"libasan\.so\.\d+ must come before")
        self.assertTrue(found["program"]["can_be_traced"])

    def test_address_sanitizer_linked_in(self):
        found = self.doctor(self.build("-fsanitize=address", "-static-libasan", compiler=["gcc"]))
        self.assertIn("linked in", found["said"]["sanitizer", "ok"])

    def test_thread_sanitizer(self):
        found = self.doctor(self.build("-fsanitize=thread", compiler=["gcc"]))
        self.assertIn("ThreadSanitizer", found["said"]["sanitizer", "note"])

    def test_missing_library(self):
        library = self.folder / "libgone.so"
        subprocess.run([*COMPILER, "-shared", "-w", "-fPIC", "-o", library, "-x", "c", "-"], input="int gone;\n",
                       text=True, check=True)
        program = self.build("-Wl,--no-as-needed", library)
        library.unlink()
        found = self.doctor(program)
        self.assertIn("libgone.so", found["said"]["libraries", "bad"])
        self.assertIn("LD_LIBRARY_PATH", found["said"]["libraries", "bad"])


if __name__ == "__main__":
    sys.exit(unittest.main(argv=sys.argv[:1], verbosity=2))
