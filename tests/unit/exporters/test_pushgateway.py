#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pushes to a real Pushgateway, and to one that fails in every way.

Environment: RK_PUSH_DRIVER.
"""
import contextlib
import gzip
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "receivers"))
import test_classes  # noqa: E402

GOOD = ("# HELP rustkernel_active_kernels Kernels.\n# TYPE rustkernel_active_kernels gauge\n"
        + "".join(f'rustkernel_active_kernels{{device="{i}"}} {i}\n' for i in range(40)))
BAD = ('# TYPE rustkernel_memory_bytes gauge\nrustkernel_memory_bytes{device="0"} 1\n'
       'rustkernel_memory_bytes{device="0"} 2\n')
OTHER = "# TYPE rustkernel_errors_total counter\nrustkernel_errors_total 1\n"


class Fake(http.server.ThreadingHTTPServer):
    """Answers by a script, the last word for ever: a status, "hang", "reset", "nogzip"."""

    daemon_threads = True

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), FakeHandler)
        self.script, self.requests, self.lock = script.split(","), [], threading.Lock()
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """A client that gives up on a hang is part of the test."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self.server_close()

    def next_word(self, request):
        with self.lock:
            self.requests.append(request)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def times(self):
        return [request["time"] for request in self.requests]


class FakeHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        packed = self.headers.get("Content-Encoding") == "gzip"
        word = self.server.next_word({
            "method": self.command, "path": self.path, "gzip": packed, "time": time.monotonic(),
            "type": self.headers.get("Content-Type"),
            "text": (gzip.decompress(body) if packed else body).decode()})
        if word == "hang":
            self.server.released.wait(20)
            self.close_connection = True
            return
        if word == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if word == "nogzip":
            word = "400" if packed else "200"
        reply = b"" if word == "200" else b"text format parsing error: because"
        self.send_response(int(word))
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_PUT = do_DELETE = do_POST = answer

    def log_message(self, *_):
        pass


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-push-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def push(self, url, *options, text=GOOD, **variables):
        file = self.folder / "metrics.txt"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("RUSTKERNEL_", "OTEL_")) and k != "RANK"}
        done = subprocess.run([os.environ["RK_PUSH_DRIVER"], file, *options], check=False,
                              env={**keep, "RUSTKERNEL_PUSHGATEWAY_URL": url, **variables},
                              capture_output=True, text=True, timeout=60)
        self.log = done.stderr
        self.assertEqual(done.returncode, 0, self.log)
        return json.loads(done.stdout)

    def warnings(self):
        return [line for line in self.log.splitlines() if line.startswith("warning: ")]


class Faults(Case):
    """5xx and silence are tried again with pauses, 4xx is not."""

    INTERVAL = {"RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL": "4s"}

    def test_what_is_sent(self):
        with Fake("200") as fake:
            stats = self.push(fake.url, RANK="3")
        self.assertEqual((stats["pushes"], stats["failures"]), (1, 0), self.log)
        request = fake.requests[0]
        self.assertEqual((request["method"], request["path"], request["gzip"]),
                         ("PUT", "/metrics/job/rkpreload/instance/test-host/rank/3", True))
        self.assertEqual(request["type"], "text/plain; version=0.0.4; charset=utf-8")
        text, stamp = request["text"].rsplit("rustkernel_last_push_timestamp_seconds ", 1)
        self.assertTrue(text.startswith(GOOD))
        self.assertLess(abs(float(stamp) - time.time()), 60)
        self.assertTrue(stamp.endswith("\n"))
        self.assertLess(stats["bytes_sent"], len(text) / 2)

    def test_5xx_comes_again_before_the_next_interval(self):
        with Fake("503,500,200") as fake:
            stats = self.push(fake.url, "hold_ms=6500", **self.INTERVAL)
        # 4 s: 503; at most 0.5 s later: 500; at most 1 s later: 200; and the last push.
        self.assertEqual((stats["pushes"], stats["failures"], stats["retries"]), (2, 2, 2))
        first, second, third = (b - a for a, b in zip(fake.times(), fake.times()[1:]))
        self.assertTrue(0.24 <= first <= 0.7, fake.times())
        self.assertTrue(0.49 <= second <= 1.3, fake.times())
        self.assertGreater(third, 0.5)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("accepts the push again", self.log)

    def test_a_reset_comes_again(self):
        with Fake("reset,200") as fake:
            stats = self.push(fake.url, "hold_ms=1200",
                              RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="500ms")
        self.assertGreaterEqual(stats["pushes"], 2)
        self.assertEqual(stats["failures"], 1)

    def test_4xx_waits_for_the_interval_and_is_said_once(self):
        with Fake("403") as fake:
            stats = self.push(fake.url, "hold_ms=1750",
                              RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="500ms")
        self.assertEqual((stats["pushes"], stats["failures"], stats["retries"]), (0, 4, 0))
        pauses = [b - a for a, b in zip(fake.times()[:3], fake.times()[1:3])]
        self.assertTrue(all(0.4 <= pause <= 0.8 for pause in pauses), pauses)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("HTTP 403", self.log)
        self.assertIn("because", self.log)
        self.assertEqual(stats["worst_breaker"], 0)  # somebody answers

    def test_a_gateway_without_gzip(self):
        with Fake("nogzip") as fake:
            stats = self.push(fake.url, "hold_ms=900",
                              RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="300ms")
        self.assertGreaterEqual(stats["pushes"], 3)
        self.assertEqual(stats["failures"], 0, self.log)
        self.assertEqual([r["gzip"] for r in fake.requests][:3], [True, False, False])
        self.assertEqual(self.warnings(), [])

    def test_the_breaker_opens_and_heals(self):
        with Fake("503,503,503,200") as fake:
            stats = self.push(fake.url, "hold_ms=2200",
                              RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="100ms",
                              RUSTKERNEL_BREAKER_FAILURE_THRESHOLD="3",
                              RUSTKERNEL_BREAKER_COOL_DOWN="1s")
        self.assertEqual((stats["worst_breaker"], stats["breaker"]), (2, 0), self.log)
        pause = fake.times()[3] - fake.times()[2]
        self.assertTrue(0.95 <= pause <= 1.4, pause)
        self.assertGreaterEqual(stats["pushes"], 5)

    def test_an_open_breaker_gets_one_last_push(self):
        with Fake("503,200") as fake:
            stats = self.push(fake.url, "hold_ms=900",
                              RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="500ms",
                              RUSTKERNEL_BREAKER_FAILURE_THRESHOLD="1")
        self.assertEqual((stats["pushes"], len(fake.requests)), (1, 2), self.log)

    def test_the_last_push_is_repeated_while_there_is_time(self):
        with Fake("503,503,200") as fake:
            stats = self.push(fake.url)
        self.assertEqual((stats["pushes"], stats["failures"]), (1, 2))
        self.assertLess(stats["finish_ms"], 1500)

    def test_a_hang_costs_no_more_than_the_time_given(self):
        with Fake("hang") as fake:
            stats = self.push(fake.url, "finish_ms=700")
        self.assertEqual((stats["pushes"], stats["failures"]), (0, 1))
        self.assertTrue(650 <= stats["finish_ms"] <= 900, stats)

    def test_nobody_there_is_not_waited_for(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        stats = self.push(f"http://127.0.0.1:{port}")
        self.assertEqual((stats["pushes"], stats["failures"]), (0, 1))
        self.assertLess(stats["finish_ms"], 300)

    def test_delete(self):
        with Fake("202") as fake:
            self.push(fake.url, RUSTKERNEL_METRICS_PUSHGATEWAY_DELETE_ON_EXIT="true")
        self.assertEqual([(r["method"], r["text"]) for r in fake.requests], [("DELETE", "")])


class LeftOut(Case):
    """A family that the gateway would refuse costs itself, is counted, and named once."""

    def test_one_family(self):
        with Fake("200") as fake:
            stats = self.push(fake.url, "hold_ms=500", text=GOOD + BAD + OTHER,
                              RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="200ms")
        self.assertGreaterEqual(stats["pushes"], 3)
        self.assertEqual(stats["left_out"], stats["pushes"])
        self.assertEqual(stats["rejected"], stats["left_out"])
        for request in fake.requests:
            self.assertTrue(request["text"].startswith(GOOD + OTHER))
            self.assertNotIn("rustkernel_memory_bytes", request["text"])
        self.assertEqual(self.warnings(), [
            'warning: pushgateway: could not push 1 of 4 families: a sample twice: '
            'rustkernel_memory_bytes{device="0"} 2'])


def real_gateway():
    return shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")


@unittest.skipUnless(real_gateway(), "no prometheus-pushgateway is installed")
class Real(Case):
    def setUp(self):
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.gateway = subprocess.Popen(
            [real_gateway(), f"--web.listen-address=127.0.0.1:{port}",
             f"--persistence.file={self.folder / 'gateway.data'}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.gateway.wait)
        self.addCleanup(self.gateway.kill)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.get("/-/ready")
                return
            time.sleep(0.05)
        self.fail("the gateway does not answer")

    def get(self, path):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + path, timeout=10) as reply:
            return reply.read().decode()

    def put(self, path, text):
        """Return: the status, and what the gateway says."""
        request = urllib.request.Request(self.url + path, method="PUT", data=text.encode())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as reply:
                return reply.status, ""
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def groups(self):
        reply = json.loads(self.get("/api/v1/metrics"))
        return [group["labels"] for group in reply["data"]]

    def lines(self):
        return [line for line in self.get("/metrics").splitlines() if "rkpreload" in line]

    def test_a_push_replaces_the_whole_group(self):
        self.push(self.url, text=GOOD + OTHER)
        self.assertTrue(any(li.startswith("rustkernel_errors_total") for li in self.lines()))
        self.push(self.url, text=GOOD)
        self.assertFalse(any(li.startswith("rustkernel_errors_total") for li in self.lines()))
        self.assertEqual(sum(li.startswith("rustkernel_active_kernels") for li in self.lines()), 40)
        self.assertEqual(self.groups(), [{"job": "rkpreload", "instance": "test-host"}])

    def test_delete(self):
        self.push(self.url)
        self.assertEqual(len(self.groups()), 1)
        self.push(self.url, RUSTKERNEL_METRICS_PUSHGATEWAY_DELETE_ON_EXIT="true")
        self.assertEqual(self.groups(), [])

    def test_values_of_labels(self):
        """Slash, plus, blank, percent, UTF-8, dots; an empty job is ours."""
        ranks = ["7", "a/b", "a+b", "a b", "100%", "\u00e4?#&=", "..", "/", "a//b/"]
        for rank in ranks:
            stats = self.push(self.url, RANK=rank)
            self.assertEqual((stats["pushes"], stats["failures"]), (1, 0), (rank, self.log))
        self.assertEqual(sorted(group["rank"] for group in self.groups()), sorted(ranks))

    def test_a_job_with_a_slash(self):
        self.push(self.url, RUSTKERNEL_METRICS_PUSHGATEWAY_JOB="team/train")
        self.assertEqual(self.groups()[0]["job"], "team/train")

    def test_conflict_with_another_group_is_named(self):
        status, _ = self.put("/metrics/job/other", "# TYPE rustkernel_active_kernels counter\n"
                                                   "rustkernel_active_kernels 1\n")
        self.assertEqual(status, 200)
        stats = self.push(self.url)
        self.assertEqual((stats["pushes"], stats["failures"]), (0, 1))
        self.assertIn("HTTP 400", self.log)
        self.assertIn("rustkernel_active_kernels", self.log)

    def test_what_we_leave_out_the_gateway_would_refuse(self):
        """The judge of the check: the same text, once as it is and once through us."""
        for text in (BAD, "x 1 1700000000000\n", 'x{a="1",a="2"} 1\n', 'x{__a="1"} 1\n',
                     'x{foo-bar="1"} 1\n', "x 1\r\n", "x one\n", "x\n", "9x 1\n", "x 1",
                     'x{a="\\t"} 1\n', "# TYPE x gauge\n# TYPE x gauge\nx 1\n",
                     "# TYPE x number\nx 1\n",
                     "# TYPE go_goroutines counter\ngo_goroutines 1\n",
                     "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"
                     "# TYPE h_count gauge\nh_count 1\n"):
            with self.subTest(text):
                status, why = self.put("/metrics/job/direct", text)
                self.assertEqual(status, 400, why)
                # What follows is cut off from a text that ends in the middle of a line.
                stats = self.push(self.url, text=GOOD + text)
                self.assertEqual((stats["pushes"], stats["failures"]), (1, 0), self.log)
                self.assertEqual(stats["left_out"], 1, self.log)
                self.assertGreaterEqual(len(self.lines()), 40)

    def test_process_families_are_taken_beside_the_gateways_own(self):
        text = ("# HELP process_open_fds Number of open file descriptors.\n"
                "# TYPE process_open_fds gauge\nprocess_open_fds 12\n"
                "# HELP process_cpu_seconds_total Total user and system CPU time spent in "
                "seconds.\n# TYPE process_cpu_seconds_total counter\n"
                "process_cpu_seconds_total 1.5\n"
                '# HELP target_info The resource attributes of this process.\n'
                '# TYPE target_info gauge\ntarget_info{service_name="train"} 1\n')
        stats = self.push(self.url, text=text)
        self.assertEqual((stats["pushes"], stats["left_out"]), (1, 0), self.log)
        self.assertTrue(any(li.startswith("process_open_fds{") and li.endswith(" 12")
                            for li in self.lines()))


if __name__ == "__main__":
    test_classes.main()
