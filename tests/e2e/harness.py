# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: a program with and without the preload on the simulated GPU,
the simulated driver's own account of it (the truth), receivers for what was shipped.

Each test is a unittest file run by itself; meson sets RK_BUILD to its build folder. Nothing here
looks into the library: only at what it wrote, sent and printed.
"""
import array
import collections
import contextlib
import glob
import gzip
import http.server
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

BUILD = pathlib.Path(os.environ.get("RK_BUILD", "build/tests")).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
PRELOAD = BUILD / "interpose" / "librkpreload.so"
NET = BUILD / "exporters" / "librknet.so"
RKTRACE = BUILD / "tools" / "rktrace"
SIMGPU = BUILD / "tests" / "simgpu"
PROGRAMS = BUILD / "tests" / "programs"
RECEIVER = ROOT / "tests" / "receivers" / "otlp_receiver.py"
PROGRAM_TIMEOUT = 120
# Set by meson in sanitizer builds: what has to be loaded before an instrumented preload.
SANITIZER_PRELOAD = os.environ.get("RK_SANITIZER_PRELOAD", "")
# For a program that is not traced, and was not built with what the simulated driver was.
BARE = {"LD_PRELOAD": SANITIZER_PRELOAD} if SANITIZER_PRELOAD else {}

# Every way a program finds the driver.
SHAPES = ["storm", "storm_static", "storm_per_thread", "storm_driver_linked",
          "storm_driver_dlsym", "storm_driver_gpa_linked", "storm_driver_gpa_dlsym",
          "storm_driver_gpa_gpa"]

Result = collections.namedtuple("Result", "stdout stderr code seconds folder")


def environment(folder, preload=True, **extra):
    """The whole environment of a traced program: small, so that tests do not depend on ours."""
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": str(SIMGPU),
        "RK_NET_LIBRARY": str(NET),
    }
    if preload:
        env["LD_PRELOAD"] = " ".join(filter(None, [SANITIZER_PRELOAD, str(PRELOAD)]))
    if SANITIZER_PRELOAD:
        # Leaks are those of the programs that are traced, as well. The launcher puts the tracer
        # before what is preloaded already.
        env["ASAN_OPTIONS"] = ("detect_leaks=0:abort_on_error=1:strict_string_checks=1:"
                               "verify_asan_link_order=0")
        env["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
        # It would sleep for a second at exit, which here is measured.
        env["TSAN_OPTIONS"] = "halt_on_error=1:exitcode=66:atexit_sleep_ms=0:suppressions=" + str(
            ROOT / "tests" / "tsan.supp")
    env.update({name: str(value) for name, value in extra.items()})
    return env


def wait_until(condition, timeout_s=20, what="this"):
    """What @condition returns once that is true; what it reads may not be there or whole yet."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            found = condition()
            if found:
                return found
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {timeout_s} s")


class Case(unittest.TestCase):
    """A test with a folder of its own and helpers around it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.runs = 0

    def program(self, name):
        path = PROGRAMS / name
        if not path.exists():
            self.fail(f"{path} was not built")
        return str(path)

    def run_program(self, argv, preload=True, env=None, folder=None, timeout=PROGRAM_TIMEOUT):
        """Run to the end in a fresh folder. Ownership of the folder: the test's clean-up."""
        self.runs += 1
        folder = folder or self.folder / f"run{self.runs}"
        folder.mkdir(exist_ok=True)
        settings = {"SIMGPU_TRUTH": folder / "truth.json", **({} if preload else BARE)}
        settings.update(env or {})
        start = time.monotonic()
        done = subprocess.run([str(word) for word in argv], cwd=folder, timeout=timeout,
                              env=environment(folder, preload, **settings),
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return Result(done.stdout, done.stderr, done.returncode, time.monotonic() - start, folder)

    def traces(self, folder):
        return sorted(glob.glob(str(folder / "*.rkt.zst*")))

    def only_trace(self, folder):
        found = self.traces(folder)
        self.assertEqual(len(found), 1, f"trace files in {folder}: {found}")
        return found[0]

    def rktrace(self, *words, code=0, env=None, timeout=PROGRAM_TIMEOUT):
        """Run the tool and hold it to its exit status. Return: stdout as text."""
        done = subprocess.run([str(RKTRACE)] + [str(word) for word in words],
                              cwd=self.folder, timeout=timeout, check=False,
                              env=environment(self.folder, preload=False, **(env or {})),
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(done.returncode, code,
                         f"rktrace {words}: {done.stdout!r} {done.stderr!r}")
        self.tool_errors = done.stderr.decode()
        return done.stdout.decode()

    def info(self, path, code=0):
        return json.loads(self.rktrace("info", "--json", path, code=code))

    def accounts(self, folder, truth="truth.json"):
        return Accounts(folder / (truth + ".ledger"))

    def truth(self, folder, is_killed=False):
        return Truth(folder / "truth.json", is_killed)

    def receiver(self, *options):
        receiver = Receiver(self.folder, options)
        self.addCleanup(receiver.stop)
        return receiver

    def gateway(self):
        gateway = Gateway()
        self.addCleanup(gateway.stop)
        return gateway

    def assert_ledger_closes(self, info):
        self.assertEqual(info["dropped"], {}, info)
        self.assertEqual(info["orphans"], 0, info)


class Truth:
    """The simulated driver's account: operations, call counts.

    A process that was killed may have been writing a line in each of its two threads that do.
    """

    def __init__(self, path, is_killed=False):
        self.ops, self.counts, self.calls, self.memory = [], {}, {}, []
        torn = 2 if is_killed else 0
        for line in path.read_text(errors="replace").split("\n"):
            line = line.strip("\0")
            if not line:
                continue
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                if not torn:
                    raise
                torn -= 1
                continue
            self.counts.update(entry.get("counts", {}))
            self.calls.update(entry.get("calls", {}))
            if "memory" in entry:
                self.memory.append(entry["memory"])
            if "kind" in entry:
                self.ops.append(entry)

    def of(self, kind):
        return [op for op in self.ops if op["kind"] == kind]


class Accounts:
    """What the simulated driver and CUPTI counted, by enum simgpu_count of simgpu_tool.h."""

    WORK = ("launch", "graph_launch", "memcpy", "memset")

    def __init__(self, path):
        numbers = array.array("Q", path.read_bytes())
        for name in ["calls", "failed", "captured", "delivered"]:
            setattr(self, name, dict(zip(self.WORK, [numbers.pop(0) for _ in self.WORK])))
        self.lost, self.cut, self.wrong_time = numbers

    def submitted(self, work):
        return self.calls[work] - self.failed[work] - self.captured[work]


class Receiver:
    """The Python OTLP receiver as a child process; its spans as dicts."""

    def __init__(self, folder, options=()):
        Receiver.count = getattr(Receiver, "count", 0) + 1
        self.out = folder / f"spans{Receiver.count}.json"
        self.process = subprocess.Popen(
            [sys.executable, str(RECEIVER), "--port", "0", "--out", str(self.out), *options],
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        """Return: the receiver's exit status, 0 when all it got was in order."""
        if self.process.poll() is None:
            self.process.terminate()
        if not self.process.stdout.closed:
            self.process.communicate(timeout=30)
        return self.process.returncode

    def spans(self):
        if not self.out.exists():
            return []
        whole = self.out.read_text().rpartition("\n")[0]  # the last line may be on its way
        return [json.loads(line) for line in whole.splitlines() if line]


class Gateway:
    """Takes what is pushed; keeps the last body of each group."""

    def __init__(self):
        groups = self.groups = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            """PUT and DELETE of a group, as the Pushgateway answers them."""

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                groups[self.path] = body.decode()
                self.send_response(200)
                self.end_headers()

            do_POST = do_PUT

            def do_DELETE(self):
                groups.pop(self.path, None)
                self.send_response(202)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def samples(self):
        """Every sample of every group: {name{labels}: value}."""
        found = {}
        for body in self.groups.values():
            for line in body.splitlines():
                if line and not line.startswith("#"):
                    series, value = line.rsplit(" ", 1)
                    found[series] = float(value)
        return found


def free_port():
    """A port of the loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_ports(count):
    """The first of @count ports in a row that nobody has, below those of outgoing connections."""
    while True:
        first = random.randrange(20000, 32000)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return first


def sum_of(samples, name, **labels):
    """Sum of all series of one name whose labels hold the given ones."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(value for series, value in samples.items()
               if series.split("{")[0] == name and all(label in series for label in wanted))


def attribute(span, name, default=None):
    return span.get("attributes", {}).get(name, default)


def kernel_spans(spans):
    """Leaf spans of kernels: those that say what grid they ran."""
    return [span for span in spans if attribute(span, "rustkernel.grid") is not None]


def main():
    unittest.main(verbosity=2)
