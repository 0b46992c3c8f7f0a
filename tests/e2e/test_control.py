# SPDX-License-Identifier: Apache-2.0
"""rktrace ctl and the socket behind it: questions to a program while it runs."""
import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import time

import harness

# Works until it is told to end, as programs end.
STEADY = """
import ctypes, select, sys
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 4096) == 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    assert cuda.cuMemsetD8_v2(ptr, 1, 4096) == 0 and cuda.cuCtxSynchronize() == 0
"""

FORKING = """
import ctypes, os, sys
cuda = ctypes.CDLL("libcuda.so.1")
context, ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(ptr), 4096) == 0
child = os.fork()
if child == 0:
    sys.stdin.readline()
    os._exit(0)
print(child, flush=True)
os.waitpid(child, 0)
"""


class Control(harness.Case):
    def setUp(self):
        super().setUp()
        self.runtime = self.folder / "runtime"
        self.runtime.mkdir(mode=0o700)
        self.place = self.runtime / "rkpreload"

    def start(self, argv, enabled="true", **more):
        folder = self.folder / f"run{self.runs}"
        self.runs += 1
        folder.mkdir()
        process = subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=harness.environment(
                folder, XDG_RUNTIME_DIR=self.runtime, RUSTKERNEL_CONTROL_ENABLED=enabled,
                RUSTKERNEL_TRACE_FILE="run.rkt.zst", **more))
        for stream in (process.stdin, process.stdout, process.stderr):
            self.addCleanup(stream.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        process.folder = folder
        return process

    def endless(self, **more):
        process = self.start([self.program("endless")], **more)
        harness.wait_until(self.socket_of(process).exists)
        return process

    def steady(self, **more):
        process = self.start(["/usr/bin/python3", "-c", STEADY], **more)
        harness.wait_until(self.socket_of(process).exists)
        return process

    def end(self, process):
        """Return: what it and the library had to say, its standard error."""
        _, errors = process.communicate("end\n", timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        return errors

    def socket_of(self, process):
        return self.place / f"{process.pid}.sock"

    def connect(self, process):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(20)
        # The folder may lie deeper than an address is long.
        folder = os.open(self.place, os.O_PATH)
        client.connect(f"/proc/self/fd/{folder}/{process.pid}.sock")
        os.close(folder)
        return client

    def ask(self, process, request):
        client = self.connect(process)
        client.sendall(request)
        return self.reply(client)

    @staticmethod
    def reply(client):
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := client.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def ctl(self, process, *words, code=0):
        return self.rktrace("ctl", getattr(process, "pid", process), *words, code=code,
                            env={"XDG_RUNTIME_DIR": self.runtime})

    def status(self, process):
        return json.loads(self.ctl(process, "status", "--json"))

    def test_nothing_listens_unasked(self):
        process = self.start([self.program("endless")], enabled="")
        harness.wait_until((process.folder / "run.rkt.zst").exists)
        self.assertFalse(self.place.exists())
        self.ctl(process, "status", code=69)
        self.assertIn("RUSTKERNEL_CONTROL_ENABLED", self.tool_errors)

    def test_status_tells_how_it_goes(self):
        process = self.endless()
        self.assertEqual(stat.S_IMODE(self.place.stat().st_mode), 0o700)
        harness.wait_until(lambda: self.status(process)["ledger"]["launch"]["joined"] > 100)
        status = self.status(process)
        self.assertEqual(status["pid"], process.pid)
        self.assertEqual(status["executable"], self.program("endless"))
        self.assertTrue(status["recording"])
        self.assertEqual(status["gpu_time_source"], "cupti")
        self.assertEqual(status["settings"]["logging.level"], "warn")
        self.assertEqual(status["trace_file"]["path"], str(process.folder / "run.rkt.zst"))
        self.assertGreater(status["trace_file"]["bytes"], 0)
        self.assertAlmostEqual(status["start_unix_ns"] / 1e9 + status["uptime_seconds"],
                               time.time(), delta=10)
        launches = status["ledger"]["launch"]
        self.assertEqual(launches["calls"], launches["joined"] + launches["open"]
                         + launches["failed"] + launches["captured"] + launches["lost"])
        self.assertEqual(status["ledger"]["dropped_by_reason"], {})
        self.assertEqual(status["log"], {"lost": 0, "suppressed": 0})
        self.assertIsNone(status["network"])
        self.assertGreater(status["tracer"]["cpu_seconds"], 0)
        text = self.ctl(process, "status")
        self.assertIn(f"endless (pid {process.pid})", text)
        self.assertRegex(text, r"launches +\d+ calls, \d+ joined")

    def test_status_names_destinations_and_breakers(self):
        dead = harness.free_port()
        process = self.endless(RUSTKERNEL_OTLP_ENDPOINT=f"http://user:secret@127.0.0.1:{dead}",
                               RUSTKERNEL_BREAKER_FAILURE_THRESHOLD=1)
        harness.wait_until(lambda: "open" in self.status(process)["breakers"].values(), 60)
        status = self.status(process)
        traces = status["network"]["otlp"]["traces"]
        self.assertIn(f"127.0.0.1:{dead}", traces["destination"])
        self.assertNotIn("secret", json.dumps(status))
        self.assertEqual(traces["eligible"], traces["sent"] + traces["sampled_out"]
                         + traces["queued"] + traces["dropped"])
        self.assertFalse(traces["connected"])
        self.assertIn("not connected", self.ctl(process, "status"))

    def test_reload_changes_level_and_sampling(self):
        receiver = self.receiver()
        settings = self.folder / "settings.yaml"
        settings.write_text("logging: { level: warn }\ntracing: { max_spans_per_second: 0 }\n")
        process = self.steady(RUSTKERNEL_CONFIG=os.path.relpath(
            settings, self.folder / f"run{self.runs}"), RUSTKERNEL_OTLP_ENDPOINT=receiver.url)

        def traces():
            return self.status(process)["network"]["otlp"]["traces"]

        harness.wait_until(lambda: traces()["sent"] > 0)
        self.assertEqual(traces()["sampled_out"], 0)
        settings.write_text("logging: { level: info }\n"
                            "tracing: { sampling_rate: 0, max_spans_per_second: 100 }\n"
                            "ring: { size: 64KiB }\n")
        reply = json.loads(self.ctl(process, "reload", "--json"))
        self.assertTrue(reply["ok"])
        self.assertTrue(os.path.samefile(reply["file"], settings), reply["file"])
        self.assertTrue(reply["file"].startswith("/"))
        self.assertEqual({row["key"]: (row["was"], row["is"]) for row in reply["applied"]},
                         {"logging.level": ("warn", "info"), "tracing.sampling_rate": ("1", "0"),
                          "tracing.max_spans_per_second": ("0", "100")})
        self.assertEqual([row["key"] for row in reply["needs_restart"]], ["ring.size"])
        harness.wait_until(lambda: traces()["sampled_out"] > 100)
        self.assertEqual(self.status(process)["settings"]["logging.level"], "info")
        # What is compared next time is what runs, not what the program began with.
        reply = json.loads(self.ctl(process, "reload", "--json"))
        self.assertEqual(reply["applied"], [])
        self.assertEqual([row["key"] for row in reply["needs_restart"]], ["ring.size"])
        self.assertIn("settings read again", self.end(process))
        arrived = len(receiver.spans())
        # A replay of the rest decides as the live run did, before the change and after it.
        again = self.receiver()
        out = self.rktrace("replay", process.folder / "run.rkt.zst", "--unsent", "--otlp", again.url)
        self.assertEqual(len(again.spans()), 0, out)
        self.assertGreater(arrived, 0)

    def test_a_mistake_changes_nothing_of_its_own(self):
        settings = self.folder / "settings.yaml"
        settings.write_text("tracing: { sampling_rate: 0.5 }\nlogging: { level: info }\n")
        process = self.endless(RUSTKERNEL_CONFIG=settings)
        settings.write_text("tracing: { sampling_rate: 5 }\nlogging: { level: error }\nslo: 7\n")
        text = self.ctl(process, "reload", code=65)
        self.assertIn("applied: logging.level: error, was info", text)
        self.assertIn("settings.yaml:1: tracing.sampling_rate", text)
        self.assertIn("settings.yaml:3: slo", text)
        self.assertNotIn("restart", text)
        self.assertEqual(self.status(process)["settings"]["tracing.sampling_rate"], 0.5)
        for broken in ("tracing: [", None):
            if broken:
                settings.write_text(broken)
            else:
                settings.unlink()
            reply = json.loads(self.ctl(process, "reload", "--json", code=65))
            self.assertEqual(reply["applied"], [])
            self.assertGreater(reply["problem_count"], 0)
            self.assertEqual(self.status(process)["settings"]["tracing.sampling_rate"], 0.5)
            self.assertEqual(self.status(process)["settings"]["logging.level"], "error")

    def test_levels_of_domains_are_read_again(self):
        log = self.folder / "log.json"
        settings = self.folder / "settings.yaml"
        text = (f"logging: {{ level: warn, format: json, output: {log}, per_domain_levels: {{ Noise: %s }} }}\n"
                "kernels: [ { match: '*', domain: Noise } ]\n")
        settings.write_text(text % "warn")
        process = self.endless(RUSTKERNEL_CONFIG=settings)
        self.assertNotIn("Noise", log.read_text() if log.exists() else "")
        settings.write_text(text % "info")
        self.assertIn("applied: logging.per_domain_levels", self.ctl(process, "reload"))
        harness.wait_until(lambda: "Kernel execution complete" in log.read_text())
        settings.write_text(text % "off")
        self.ctl(process, "reload")
        harness.wait_until(lambda: self.lines_stop(log))

    @staticmethod
    def lines_stop(path):
        before = path.stat().st_size
        time.sleep(0.5)
        return path.stat().st_size == before

    def test_alerts_that_fire_are_told(self):
        settings = self.folder / "settings.yaml"
        settings.write_text("alerting:\n  rules:\n"
                            "  - { name: busy, condition: { execution_rate_above: { threshold: 1 } }, "
                            "severity: warning, for_duration: 0s }\n")
        process = self.endless(RUSTKERNEL_CONFIG=settings)
        harness.wait_until(lambda: "firing" in [alert["state"] for alert in self.status(process)["alerts"]], 60)
        self.assertIn("busy is firing (warning)", self.ctl(process, "status"))

    def test_other_words_get_the_list_of_verbs(self):
        process = self.endless()
        for request in (b"stat\n", b"\n", b"status reload\n", b"GET / HTTP/1.1\r\n", b"x" * 4096):
            reply = json.loads(self.ask(process, request))
            self.assertEqual(reply["verbs"], ["status", "reload", "start", "stop", "snapshot",
                                              "use"], request)
            self.assertIn("error", reply)
        for request in (b"status\n", b"status\r\n"):
            self.assertEqual(json.loads(self.ask(process, request))["pid"], process.pid)

    def test_bad_clients_hold_nothing_up(self):
        process = self.steady()
        before = self.status(process)
        silent = [self.connect(process) for _ in range(4)]
        partial = self.connect(process)
        partial.sendall(b"stat")
        gone = self.connect(process)
        gone.sendall(b"status\n")
        gone.close()
        unread = self.connect(process)
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        unread.sendall(b"status\n")
        binary = self.connect(process)
        binary.sendall(bytes(range(256)))
        # Whoever says nothing is sent away; then it is the turn of those who do.
        after = self.status(process)
        self.assertEqual(after["ledger"]["dropped_by_reason"], {})
        self.assertGreater(after["ledger"]["memset"]["joined"], before["ledger"]["memset"]["joined"])
        for client in silent:
            self.assertEqual(self.reply(client), b"")
        self.assertEqual(self.reply(partial), b"")
        self.end(process)
        info = self.info(process.folder / "run.rkt.zst")
        self.assertEqual(info["dropped"], {})
        self.assertTrue(info["clean_exit"])

    def test_the_end_removes_the_socket(self):
        process = self.start([self.program("endless"), "1"])
        harness.wait_until(self.socket_of(process).exists)
        waiting = self.connect(process)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(list(self.place.iterdir()), [])
        self.assertEqual(self.reply(waiting), b"")
        self.ctl(process, "status", code=66)

    def test_the_next_one_clears_up_after_a_killed_one(self):
        killed = self.endless()
        killed.kill()
        killed.wait()
        self.assertTrue(self.socket_of(killed).exists())
        (self.place / "notes.sock").write_text("not ours")
        lively = self.endless()
        self.assertFalse(self.socket_of(killed).exists())
        self.assertEqual(self.status(lively)["pid"], lively.pid)
        self.assertTrue((self.place / "notes.sock").exists())

    def test_a_forked_child_serves_nobody(self):
        process = self.start([sys.executable, "-c", FORKING])
        child = int(process.stdout.readline())
        harness.wait_until(self.socket_of(process).exists)
        self.assertEqual(self.status(process)["pid"], process.pid)
        self.ctl(child, "status", code=69)
        process.stdin.write("\n")
        process.stdin.flush()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_only_the_user_and_root_are_answered(self):
        if os.geteuid() != 0:
            self.skipTest("another user is played by root")
        process = self.endless()
        ask = ("import socket, sys\n"
               "client = socket.socket(socket.AF_UNIX)\n"
               "try:\n"
               "    client.connect(sys.argv[1])\n"
               "    client.sendall(b'status\\n')\n"
               "    print(len(client.recv(9)))\n"
               "except (PermissionError, ConnectionError) as error:\n"
               "    print(type(error).__name__)\n")

        def as_nobody():
            return subprocess.run(
                ["/usr/bin/python3", "-c", ask, str(self.socket_of(process))], user=65534, group=65534,
                extra_groups=[], capture_output=True, text=True, check=True).stdout.strip()

        self.assertEqual(as_nobody(), "PermissionError")
        # Even where the folder lets him in.
        for path in (self.folder, self.runtime, self.place, self.socket_of(process)):
            path.chmod(0o777)
        self.assertIn(as_nobody(), ("0", "ConnectionResetError", "BrokenPipeError"))
        self.assertEqual(self.status(process)["pid"], process.pid)

    def test_another_process_of_that_name_is_not_asked(self):
        process = self.endless()
        with socket.socket(socket.AF_UNIX) as impostor:
            self.socket_of(process).unlink()
            folder = os.open(self.place, os.O_PATH)
            impostor.bind(f"/proc/self/fd/{folder}/{process.pid}.sock")
            os.close(folder)
            impostor.listen()
            self.ctl(process, "status", code=69)
        self.assertIn("another process", self.tool_errors)

    def test_run_switches_it_on(self):
        started = subprocess.Popen(
            [str(harness.RKTRACE), "run", "--simgpu", "--summary", "never", "-o", "x.rkt.zst",
             "--", self.program("endless"), "60"], cwd=self.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=harness.environment(self.folder, preload=False, XDG_RUNTIME_DIR=self.runtime))
        self.addCleanup(started.wait)
        self.addCleanup(started.terminate)
        harness.wait_until(lambda: list(self.place.glob("*.sock")))
        pid = int(next(self.place.glob("*.sock")).stem)
        self.assertEqual(self.status(pid)["executable"], self.program("endless"))


if __name__ == "__main__":
    harness.main()
