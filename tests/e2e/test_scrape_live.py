# SPDX-License-Identifier: Apache-2.0
"""The scrape server inside of a traced program: forked children, clean and unclean ends."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import harness

# A traced process whose child outlives it. The child holds what a fork hands down.
FORKING = """
import ctypes, os, sys, time
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 4096) == 0
sys.stdin.readline()  # until the server listens
child = os.fork()
if child == 0:
    os.closerange(0, 3)
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
"""


def get(port, path="/metrics"):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
        return reply.read().decode()


class Live(harness.Case):
    def setUp(self):
        super().setUp()
        self.port = harness.free_port()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.list = self.runtime / "rkpreload" / "prometheus_sd.json"

    def start(self, argv, port=None, **more):
        folder = self.folder / f"run{self.runs}"
        self.runs += 1
        folder.mkdir()
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=harness.environment(
                folder, XDG_RUNTIME_DIR=self.runtime, RUSTKERNEL_METRICS_PORT=port or self.port,
                RUSTKERNEL_METRICS_UNIX_SOCKET=self.folder / "scrape.%p.sock", **more))
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def targets(self):
        return {int(t["labels"]["__meta_rkpreload_pid"]): t
                for t in json.loads(self.list.read_text(encoding="utf-8"))}

    def socket_of(self, process):
        return self.folder / f"scrape.{process.pid}.sock"

    def test_a_forked_child_holds_no_listener(self):
        process = self.start(["/usr/bin/python3", "-c", FORKING])
        harness.wait_until(lambda: get(self.port), 10)
        process.stdin.write("go\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        self.addCleanup(os.kill, child, signal.SIGKILL)
        process.wait(timeout=20)
        links = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{child}/fd").iterdir()]
        self.assertFalse([link for link in links if "socket" in link or "eventpoll" in link])
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.port), 2)
        with socket.create_server(("127.0.0.1", self.port)):
            pass
        # Nor does it speak for its parent: the entry and the socket went with that.
        self.assertEqual(self.targets(), {})
        self.assertFalse(self.socket_of(process).exists())

    def test_a_clean_end_leaves_nothing(self):
        process = self.start([self.program("endless"), "2"])
        harness.wait_until(lambda: process.pid in self.targets(), 10)
        self.assertTrue(self.socket_of(process).exists())
        self.assertEqual(self.targets()[process.pid]["labels"]["exe"], "endless")
        self.assertEqual(self.targets()[process.pid]["targets"], [f"127.0.0.1:{self.port}"])
        process.wait(timeout=20)
        self.assertFalse(self.socket_of(process).exists())
        self.assertEqual([path.name for path in self.list.parent.iterdir()],
                         ["prometheus_sd.json"])
        self.assertEqual(self.targets(), {})

    def test_the_next_one_clears_up_after_a_killed_one(self):
        killed = self.start([self.program("endless")])
        harness.wait_until(lambda: killed.pid in self.targets(), 10)
        killed.kill()
        killed.wait()
        self.assertIn(killed.pid, self.targets())
        after = self.start([self.program("endless")], port=harness.free_port())
        harness.wait_until(lambda: set(self.targets()) == {after.pid}, 10)

    def test_health_needs_no_password(self):
        secret = self.folder / "secret"
        secret.write_text("user:word", encoding="utf-8")
        secret.chmod(0o600)
        self.start([self.program("endless")], RUSTKERNEL_METRICS_BASIC_AUTH_FILE=secret)
        harness.wait_until(lambda: get(self.port, "/health/live"), 10)
        for probe in ("live", "ready", "startup"):
            json.loads(get(self.port, f"/health/{probe}"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            get(self.port)
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()


if __name__ == "__main__":
    harness.main()
