# SPDX-License-Identifier: Apache-2.0
"""A program with and without the preload, in several configurations, held to being the same.

What the program says about itself on standard output (guest_kit.c) and how it ends must be
equal to the byte. What may differ is held to bounds here: memory, the tracer's own threads and
sockets, the time to the end. A program that hangs has its stacks printed.
"""
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

BUILD = harness.BUILD
GUEST = BUILD / "tests" / "guest"
SANITIZE = os.environ.get("RK_SANITIZE", "none")
HANG_SECONDS = 60
EXIT_SECONDS = 2.0 + 1.5  # exit.timeout, and what a loaded machine may add
RSS_KIB = 32 << 10
RSS_PER_THREAD_KIB = 1 << 10
RSS_QUEUE_KIB = 16 << 10  # of what a receiver that never answers has not taken
OUR_THREADS = {"rk-exporter", "rk-cupti", "rk-resolver", "simgpu-cupti"}
# All signals but SIGKILL and SIGSTOP, which nobody can block, and glibc's own two.
ALL_BLOCKED = 0xffffffffffffffff & ~0x380040100

Run = collections.namedtuple("Run", "code stdout stderr folder measure exit_seconds listening")


def program(name):
    return str(GUEST / f"guest_{name}")


def library(name):
    return str(GUEST / f"libguest_{name}.so")


class BlackHole:
    """A receiver that lets connections in and never reads nor answers."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def close(self):
        self.socket.close()


def tell_stacks(pid):
    """Where a program that hangs is, as well as this machine can tell."""
    if shutil.which("gdb"):
        done = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt"],
                              capture_output=True, text=True, timeout=60, check=False)
        print(done.stdout[-20000:], file=sys.stderr)
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*")):
        for name in ("comm", "wchan", "syscall", "stack"):
            try:
                print(task.name, name, (task / name).read_text().strip(), file=sys.stderr)
            except OSError:
                pass


def listening_sockets(pid):
    """Sockets in state LISTEN, and connections, that a thread of the process has open."""
    inodes = set()
    for entry in pathlib.Path(f"/proc/{pid}/task").glob("*/fd/*"):
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    listening, connected = [], []
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in inodes:
                (listening if words[3] == "0A" else connected).append(words[1])
    return listening, connected


class Case(unittest.TestCase):
    hang_seconds = HANG_SECONDS
    launching_threads = 8  # of the programs, at the most

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-guest-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.runs = 0
        self.hole = BlackHole()
        self.addCleanup(self.hole.close)

    def configurations(self):
        """Names of settings, and the settings. The first is nothing at all."""
        everything = {"RUSTKERNEL_TRACE_FILE": "traces/%p.rkt.zst",
                      "RUSTKERNEL_OTLP_ENDPOINT": self.hole.url,
                      "RUSTKERNEL_METRICS_ENABLED": "true",
                      "RUSTKERNEL_METRICS_PORT": str(harness.free_port()),
                      "RUSTKERNEL_LOG_LEVEL": "off",
                      "RUSTKERNEL_SUMMARY": "never"}
        return {
            "nothing": {},
            "file": {"RUSTKERNEL_TRACE_FILE": "traces/%p.rkt.zst"},
            "otlp": {"RUSTKERNEL_OTLP_ENDPOINT": self.hole.url, "RUSTKERNEL_LOG_LEVEL": "off"},
            "scrape": {"RUSTKERNEL_METRICS_ENABLED": "true", "RUSTKERNEL_LOG_LEVEL": "off",
                       "RUSTKERNEL_METRICS_PORT": str(harness.free_port())},
            "everything": everything,
        }

    def run_once(self, argv, preload=True, env=None, driver=None, before=(), behind=(), user=None,
                 look=False, prefix=()):
        """Run @argv in a fresh folder. @before, @behind: further preloads. @look: at its sockets,
        shortly after its start."""
        self.runs += 1
        folder = self.folder / f"run{self.runs}"
        (folder / "traces").mkdir(parents=True)
        folder.chmod(0o777)
        self.folder.chmod(0o755)
        settings = {"GUEST_MEASURE": folder / "measure.json"}
        settings.update(env or {})
        environment = harness.environment(folder, False, **settings)
        if driver:
            environment["LD_LIBRARY_PATH"] = str(driver)
        ours = [harness.PRELOAD] if preload else []
        chain = [*filter(None, [harness.SANITIZER_PRELOAD]), *before, *ours, *behind]
        if chain:
            environment["LD_PRELOAD"] = " ".join(map(str, chain))
        listening = None
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            process = subprocess.Popen([*prefix, *map(str, argv)], cwd=folder, env=environment,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=err, user=user)
            try:
                if look:
                    self.wait_for(folder / "measure.json", process)
                    time.sleep(0.2)  # of the time for which it lingers
                    listening = listening_sockets(process.pid)
                code = process.wait(self.hang_seconds)
            except subprocess.TimeoutExpired:
                tell_stacks(process.pid)
                process.kill()
                process.wait()
                self.fail(f"{argv} did not end within {self.hang_seconds} s; its stacks are above")
            ended = time.monotonic()
        measure = folder / "measure.json"
        measure = json.loads(measure.read_text()) if measure.exists() else {}
        seconds = ended - measure["end_ns"] / 1e9 if measure else None
        return Run(code, (folder / "out").read_bytes(), (folder / "err").read_bytes(), folder,
                   measure, seconds, listening)

    def wait_for(self, path, process):
        deadline = time.monotonic() + HANG_SECONDS
        while not path.exists() and process.poll() is None:
            self.assertLess(time.monotonic(), deadline, f"{path} did not appear")
            time.sleep(0.01)

    def compare(self, argv, configurations=None, code=0, **more):
        """The program without us, then with us in each configuration. Return: {name: run}."""
        settings = self.configurations()
        bare = self.run_once(argv, preload=False, **more)
        self.assertEqual(bare.code, code, bare.stderr.decode(errors="replace"))
        runs = {}
        for name in configurations or settings:
            with self.subTest(configuration=name, argv=argv[0]):
                extra = dict(more)
                extra["env"] = {**settings[name], **more.get("env", {})}
                run = self.run_once(argv, **extra)
                self.assert_same(bare, run)
                self.assert_bounded(bare, run, name)
                runs[name] = run
        return runs

    def assert_same(self, bare, run):
        self.assertEqual(run.stdout.decode(errors="replace"), bare.stdout.decode(errors="replace"))
        self.assertEqual(run.stderr.decode(errors="replace"), bare.stderr.decode(errors="replace"))
        self.assertEqual(run.code, bare.code)

    def assert_bounded(self, bare, run, name):
        if not run.measure:
            return
        ours = [thread for thread in run.measure["threads"] if thread["name"] in OUR_THREADS]
        for thread in ours:
            self.assertEqual(int(thread["blocked"], 16) & ALL_BLOCKED, ALL_BLOCKED, thread)
        strangers = len(run.measure["threads"]) - len(ours) - len(bare.measure["threads"])
        self.assertEqual(strangers, 0, run.measure["threads"])
        self.assertLessEqual(len(ours), len(OUR_THREADS))
        grown = run.measure["rss_kib"] - bare.measure["rss_kib"]
        bound = RSS_KIB + RSS_PER_THREAD_KIB * self.launching_threads
        if name in ("otlp", "everything"):
            bound += RSS_QUEUE_KIB
        if SANITIZE == "none":
            self.assertLessEqual(grown, bound, "KiB of memory more")
        slower = run.exit_seconds - max(bare.exit_seconds, 0)
        self.assertLess(slower, EXIT_SECONDS if SANITIZE == "none" else 10, f"{name}: exit")
        for path in self.traces(run):
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600, path)

    def traces(self, run):
        return sorted(str(path) for path in run.folder.rglob("*.rkt.zst"))

    def info(self, path):
        done = subprocess.run([str(harness.RKTRACE), "info", "--json", path], check=False,
                              capture_output=True, env=harness.environment(self.folder, False))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def only_info(self, run):
        traces = self.traces(run)
        self.assertEqual(len(traces), 1, traces)
        return self.info(traces[0])

    def assert_sealed(self, path):
        """What was sealed can be read back, however the process ended."""
        if os.path.getsize(path) == 0:
            return  # it ended before anything was: `rktrace info` says so
        sealed = self.info(path)["sealed_bytes"]
        head = self.folder / "sealed.zst"
        head.write_bytes(pathlib.Path(path).read_bytes()[:sealed])
        done = subprocess.run(["zstd", "-tq", str(head)], check=False, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def fake_driver(self):
        """A folder in which the driver that calls nothing has the name programs ask for."""
        folder = self.folder / "driver"
        folder.mkdir(exist_ok=True)
        link = folder / "libcuda.so.1"
        if not link.is_symlink():
            link.symlink_to(BUILD / "tests" / "hook" / "libcuda_fake.so")
        return folder


def only_plain(reason):
    return unittest.skipIf(SANITIZE != "none", reason)


SIGNALS = {"abort": -signal.SIGABRT, "SIGTERM": -signal.SIGTERM, "SIGKILL": -signal.SIGKILL,
           "SIGSEGV": -signal.SIGSEGV}
