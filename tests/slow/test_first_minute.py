# SPDX-License-Identifier: Apache-2.0
"""The first minute of README.md, as a stranger has it: a fresh clone, and the commands as printed.

Every "$" line of the first block under "The first minute" is run in order in a clone of this tree; what README.md shows
below it must be among what it prints, numbers aside. Then every other "$ rktrace" line of README.md
that needs no server is run on the trace file that is there by then.

RK_CUDA: the toolkit that tools/setup has brought, so that it is not fetched again.
RK_BUILD: the build folder; the clone lies in it.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

TREE = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ["RK_BUILD"]).resolve() / "first-minute"
CLONE = FOLDER / "rkpreload"
NUMBER = re.compile(r"\d[\d.,]*(?: ?(?:ns|us|ms|s|B|KiB|MiB|GiB|%)(?!\w))?")
MEANWHILE = re.compile(r"(?<=\.)\d+\.\d{8}T\d{6}Z")


def sections(text):
    """Title to its text."""
    parts = re.split(r"^## (.*)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def blocks(text):
    return re.findall(r"^```\w*\n(.*?)^```$", text, re.M | re.S)


def commands(block):
    """Each "$" line, with the lines that README.md shows below it."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def shape(line):
    """A line without what differs from run to run."""
    return " ".join(NUMBER.sub("#", MEANWHILE.sub("#", line)).split())


def environment():
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("RUSTKERNEL_", "OTEL_", "RK_", "SIMGPU_")) and name != "LD_PRELOAD"}
    env["PATH"] = f"{CLONE}/out/bin:{env['PATH']}"
    return env


def run(command, folder=CLONE):
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(f"$ {command}\n{done.stdout}", flush=True)
    return done


class FirstMinute(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        if not os.environ.get("RK_KEEP"):
            cls.addClassCleanup(shutil.rmtree, FOLDER, ignore_errors=True)
        FOLDER.mkdir()
        clone = ["git", "-c", "advice.detachedHead=false", "clone", "--quiet", "--no-local", "--depth=1"]
        if subprocess.run([*clone, TREE.as_uri(), CLONE], check=False).returncode:
            # A source archive, or a tree that git does not trust.
            ignored = shutil.ignore_patterns("build", "out", ".git", "__pycache__")
            shutil.copytree(TREE, CLONE, symlinks=True, ignore=ignored, dirs_exist_ok=True)
        # What is fetched once and kept: a toolkit of the machine is found without it.
        (CLONE / "build").mkdir()
        cuda = pathlib.Path(os.environ["RK_CUDA"])
        for path in (cuda, cuda.parent / "meson"):
            if (cuda / ".source").exists() and path.exists():
                (CLONE / "build" / path.name).symlink_to(path.resolve())
        cls.text = (CLONE / "README.md").read_text(encoding="utf-8")

    def test_first_minute(self):
        found = commands(blocks(sections(self.text)["The first minute"])[0])
        self.assertGreater(len(found), 3)
        for command, shown in found:
            done = run(command)
            self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}")
            printed = {shape(line) for line in done.stdout.splitlines()}
            for line in shown:
                if line.strip() and line.strip() != "...":
                    self.assertIn(shape(line), printed, f"{command}: {line}\n{done.stdout}")
        self.the_picture()
        self.other_lines({command for command, _ in found})

    def the_picture(self):
        pages = sorted(CLONE.rglob("*.html"))
        pages = [page for page in pages if "out/" in str(page) or page.parent == CLONE]
        self.assertTrue(pages, "no page was written")
        for page in pages:
            text = page.read_text(encoding="utf-8")
            self.assertIn("<canvas", text)
            self.assertIsNone(re.search(r"(?:src|href)=\"?https?:", text), "it needs the network")

    def other_lines(self, done):
        trace = next(CLONE.glob("*.rkt.zst")).name
        example = "out/libexec/rkpreload/examples/pipeline"
        words = {"FILE": trace, "BEFORE": trace, "AFTER": trace, "./app args": example}
        lines = [line for block in blocks(self.text) for line, _ in commands(block) if line.startswith("rktrace ")]
        lines = [line for line in lines if line not in done and not re.search(r"--otlp|PID|rkpreload\.yml", line)]
        self.assertGreater(len(lines), 5)
        for line in lines:
            for word, instead in words.items():
                line = line.replace(word, instead)
            line = line.replace("rktrace run", "rktrace run --simgpu")
            # The status of doctor is its finding; this machine may have no GPU and no CUPTI.
            self.assertIn(run(line).returncode, (0, 2) if " diff " in line else (0,), line)

    def test_the_comparison_can_fail(self):
        self.assertEqual(shape("  wall time 341 ms,  busy 17.6 %"), shape(" wall time 1.2 s, busy 3 %"))
        self.assertNotEqual(shape("  losses: none"), shape("  losses: some"))
        self.assertEqual(commands("$ a\nb\n$ c\n"), [("a", ["b"]), ("c", [])])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
