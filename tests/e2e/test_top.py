# SPDX-License-Identifier: Apache-2.0
"""rktrace top: one look without a terminal, and the whole screen of a pseudo terminal."""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import harness

LEAVES = b"\x1b[?1049l"
DEADLINE_S = 60


class Screen:
    """rktrace top on a pseudo terminal of its own."""

    def __init__(self, words, runtime, rows=24, columns=100):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""

        def own_terminal():
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)  # nohup, or a shell's "&", ignores some
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(
            [str(harness.RKTRACE), "top", *map(str, words)], stdin=self.slave, stdout=self.slave,
            stderr=self.slave, preexec_fn=own_terminal,
            env=harness.environment(runtime, preload=False, XDG_RUNTIME_DIR=runtime))

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        """Return: whether there was something to read."""
        if not select.select([self.master], [], [], 0.05)[0]:
            return False
        with contextlib.suppress(OSError):
            self.seen += os.read(self.master, 65536)
        return True

    def expect(self, pattern):
        """Read until what came since the last time matches. Return: that part."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := re.search(pattern, self.seen, re.DOTALL)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} is not in {self.seen[-3000:]!r}")
            self.read()
        part, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return part

    def press(self, keys):
        os.write(self.master, keys)

    def end(self):
        """Read to the end. Return: the exit status, and whether the terminal is as it was."""
        deadline = time.monotonic() + DEADLINE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            self.read()
        # What it wrote last comes in several pieces.
        while self.read():
            pass
        return self.process.wait(1), termios.tcgetattr(self.slave) == self.before

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Top(harness.Case):
    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)

    def start(self):
        self.runs += 1
        folder = self.folder / f"run{self.runs}"
        folder.mkdir()
        process = subprocess.Popen(
            [self.program("endless")], cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=harness.environment(folder, XDG_RUNTIME_DIR=self.runtime,
                                    RUSTKERNEL_CONTROL_ENABLED="true",
                                    RUSTKERNEL_TRACE_FILE="run.rkt.zst"))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        place = self.runtime / "rkpreload" / f"{process.pid}.sock"
        deadline = time.monotonic() + DEADLINE_S
        while not place.exists():
            self.assertLess(time.monotonic(), deadline, "it does not listen")
            time.sleep(0.02)
        return process

    def top(self, *words, code=0):
        return self.rktrace("top", *words, code=code, env={"XDG_RUNTIME_DIR": self.runtime})

    def screen(self, *words, **size):
        screen = Screen(words, self.runtime, **size)
        self.addCleanup(screen.close)
        return screen

    def test_one_look(self):
        process = self.start()
        deadline = time.monotonic() + DEADLINE_S
        while "endless_kernel" not in (text := self.top(process.pid, "-i", "500ms")):
            self.assertLess(time.monotonic(), deadline, text)
        self.assertNotIn("\x1b", text)
        self.assertIn(f"(pid {process.pid})", text)
        self.assertRegex(text, r"launches [1-9][\d.]*( k)?/s")
        self.assertRegex(text, r"memory 64\.0 KiB \(most 64\.0 KiB\)")
        row = next(line for line in text.splitlines() if line.endswith("endless_kernel"))
        share, calls, mean = re.match(r" *([\d.]+) +([\d.]+(?: k)?) +(20\.0 us)", row).groups()
        self.assertGreater(float(share), 0)
        # Launches of 20 us each: what it says of one is what it says of the other.
        per_second = float(calls.removesuffix(" k")) * (1000 if calls.endswith("k") else 1)
        self.assertAlmostEqual(float(share), per_second * 20e-6 * 100,
                               delta=0.1 * float(share) + 0.1, msg=text + mean)

    def test_keys_and_the_way_out(self):
        process = self.start()
        screen = self.screen(process.pid, "-i", "200ms")
        screen.expect(rb"\x1b\[\?1049h.*endless_kernel")
        screen.press(b"h")
        screen.expect(rb"sort by GPU time since the line before \(now\)")
        screen.press(b"c")
        screen.expect(rb"Calls/s.*endless_kernel")
        screen.press(b"h")
        screen.expect(rb"sort by launches \(now\)")
        screen.press(b"hp")
        screen.expect(rb"PAUSED")
        screen.press(b"p")
        screen.expect(rb"GPU times from cupti\x1b\[K")
        screen.press(b"q")
        self.assertEqual(screen.end(), (0, True))
        self.assertIn(LEAVES, screen.seen)
        self.assertIsNone(process.poll())

    def test_no_line_is_wider_than_the_screen(self):
        screen = self.screen(self.start().pid, "-i", "200ms", rows=8, columns=30)
        screen.expect(rb"endless")
        screen.resize(5, 20)
        screen.seen = b""
        seen = screen.expect(rb"\x1b\[H([^\x1b]*\x1b\[K){5}\x1b\[J")
        page = seen[seen.rindex(b"\x1b[H"):]
        lines = re.sub(rb"\x1b\[[0-9?]*[a-zA-Z]", b"", page).replace(b"\r", b"").split(b"\n")
        self.assertEqual(len(lines), 5)
        self.assertEqual(max(map(len, lines)), 20, lines)

    def test_signals_give_the_terminal_back(self):
        process = self.start()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGSEGV):
            with self.subTest(number=number):
                screen = self.screen(process.pid, "-i", "200ms")
                screen.expect(rb"\x1b\[\?1049h.*launches")
                screen.process.send_signal(number)
                self.assertEqual(screen.end(), (-number, True))
                self.assertIn(LEAVES, screen.seen)
        screen = self.screen(process.pid)
        screen.expect(rb"launches")
        screen.press(b"\x03")
        self.assertEqual(screen.end(), (-signal.SIGINT, True))

    def test_it_says_that_the_program_has_ended(self):
        process = self.start()
        screen = self.screen(process.pid, "-i", "200ms")
        screen.expect(rb"launches")
        process.terminate()
        process.wait(60)
        self.assertEqual(screen.end(), (0, True))
        self.assertIn(b"has ended", screen.seen)
        self.assertIn(b"next: rktrace report ", screen.seen)

    def test_which_of_several(self):
        """Other processes of the machine may be traced as well: so there are two or more."""
        first, second = self.start(), self.start()
        self.top(code=64)
        for process in (first, second):
            self.assertIn(str(process.pid), self.tool_errors)
        screen = self.screen()
        # Others come and go: the number is that of this list.
        asked = screen.expect(rb"which of these, 1 to \d+\? ")
        number = re.search(rb" +(\d+)\) +%d " % second.pid, asked).group(1)
        screen.press(number + b"\n")
        screen.expect(rb"\(pid %d\)" % second.pid)
        screen.press(b"q")
        self.assertEqual(screen.end(), (0, True))


if __name__ == "__main__":
    harness.main()
