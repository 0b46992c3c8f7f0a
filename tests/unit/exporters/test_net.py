#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""librknet.so against receivers that behave and receivers that do not.

Environment: RK_NET_DRIVER, RK_NET_LIBRARY (what meson built), PYTHONPATH (opentelemetry-proto).
"""
import contextlib
import gzip
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
RECEIVER = HERE.parents[1] / "receivers" / "otlp_receiver.py"
COPY_KINDS = ["unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD", "DtoA", "DtoD", "HtoH",
              "PtoP"]
KERNEL, MEMCPY, MEMSET = 1, 2, 3
EXIT_SLACK_MS = 300  # of a machine that is busy with other tests


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Receiver:
    """otlp_receiver.py for the length of a with block."""

    def __init__(self, folder, script="200", *options):
        self.out = folder / "spans.jsonl"
        self.metrics_out = folder / "points.jsonl"
        self.logs_out = folder / "records.jsonl"
        self.log = folder / "requests.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, RECEIVER, "--out", self.out, "--requests", self.log,
             "--metrics-out", self.metrics_out, "--logs-out", self.logs_out,
             "--script", script, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        scheme = "https" if "--certificate" in options else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.stdout, self.stderr = self.process.communicate(timeout=20)

    @property
    def status(self):
        return self.process.returncode

    @staticmethod
    def lines(path):
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def spans(self):
        return self.lines(self.out)

    def points(self):
        return self.lines(self.metrics_out)

    def records(self):
        return self.lines(self.logs_out)

    def requests(self, signal="traces"):
        return [r for r in self.lines(self.log) if r["signal"] == signal]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-net-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def environment(self, variables):
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("RUSTKERNEL_", "OTEL_")) and not k.lower().endswith("_proxy")}
        # One signal at a time, unless a test wants more.
        alone = {"RUSTKERNEL_METRICS_OTLP_ENDPOINT": "none",
                 "RUSTKERNEL_LOGGING_OTLP_ENDPOINT": "none"}
        return {**keep, **alone, **variables}

    def start(self, variables, *options, **more):
        # The driver is C and must not see the tests' own Python paths in its resource.
        return subprocess.Popen([os.environ["RK_NET_DRIVER"], os.environ["RK_NET_LIBRARY"],
                                 *options], env=self.environment(variables), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def end(self, process, timeout=60):
        out, self.log = process.communicate(timeout=timeout)
        self.assertEqual(process.returncode, 0, self.log)
        stats = json.loads(out)
        self.check_ledger(stats)
        return stats

    def drive(self, variables, *options):
        return self.end(self.start(variables, *options))

    def check_ledger(self, s):
        self.assertEqual(s["eligible"], s["sent"] + s["sampled_out"] + s["queued"] + s["dropped"])
        self.assertEqual(s["queued"], 0)
        self.assertFalse(s["signals_changed"])
        self.assertEqual((s["told_bytes"], s["told_spans"]), (s["bytes_sent"], s["sent"]))
        for signal in ("traces", "metrics", "logs"):
            row = s[signal]
            self.assertEqual(row["eligible"], row["sent"] + row["sampled_out"] + row["queued"]
                             + row["dropped"], signal)
            self.assertEqual((row["dropped"], row["queued"]), (sum(row["lost"].values()), 0))
        self.assertEqual(s["eligible"], s["traces"]["eligible"])
        reasons = [k[5:] for k in s if k.startswith("told_")]
        reasons = [r for r in reasons if r not in ("bytes", "spans")]
        self.assertEqual(s["dropped"], sum(s[r] for r in reasons))
        for reason in reasons:
            of_all = sum(s[signal]["lost"][reason] for signal in ("traces", "metrics", "logs"))
            self.assertEqual(of_all, s[f"told_{reason}"], reason)

    def warnings(self):
        return [line for line in self.log.splitlines() if line.startswith("warning: ")]


def expected_attributes(e):
    """The attributes of one made-up span, from contracts and not from the encoder."""
    a = {"rustkernel.time_source": "host" if e["host_time"] else "gpu",
         "rustkernel.domain": e["domain"]}
    if e["kernel_id"]:
        a["rustkernel.kernel_id"] = e["kernel_id"]
    if e["tid"]:
        a["thread.id"] = e["tid"]
    if e["shape"] == 0:
        a.update({"rustkernel.ops": e["ops"], "rustkernel.kernels": e["kernels"],
                  "rustkernel.gpu_ns": e["gpu_ns"]})
    if "op" not in e:
        return a
    a.update({"rustkernel.device": e["device"], "rustkernel.stream": e["stream"],
              "rustkernel.api": "cuLaunchKernel"})
    if e["correlation"]:
        a["rustkernel.correlation_id"] = e["correlation"]
    if e["op"] == KERNEL:
        a.update({"rustkernel.grid": e["grid"], "rustkernel.block": e["block"],
                  "rustkernel.kernel.mangled_name": e["mangled"]})
        if e["demangled"]:
            a["rustkernel.kernel.demangled_name"] = e["demangled"]
        if not e["host_time"]:
            a.update({"rustkernel.registers": e["registers"], "rustkernel.queue_ns": e["queue_ns"],
                      "rustkernel.shared_memory_bytes": e["shared"]})
        if e["graph"]:
            a.update({"rustkernel.graph.id": e["graph"], "rustkernel.graph.node_id": e["node"]})
        return a
    a["rustkernel.bytes"] = e["bytes"]
    if e["op"] == MEMCPY:
        a["rustkernel.copy_kind"] = COPY_KINDS[e["copy_kind"]]
    else:
        a["rustkernel.memset_value"] = e["value"]
    if e["copy_kind"] == 10:
        a["rustkernel.peer_device"] = 1
    return a


def exception(e):
    return {"name": "exception", "time_ns": e["end"], "attributes": {
        "exception.type": e["error"], "exception.message": f"CUDA call failed: {e['error']}"}}


def expected_span(e):
    links = []
    if int(e["link_trace_id"], 16):
        links = [{"trace_id": e["link_trace_id"], "span_id": e["link_span_id"],
                  "flags": 0x300 | e["trace_flags"], "trace_state": "",
                  "attributes": {}}]
    return {
        "trace_id": e["trace_id"], "span_id": e["span_id"],
        "parent_span_id": e["parent_id"] if int(e["parent_id"], 16) else "",
        "trace_state": e["tracestate"], "name": e["name"], "kind": 1,
        "flags": 0x100 | (0x200 if e["remote"] else 0) | e["trace_flags"],
        "start_ns": e["start"], "end_ns": e["end"], "attributes": expected_attributes(e),
        "links": links, "events": [exception(e)] if e["error"] else [],
        "status": {"code": 2, "message": e["error"]} if e["error"] else {"code": 0, "message": ""},
    }


class Encoding(Case):
    def compare(self, variables):
        expect = self.folder / "expect.jsonl"
        with Receiver(self.folder) as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE": "64KiB", **variables},
                               "spans=5000", "seed=7", "finish_ms=30000",
                               f"expect={expect}")
        self.assertEqual(receiver.status, 0, receiver.stderr)
        self.assertEqual(stats["sent"], 5000, self.log)
        wanted = [expected_span(json.loads(line))
                  for line in expect.read_text(encoding="utf-8").splitlines()]
        got = receiver.spans()
        for span in got:
            self.resource = span.pop("resource")
            self.assertEqual(span.pop("scope"), "rkpreload")
        self.assertEqual(len(got), len(wanted))
        for a, b in zip(got, wanted):
            self.assertEqual(a, b)
        return receiver.requests(), stats

    def test_every_field_gzip(self):
        requests, stats = self.compare({"OTEL_RESOURCE_ATTRIBUTES": "team=a%2Cb,x=%C3%A4",
                                        "OTEL_SERVICE_NAME": "svc"})
        self.assertGreater(len(requests), 5)
        for request in requests:
            self.assertEqual(request["headers"]["content-encoding"], "gzip")
            self.assertEqual(request["headers"]["accept-encoding"], "gzip")
            self.assertNotIn("expect", request["headers"])
            self.assertLess(request["bytes"], 64 * 1024 + 16 * 1024 + 1024)
        # one kept-alive connection for all of them
        self.assertEqual(len({r["client_port"] for r in requests}), 1)
        self.assertEqual(stats["bytes_sent"], sum(r["wire_bytes"] for r in requests))
        self.assertEqual(self.resource["team"], "a,b")
        self.assertEqual(self.resource["x"], "\u00e4")
        self.assertEqual(self.resource["service.name"], "svc")
        self.assertIsInstance(self.resource["process.pid"], int)
        self.assertEqual(self.resource["process.executable.name"], "net_driver")
        self.assertEqual(self.resource["os.type"], "linux")
        self.assertNotIn("process.command_line", self.resource)

    def test_every_field_plain(self):
        requests, _ = self.compare({"RUSTKERNEL_TRACING_OTLP_COMPRESSION": "none", "RANK": "3"})
        self.assertNotIn("content-encoding", requests[0]["headers"])
        self.assertEqual(requests[0]["wire_bytes"], requests[0]["bytes"])
        self.assertEqual(self.resource["rustkernel.rank"], 3)
        self.assertEqual(self.resource["service.name"], "unknown_service:net_driver")

    def test_every_field_json(self):
        requests, _ = self.compare({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
        self.assertEqual({r["headers"]["content-type"] for r in requests}, {"application/json"})

    def test_bad_resource_list_is_dropped_as_a_whole(self):
        for bad in ("a=1,b=%zz", "a", "a=1,=2", "a=b=c", "a=%ff"):
            with self.subTest(bad):
                self.compare({"OTEL_RESOURCE_ATTRIBUTES": bad})
                self.assertNotIn("a", self.resource)
                self.assertEqual(sum("resource" in w.lower() for w in self.warnings()), 1,
                                 self.log)


class Endpoint(Case):
    def request(self, variable, suffix, path, **more):
        with Receiver(self.folder, "200", "--path", path) as receiver:
            self.drive({variable: receiver.url + suffix, **more}, "spans=3")
        self.assertEqual(receiver.status, 0, receiver.stderr)
        return receiver.requests()[0]

    def test_urls(self):
        signal_variable = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
        for variable, suffix, path in (
                ("RUSTKERNEL_OTLP_ENDPOINT", "", "/v1/traces"),
                ("RUSTKERNEL_OTLP_ENDPOINT", "/mycoll/", "/mycoll/v1/traces"),
                ("RUSTKERNEL_OTLP_ENDPOINT", "/v1/traces", "/v1/traces"),
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "/mycoll", "/mycoll/v1/traces"),
                (signal_variable, "", "/"),
                (signal_variable, "/own/v1/traces/", "/own/v1/traces/")):
            with self.subTest(variable + suffix):
                self.request(variable, suffix, path)

    def test_headers(self):
        secrets = self.folder / "headers"
        secrets.write_text("X-File=from file\n", encoding="utf-8")
        secrets.chmod(0o600)
        request = self.request(
            "RUSTKERNEL_OTLP_ENDPOINT", "", "/v1/traces",
            OTEL_EXPORTER_OTLP_HEADERS="Authorization=Basic%20dTpw==, x-a = b%2Cc ,bad name=1,"
                                       "Content-Type=text/html,x-crlf=a%0d%0ab",
            RUSTKERNEL_TRACING_OTLP_HEADERS_FILE=str(secrets))
        self.assertEqual(request["headers"]["authorization"], "Basic dTpw==")
        self.assertEqual(request["headers"]["x-a"], "b,c")
        self.assertEqual(request["headers"]["x-file"], "from file")
        self.assertEqual(request["headers"]["content-type"], "application/x-protobuf")
        self.assertNotIn("x-crlf", request["headers"])
        self.assertEqual(len(self.warnings()), 3, self.log)

    def test_a_headers_file_that_changes(self):
        secrets = self.folder / "headers"
        secrets.write_text("authorization=Bearer one\n", encoding="utf-8")
        secrets.chmod(0o644)
        with Receiver(self.folder) as receiver:
            process = self.start({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                  "RUSTKERNEL_TRACING_OTLP_HEADERS_FILE": str(secrets),
                                  "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "20ms"},
                                 "spans=200", "pace_us=10000")
            time.sleep(1)
            other = self.folder / "new"
            other.write_text("authorization=Bearer two\n", encoding="utf-8")
            other.chmod(0o600)
            other.replace(secrets)
            self.end(process)
        tokens = [r["headers"]["authorization"] for r in receiver.requests()]
        self.assertEqual((tokens[0], tokens[-1]), ("Bearer one", "Bearer two"))
        self.assertEqual(sorted(tokens), tokens)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("mode 644", self.warnings()[0])
        self.assertNotIn("Bearer", self.log)

    def test_a_headers_file_that_is_none(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for path, why in ((pipe, "not a regular file"), (self.folder, "not a regular file"),
                          (self.folder / "away", "No such file")):
            self.request("RUSTKERNEL_OTLP_ENDPOINT", "", "/v1/traces",
                         RUSTKERNEL_TRACING_OTLP_HEADERS_FILE=str(path))
            self.assertEqual(len(self.warnings()), 1, self.log)
            self.assertIn(why, self.warnings()[0])

    def test_a_proxys_password_is_not_logged(self):
        for proxy in (f"http://user:hunter2@127.0.0.1:{free_port()}",
                      "gopher://user:hunter2@127.0.0.1:1", "http://user:hun/ter2@127.0.0.1:x"):
            with self.subTest(proxy):
                stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": "http://nowhere.invalid:4318",
                                    "http_proxy": proxy}, "spans=3")
                self.assertEqual(stats["retry_exhausted"], 3)
                self.assertNotIn("hunter2", self.log + str(stats))
                self.assertNotIn("ter2", self.log + str(stats))

    def test_user_and_password_are_not_logged(self):
        port = free_port()
        self.drive({"RUSTKERNEL_OTLP_ENDPOINT": f"http://user:hunter2@127.0.0.1:{port}"},
                   "spans=3")
        self.assertIn(f"127.0.0.1:{port}", self.log)
        self.assertNotIn("hunter2", self.log)

    def test_grpc_where_nobody_listens(self):
        for variables in ({"RUSTKERNEL_OTLP_ENDPOINT": "http://127.0.0.2:4317"},
                          {"RUSTKERNEL_OTLP_ENDPOINT": "http://127.0.0.1:1",
                           "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}):
            with self.subTest(variables):
                stats = self.drive(variables, "spans=50")
                self.assertEqual(stats["retry_exhausted"], 50)
                self.assertGreater(stats["requests"], 0)
                self.assertEqual(len(self.warnings()), 1, self.log)
                self.assertLess(stats["finish_ms"], EXIT_SLACK_MS)

    def test_the_environments_proxy_is_used(self):
        with Receiver(self.folder, "200", "--path", "http://nowhere.invalid:4318/v1/traces") as r:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": "http://nowhere.invalid:4318",
                                "http_proxy": r.url}, "spans=3")
        self.assertEqual(r.status, 0, r.stderr)
        self.assertEqual(stats["sent"], 3)


class Faults(Case):
    """What is sent again, what is dropped and counted, and what is said about it."""

    def run_script(self, script, *options, **variables):
        with Receiver(self.folder, script) as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "50ms", **variables},
                               "spans=10", *options)
        self.assertEqual(receiver.status, 0, receiver.stderr)
        return stats, receiver

    def test_retryable_answers_are_retried(self):
        for step in ("429", "502", "503", "504", "reset", "cut"):
            with self.subTest(step):
                stats, receiver = self.run_script(f"{step},200", "hold_ms=900")
                self.assertEqual((stats["sent"], stats["retries"]), (10, 1), self.log)
                self.assertEqual(len(receiver.spans()), 10)
                self.assertEqual(self.warnings(), [])

    def test_other_answers_are_not(self):
        for status in (400, 401, 403, 404, 405, 408, 411, 413, 415, 418, 431, 500, 501, 505, 507,
                       301, 307):
            with self.subTest(status):
                stats, _ = self.run_script(f"{status}/text=no such tenant", "hold_ms=200")
                self.assertEqual((stats["rejected"], stats["retries"]), (10, 0), self.log)
                self.assertEqual(len(self.warnings()), 1, self.log)
                self.assertIn("no such tenant", self.warnings()[0])

    def test_a_refusal_is_told_once(self):
        with Receiver(self.folder, "401") as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE": "64KiB"}, "spans=2000",
                               "hold_ms=500")
        self.assertGreater(stats["requests"], 5)
        self.assertEqual(stats["rejected"], 2000)
        self.assertEqual(len(self.warnings()), 1, self.log)

    def test_retry_after_is_honoured(self):
        # A date has whole seconds: one of the three may be gone already.
        for value in ("retry-after=2", "retry-date=3"):
            with self.subTest(value):
                stats, receiver = self.run_script(f"503/{value},200", "hold_ms=3500")
                first, second = (r["time"] for r in receiver.requests())
                self.assertGreaterEqual(second - first, 1.9)
                self.assertLess(second - first, 3.5)
                self.assertEqual((stats["sent"], stats["retries"]), (10, 1))

    def test_a_retry_after_beyond_the_time_of_the_batch_gives_it_up(self):
        for value in ("retry-after=5", "retry-date=6", "retry-after=86400000"):
            with self.subTest(value):
                stats, receiver = self.run_script(
                    f"429/{value},200", "hold_ms=300", RUSTKERNEL_TRACING_OTLP_TIMEOUT="2s")
                self.assertEqual((stats["retry_exhausted"], len(receiver.requests())), (10, 1))
                self.assertEqual(len(self.warnings()), 1, self.log)

    def test_a_long_retry_after_is_not_waited_for_at_exit(self):
        stats, _ = self.run_script("503/retry-after=30,200", "hold_ms=300")
        self.assertEqual(stats["retry_exhausted"], 10)
        self.assertLess(stats["finish_ms"], EXIT_SLACK_MS)

    def test_a_batch_is_given_up_after_its_time(self):
        stats, receiver = self.run_script("503", "hold_ms=2500",
                                          RUSTKERNEL_TRACING_OTLP_TIMEOUT="1s")
        self.assertEqual(stats["retry_exhausted"], 10)
        self.assertGreaterEqual(len(receiver.requests()), 2)
        times = [r["time"] for r in receiver.requests()]
        self.assertLess(times[-1] - times[0], 1.1)
        self.assertEqual(len(self.warnings()), 1, self.log)

    def test_a_slow_answer_runs_into_the_timeout(self):
        with Receiver(self.folder, "hole") as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "50ms",
                                "RUSTKERNEL_TRACING_OTLP_TIMEOUT": "500ms"}, "spans=10",
                               "hold_ms=1000")
        self.assertEqual(stats["retry_exhausted"], 10)
        self.assertLess(stats["late_ms"], 100)

    def test_partial_success_is_counted_and_not_retried(self):
        stats, receiver = self.run_script("partial=3/text=too old", "hold_ms=300")
        self.assertEqual((stats["sent"], stats["rejected"], stats["retries"]), (7, 3, 0))
        self.assertEqual(len(receiver.requests()), 1)
        self.assertIn("too old", "".join(self.warnings()))

    def test_partial_success_in_json(self):
        stats, _ = self.run_script("partial=3/text=too \"old\"", "hold_ms=300",
                                   OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
        self.assertEqual((stats["sent"], stats["rejected"], stats["retries"]), (7, 3, 0))
        self.assertIn('too "old"', "".join(self.warnings()))

    def test_a_message_alone_is_a_warning(self):
        stats, _ = self.run_script("partial=0/text=please upgrade", "hold_ms=300")
        self.assertEqual((stats["sent"], stats["rejected"]), (10, 0))
        self.assertIn("please upgrade", "".join(self.warnings()))

    def test_replies_are_bounded(self):
        for step in ("huge=100000000", "bomb=100000000"):
            with self.subTest(step):
                stats, _ = self.run_script(step, "hold_ms=1500")
                self.assertEqual((stats["rejected"], stats["retries"]), (10, 0), self.log)
                self.assertIn("larger than 4 MiB", self.log)

    def test_an_undecodable_reply_still_accepts(self):
        for step in ("badproto", "badgzip"):
            with self.subTest(step):
                stats, _ = self.run_script(step, "hold_ms=300")
                self.assertEqual((stats["sent"], stats["retries"]), (10, 0), self.log)

    def test_a_dripping_answer_is_waited_for_within_the_time_of_the_batch(self):
        stats, _ = self.run_script("drip=1", "hold_ms=1800")
        self.assertEqual((stats["sent"], stats["retries"]), (10, 0), self.log)
        self.assertLess(stats["late_ms"], 100)
        stats, _ = self.run_script("drip=20", "hold_ms=1500",
                                   RUSTKERNEL_TRACING_OTLP_TIMEOUT="500ms")
        self.assertEqual((stats["retry_exhausted"], stats["retries"]), (10, 0), self.log)

    def test_backoff_grows_and_is_never_the_same_twice(self):
        with Receiver(self.folder, "503") as receiver:
            self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                        "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "50ms",
                        "RUSTKERNEL_BREAKER_FAILURE_THRESHOLD": "100"}, "spans=10",
                       "hold_ms=4500", "finish_ms=0")
        times = [r["time"] for r in receiver.requests()]
        waits = [b - a for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(len(waits), 3)
        for wait, most in zip(waits, (0.25, 0.5, 1, 2, 4)):
            self.assertGreater(wait, most / 2 - 0.01, waits)
            self.assertLess(wait, most + 0.2, waits)

    def test_a_receiver_that_comes_back(self):
        """Refused at first: nothing is lost but time."""
        port = free_port()
        process = self.start({"RUSTKERNEL_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                              "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "50ms"}, "spans=10",
                             "hold_ms=4000")
        time.sleep(0.6)
        with Receiver(self.folder, "200", "--port", str(port)) as receiver:
            stats = self.end(process)
        self.assertEqual((stats["sent"], stats["dropped"]), (10, 0), self.log)
        self.assertGreater(stats["retries"], 0)
        self.assertEqual(len(receiver.spans()), 10)

    def test_what_arrived_is_acknowledged(self):
        stats, receiver = self.run_script("200,400,partial=2,200", "hold_ms=500", "spans=40",
                                          RUSTKERNEL_TRACING_OTLP_MAX_BATCH_SPANS="10")
        url = receiver.url + "/v1/traces"
        self.assertEqual(stats["acknowledged"], f"{url} 1-10;{url} 21-30;{url} 31-40;")
        self.assertEqual((stats["sent"], stats["rejected"]), (28, 12))
        self.assertNotIn("out of order", self.log)

    def test_limits_in_spans(self):
        stats, receiver = self.run_script("slow=1,200", "hold_ms=1500", "spans=100",
                                          RUSTKERNEL_TRACING_OTLP_MAX_QUEUE_SPANS="30",
                                          RUSTKERNEL_TRACING_OTLP_MAX_BATCH_SPANS="10")
        self.assertEqual({r["spans"] for r in receiver.requests()}, {10})
        self.assertEqual(stats["sent"] + stats["queue_full"], 100)
        self.assertLessEqual(stats["sent"], 40)
        self.assertGreaterEqual(stats["sent"], 30)

    def test_recovery_is_told_and_the_next_trouble_again(self):
        stats, _ = self.run_script("400,200", "hold_ms=300", "spans=2000",
                                   RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE="256KiB",
                                   RUSTKERNEL_LOG_LEVEL="info")
        self.assertIn("info: otlp: ", self.log)
        self.assertIn("accepts spans", self.log)
        self.assertGreater(stats["rejected"], 0)
        self.assertGreater(stats["sent"], 0)


class Breaker(Case):
    """Who keeps failing is left alone for a while."""

    def run_breaker(self, script, *options, **variables):
        with Receiver(self.folder, script) as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "50ms",
                                "RUSTKERNEL_BREAKER_FAILURE_THRESHOLD": "2",
                                "RUSTKERNEL_BREAKER_COOL_DOWN": "1s",
                                "RUSTKERNEL_LOG_LEVEL": "info", **variables}, *options)
        self.name = f"otlp/traces 127.0.0.1:{receiver.port}"
        return stats, receiver

    def states(self, stats):
        self.assertEqual({part.rpartition("=")[0] for part in stats["breakers"].split(";")[:-1]},
                         {self.name})
        return [int(part.rpartition("=")[2]) for part in stats["breakers"].split(";")[:-1]]

    def told(self):
        return [line for line in self.log.splitlines() if " breaker: " in line]

    def test_opens_is_tried_again_and_closes(self):
        stats, receiver = self.run_breaker("503,503,200", "spans=30", "hold_ms=2500",
                                           RUSTKERNEL_TRACING_OTLP_MAX_BATCH_SPANS="10")
        self.assertEqual(self.states(stats), [0, 2, 1, 0])
        times = [r["time"] for r in receiver.requests()]
        self.assertEqual(len(times), 5)  # two failures, then the three batches
        self.assertGreaterEqual(times[2] - times[1], 0.98)
        self.assertEqual((stats["sent"], stats["dropped"]), (30, 0))
        told = self.told()
        self.assertEqual(len(told), 3, told)
        for line, word in zip(told, ("is open", "is half-open", "is closed")):
            self.assertIn(f"breaker: {self.name} {word}", line)
        self.assertTrue(told[0].startswith("warning: "))

    def test_one_failure_opens_it_again(self):
        stats, receiver = self.run_breaker("503", "spans=10", "hold_ms=2500",
                                           RUSTKERNEL_TRACING_OTLP_TIMEOUT="20s")
        self.assertEqual(self.states(stats)[:6], [0, 2, 1, 2, 1, 2])
        # two before it opened, one per cool-down, one at the exit
        self.assertEqual(len(receiver.requests()), 5)
        self.assertEqual(stats["retry_exhausted"], 10)
        self.assertEqual(len([t for t in self.told() if t.startswith("warning")]), 1, self.log)

    def test_while_open_batches_wait_and_only_the_oldest_runs_out_of_time(self):
        stats, receiver = self.run_breaker("503,503,200", "spans=50", "hold_ms=1800",
                                           RUSTKERNEL_TRACING_OTLP_TIMEOUT="500ms",
                                           RUSTKERNEL_TRACING_OTLP_MAX_BATCH_SPANS="10")
        self.assertEqual((stats["retry_exhausted"], stats["sent"]), (10, 40), self.log)
        self.assertEqual(len(receiver.spans()), 40)

    def test_while_open_the_queue_is_bounded(self):
        stats, _ = self.run_breaker("503", "spans=5000", "hold_ms=600", "finish_ms=500",
                                    RUSTKERNEL_BREAKER_COOL_DOWN="1h",
                                    RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE="256KiB",
                                    RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE="64KiB")
        self.assertGreater(stats["queue_full"], 1000)
        self.assertGreater(stats["retry_exhausted"], 100)
        self.assertEqual(stats["queue_full"] + stats["retry_exhausted"], 5000)

    def test_a_last_attempt_at_the_exit(self):
        stats, receiver = self.run_breaker("503,503,200", "spans=30", "hold_ms=900",
                                           RUSTKERNEL_BREAKER_COOL_DOWN="1h",
                                           RUSTKERNEL_TRACING_OTLP_MAX_BATCH_SPANS="10")
        self.assertEqual((stats["sent"], stats["dropped"]), (30, 0), self.log)
        self.assertEqual(self.states(stats), [0, 2, 1, 0])
        self.assertLess(stats["finish_ms"], 1000)

    def test_a_refusal_does_not_open_it(self):
        stats, receiver = self.run_breaker("400", "spans=100", "hold_ms=500",
                                           RUSTKERNEL_TRACING_OTLP_MAX_BATCH_SPANS="10")
        self.assertEqual((stats["rejected"], len(receiver.requests())), (100, 10))
        self.assertEqual(self.states(stats), [0])


class Queue(Case):
    def test_a_full_queue_drops_the_newest_and_counts(self):
        with Receiver(self.folder, "slow=1,200") as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE": "256KiB",
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE": "64KiB"},
                               "spans=5000", "seed=3", f"expect={self.folder}/e", "hold_ms=1500")
        self.assertGreater(stats["queue_full"], 1000)
        self.assertEqual(stats["queue_full"] + stats["sent"], 5000)
        fed = (self.folder / "e").read_text(encoding="utf-8").splitlines()
        expected = [json.loads(line)["span_id"] for line in fed]
        got = [s["span_id"] for s in receiver.spans()]
        self.assertEqual(got[:400], expected[:400])

    def test_a_replay_waits_instead(self):
        with Receiver(self.folder, "slow=0.3,slow=0.3,200") as receiver:
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                "RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE": "256KiB",
                                "RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE": "64KiB"},
                               "spans=5000", "seed=3", "replay=1", "finish_ms=20000")
        self.assertEqual(receiver.status, 0, receiver.stderr)
        self.assertEqual((stats["sent"], stats["dropped"]), (5000, 0))
        self.assertEqual(len(receiver.spans()), 5000)

    def test_nothing_is_sent_empty(self):
        with Receiver(self.folder) as receiver:
            self.drive({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                        "RUSTKERNEL_TRACING_OTLP_FLUSH_INTERVAL": "50ms"}, "hold_ms=300")
        self.assertEqual(receiver.requests(), [])

    @staticmethod
    def peak_of(process, limit_s=120):
        """KiB of memory that @process had at most, once it has ended."""
        peak, deadline = 0, time.time() + limit_s
        while process.poll() is None and time.time() < deadline:
            with contextlib.suppress(OSError, IndexError):  # it has just ended
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                peak = max(peak, int(status.split("VmHWM:")[1].split()[0]))
            time.sleep(0.02)
        return peak

    @staticmethod
    def memory_limit(mebibytes):
        """The same in KiB; ThreadSanitizer keeps four times as much about each byte as there is."""
        shadow = 4 if "libtsan" in os.environ.get("RK_SANITIZER_PRELOAD", "") else 0
        return (1 + shadow) * mebibytes * 1024

    def test_a_dead_receiver_costs_bounded_memory(self):
        process = self.start({"RUSTKERNEL_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"},
                             "spans=400000", "hold_ms=1000")
        peak = self.peak_of(process, 60)
        stats = self.end(process)
        self.assertEqual(stats["dropped"], 400000)
        self.assertGreater(stats["queue_full"], 0)
        self.assertGreater(peak, 16 * 1024)  # it was measured, and the queue did fill
        # The queue is 16 MiB, libraries the rest.
        self.assertLess(peak, self.memory_limit(80))

    def test_ten_million_spans_and_a_slow_receiver(self):
        """The queue is bounded, what does not fit is counted, and every span is in one sum."""
        spans = 1_000_000 if os.environ.get("RK_SANITIZER_PRELOAD") else 10_000_000
        with Receiver(self.folder, "slow=0.3") as receiver:
            process = self.start({"RUSTKERNEL_OTLP_ENDPOINT": receiver.url},
                                 f"spans={spans}", "hold_ms=500")
            peak = self.peak_of(process)
            stats = self.end(process)
        self.assertEqual(stats["eligible"], spans)
        self.assertEqual(stats["sent"] + stats["sampled_out"] + stats["dropped"], spans)
        self.assertGreater(stats["sent"], 0)
        self.assertGreater(stats["queue_full"], 0)
        arrived = len(receiver.spans())
        # One request may have arrived whose answer came too late.
        self.assertGreaterEqual(arrived, stats["sent"])
        self.assertLess(peak, self.memory_limit(96))


class Signals(Case):
    """Metrics and logs beside the spans, each to its own destination."""

    def everything(self, url, **variables):
        return {"RUSTKERNEL_OTLP_ENDPOINT": url, "RUSTKERNEL_METRICS_OTLP_ENDPOINT": url,
                "RUSTKERNEL_LOGGING_OTLP_ENDPOINT": url, **variables}

    def test_all_three_arrive(self):
        with Receiver(self.folder) as receiver:
            stats = self.drive(self.everything(receiver.url), "spans=10", "events=7")
        self.assertEqual(receiver.status, 0, receiver.stderr)
        self.assertEqual([r["path"] for r in receiver.requests("metrics")], ["/v1/metrics"])
        self.assertEqual([r["path"] for r in receiver.requests("logs")], ["/v1/logs"])
        self.assertEqual([stats[s]["sent"] for s in ("traces", "metrics", "logs")], [10, 3, 7])
        self.assertEqual({p["kind"] for p in receiver.points()}, {"sum", "gauge", "histogram"})
        self.assertEqual({p["resource"]["service.instance.id"] for p in receiver.points()},
                         {s["resource"]["service.instance.id"] for s in receiver.spans()})
        for i, record in enumerate(receiver.records()):
            self.assertEqual((record["body"], record["attributes"]["number"]),
                             ("Kernel execution complete", i))

    def test_what_is_not_configured_is_not_sent(self):
        for signal, variable in (("metrics", "RUSTKERNEL_METRICS_ENABLED"),
                                 ("traces", "RUSTKERNEL_TRACING_ENABLED")):
            with self.subTest(signal), Receiver(self.folder) as receiver:
                self.drive(self.everything(receiver.url, **{variable: "false"}), "spans=10",
                           "events=2")
            self.assertEqual(receiver.requests(signal), [])
            self.assertEqual(len(receiver.requests("logs")), 1)

    def test_each_to_its_own_place(self):
        with Receiver(self.folder) as first:
            own = self.folder / "other"
            own.mkdir()
            with Receiver(own) as second:
                self.drive({"RUSTKERNEL_OTLP_ENDPOINT": first.url,
                            "RUSTKERNEL_METRICS_OTLP_ENDPOINT": "",
                            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": second.url + "/own/v1/metrics",
                            "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-a=b"}, "spans=3")
        self.assertEqual((len(first.requests()), first.requests("metrics")), (1, []))
        request = second.requests("metrics")[0]
        self.assertEqual((request["path"], request["headers"]["x-a"]), ("/own/v1/metrics", "b"))
        self.assertNotIn("x-a", first.requests()[0]["headers"])

    def test_a_metrics_export_every_interval(self):
        with Receiver(self.folder) as receiver:
            stats = self.drive(self.everything(receiver.url, OTEL_METRIC_EXPORT_INTERVAL="300"),
                               "hold_ms=1050")
        self.assertEqual(receiver.status, 0, receiver.stderr)
        self.assertEqual(stats["visits"], 4)  # three while it ran, one at the end
        counts = [p["value"] for p in receiver.points() if p["kind"] == "sum"]
        self.assertEqual(counts, [3, 6, 9, 12])

    def test_an_outage_loses_no_delta(self):
        for preference in ("delta", "cumulative"):
            with self.subTest(preference):
                with Receiver(self.folder, "200,503,503,503,503,200", "--script-signal",
                              "metrics") as receiver:
                    stats = self.drive(self.everything(
                        receiver.url, OTEL_METRIC_EXPORT_INTERVAL="200",
                        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=preference,
                        RUSTKERNEL_BREAKER_FAILURE_THRESHOLD="100"), "hold_ms=3000")
                self.assertEqual(receiver.status, 0, receiver.stderr)
                sums = [p for p in receiver.points() if p["kind"] == "sum"]
                counts = [p["count"] for p in receiver.points() if p["kind"] == "histogram"]
                self.assertLess(len(sums), stats["visits"])  # some were replaced
                if preference == "delta":
                    self.assertEqual(sum(p["value"] for p in sums), 3 * stats["visits"])
                    self.assertEqual(sum(counts), 3 * stats["visits"])
                    for a, b in zip(sums, sums[1:]):
                        self.assertEqual(a["time_ns"], b["start_ns"])
                else:
                    self.assertEqual(sums[-1]["value"], 3 * stats["visits"])
                    self.assertEqual(counts[-1], 3 * stats["visits"])
                self.assertEqual(stats["metrics"]["sent"], len(receiver.points()))

    def test_logs_are_bounded(self):
        with Receiver(self.folder, "slow=1,200", "--script-signal", "logs") as receiver:
            stats = self.drive(self.everything(
                receiver.url, OTEL_BLRP_MAX_QUEUE_SIZE="40", OTEL_BLRP_MAX_EXPORT_BATCH_SIZE="10",
                OTEL_BLRP_SCHEDULE_DELAY="50"), "events=1000", "hold_ms=1500")
        self.assertEqual({r["spans"] for r in receiver.requests("logs")}, {10})
        self.assertEqual(stats["logs"]["sent"] + stats["logs"]["lost"]["queue_full"], 1000)
        self.assertEqual(stats["logs"]["sent"], 40)

    def test_one_dead_signal_does_not_hold_up_the_others(self):
        with Receiver(self.folder) as receiver, socket.socket() as hole:
            hole.bind(("127.0.0.1", 0))
            hole.listen(8)
            dead = f"http://127.0.0.1:{hole.getsockname()[1]}"
            for signal in ("TRACING", "METRICS", "LOGGING"):
                with self.subTest(signal):
                    stats = self.drive(self.everything(
                        receiver.url, **{f"RUSTKERNEL_{signal}_OTLP_ENDPOINT": dead}),
                        "spans=10", "events=5", "finish_ms=1000")
                    lost = {"TRACING": "traces", "METRICS": "metrics", "LOGGING": "logs"}[signal]
                    for name, items in (("traces", 10), ("metrics", 3), ("logs", 5)):
                        what = "dropped" if name == lost else "sent"
                        self.assertEqual(stats[name][what], items, (name, self.log))
                    self.assertLess(stats["finish_ms"], 1000 + EXIT_SLACK_MS)


class Tls(Case):
    """Certificates that are good and certificates that are not."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("no openssl is installed")
        cls.pki = pathlib.Path(tempfile.mkdtemp(prefix="rk-pki-"))
        cls.addClassCleanup(shutil.rmtree, cls.pki)
        for authority in ("ca", "other"):
            cls.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                        "-nodes", "-keyout", f"{authority}.key", "-out", f"{authority}.pem",
                        "-subj", f"/CN={authority}", "-days", "2")
        for name, days in (("server", "2"), ("expired", "-1"), ("client", "2")):
            cls.sign(name, days)

    @classmethod
    def openssl(cls, *arguments):
        subprocess.run(["openssl", *arguments], cwd=cls.pki, check=True, capture_output=True,
                       timeout=60)

    @classmethod
    def sign(cls, name, days):
        (cls.pki / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\n", encoding="utf-8")
        cls.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        cls.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                    "-CAcreateserial", "-out", f"{name}.pem", "-days", days, "-extfile",
                    f"{name}.ext")

    def run_tls(self, server="server", *options, receiver=(), **variables):
        with Receiver(self.folder, "200", "--certificate", self.pki / f"{server}.pem", "--key",
                      self.pki / f"{server}.key", *receiver) as r:
            self.port = r.port
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": r.url, **variables}, "spans=10",
                               *options)
        return stats, r

    def trust(self, name="ca.pem"):
        return {"OTEL_EXPORTER_OTLP_CERTIFICATE": str(self.pki / name)}

    def identity(self, name="client"):
        return {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(self.pki / f"{name}.pem"),
                "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(self.pki / f"{name}.key")}

    def check_refused(self, stats, text):
        self.assertEqual(stats["retry_exhausted"], 10, self.log)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn(text, self.warnings()[0])
        self.assertIn(f"127.0.0.1:{self.port}", self.warnings()[0])
        self.assertLess(stats["finish_ms"], EXIT_SLACK_MS + 200)

    def test_a_trusted_receiver(self):
        stats, receiver = self.run_tls(**self.trust())
        self.assertEqual((stats["sent"], len(receiver.spans())), (10, 10), self.log)

    def test_an_unknown_authority(self):
        for variables in ({}, self.trust("other.pem")):
            stats, _ = self.run_tls(**variables)
            self.check_refused(stats, "certificate")

    def test_an_expired_certificate(self):
        stats, _ = self.run_tls("expired", **self.trust())
        self.check_refused(stats, "expired")

    def test_a_client_certificate(self):
        asks = ("--client-authority", self.pki / "ca.pem")
        stats, _ = self.run_tls(receiver=asks, **self.trust(), **self.identity())
        self.assertEqual(stats["sent"], 10, self.log)
        stats, _ = self.run_tls(receiver=asks, **self.trust())
        self.assertEqual((stats["sent"], stats["retry_exhausted"]), (0, 10), self.log)
        self.assertIn("certificate", self.warnings()[-1])

    def test_files_are_named(self):
        for variable in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"):
            path = str(self.folder / f"no-{variable}.pem")
            stats, _ = self.run_tls(**{**self.trust(), f"OTEL_EXPORTER_OTLP_{variable}": path})
            self.assertEqual((stats["rejected"], stats["requests"]), (10, 0))
            self.assertEqual(len(self.warnings()), 1, self.log)
            self.assertIn(path, self.warnings()[0])

    def test_a_file_that_is_no_certificate(self):
        junk = self.folder / "junk.pem"
        junk.write_text("not PEM\n", encoding="utf-8")
        stats, _ = self.run_tls(OTEL_EXPORTER_OTLP_CERTIFICATE=str(junk))
        self.assertEqual(stats["retry_exhausted"], 10, self.log)
        self.assertIn(str(junk), self.warnings()[0])


class Exit(Case):
    """The exit is bounded whatever the other end does."""

    def check(self, url, at_most_ms, *options, **variables):
        stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": url, **variables}, "spans=100", *options)
        self.assertEqual(stats["retry_exhausted"], 100)
        self.assertLess(stats["finish_ms"], at_most_ms + EXIT_SLACK_MS)
        self.assertLess(stats["late_ms"], 100)
        self.assertEqual(len(self.warnings()), 1, self.log)
        return stats

    def test_refused(self):
        self.check(f"http://127.0.0.1:{free_port()}", 0)
        self.assertIn("connect", self.log.lower())

    def test_never_answers(self):
        with socket.socket() as hole:
            hole.bind(("127.0.0.1", 0))
            hole.listen(8)
            stats = self.check(f"http://127.0.0.1:{hole.getsockname()[1]}", 1000,
                               "finish_ms=1000")
        self.assertGreater(stats["finish_ms"], 500)

    def test_never_answers_in_tls(self):
        with socket.socket() as hole:
            hole.bind(("127.0.0.1", 0))
            hole.listen(8)
            self.check(f"https://127.0.0.1:{hole.getsockname()[1]}", 1000, "finish_ms=1000")

    def test_unanswered_handshake(self):
        """A black hole that every machine has: no address of the network is one for sure."""
        with socket.socket() as hole, contextlib.ExitStack() as stack:
            hole.bind(("127.0.0.1", 0))
            hole.listen(0)
            for _ in range(3):  # the handshakes after these stay unanswered
                s = stack.enter_context(socket.socket())
                s.setblocking(False)
                s.connect_ex(hole.getsockname())
            stats = self.check(f"http://127.0.0.1:{hole.getsockname()[1]}", 1000,
                               "finish_ms=1000")
        self.assertGreater(stats["finish_ms"], 500)

    def test_unknown_name(self):
        self.check("http://no-such-host.invalid:4318", 1000, "finish_ms=1000")

    def test_a_resolver_that_hangs(self):
        library = os.environ.get("RK_SLOW_RESOLVER")
        if not library:
            self.skipTest("RK_SLOW_RESOLVER is not set")
        start = time.time()
        self.check("http://slow.invalid:4318", 1000, "finish_ms=1000", "hold_ms=200",
                   LD_PRELOAD=library, ASAN_OPTIONS="verify_asan_link_order=0")
        self.assertLess(time.time() - start, 4)

    def test_while_a_push_hangs_too(self):
        with socket.socket() as hole:
            hole.bind(("127.0.0.1", 0))
            hole.listen(8)
            url = f"http://127.0.0.1:{hole.getsockname()[1]}"
            stats = self.drive({"RUSTKERNEL_OTLP_ENDPOINT": url, "RUSTKERNEL_PUSHGATEWAY_URL": url},
                               "spans=100", "finish_ms=1000")
        self.assertLess(stats["finish_ms"], 1000 + EXIT_SLACK_MS)
        self.assertEqual(stats["push_failures"], 1)
        self.assertEqual(stats["retry_exhausted"], 100)


class Scrape(Case):
    """The server, judged by Prometheus' own Python parsers."""

    @contextlib.contextmanager
    def server(self, **variables):
        port = free_port()
        process = self.start({"RUSTKERNEL_METRICS_PORT": str(port),
                              "RUSTKERNEL_LOG_LEVEL": "info", **variables}, "until_stdin=1",
                             stdin=subprocess.PIPE)
        try:
            deadline = time.time() + 10
            while time.time() < deadline:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stdin.write("end\n")
            self.stats = self.end(process)

    def get(self, url, method="GET", body=None, **headers):
        request = urllib.request.Request(url, method=method, data=body, headers={
            k.replace("_", "-"): v for k, v in headers.items()})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                    request, timeout=10) as reply:
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def test_formats(self):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as om
        from prometheus_client.parser import text_string_to_metric_families as text
        prometheus = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                      "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
        with self.server() as url:
            status, headers, body = self.get(url + "/metrics")
            self.assertEqual((status, headers["Content-Type"]),
                             (200, "text/plain; version=0.0.4; charset=utf-8"))
            self.assertEqual(headers["Content-Length"], str(len(body)))
            self.assertEqual(len(list(text(body.decode()))), 2)
            plain = body
            status, headers, body = self.get(url + "/metrics?x=1", Accept=prometheus)
            self.assertEqual(headers["Content-Type"], "application/openmetrics-text; "
                             "version=1.0.0; charset=utf-8")
            self.assertEqual(len(list(om(body.decode()))), 2)
            status, headers, body = self.get(url + "/metrics", Accept_Encoding="gzip;q=0.5, *;q=0")
            self.assertEqual(headers["Content-Encoding"], "gzip")
            self.assertEqual(gzip.decompress(body), plain)
            for refusal in ("gzip;q=0", "identity", "br", "gzip;q=0.1, identity"):
                _, headers, body = self.get(url + "/metrics", Accept_Encoding=refusal)
                self.assertNotIn("Content-Encoding", headers, refusal)
                self.assertEqual(body, plain)
        self.assertEqual(self.stats["scrapes"], 7)

    def test_methods_and_paths(self):
        with self.server(RUSTKERNEL_METRICS_ENDPOINT="/custom") as url:
            _, headers, body = self.get(url + "/custom")
            head = self.get(url + "/custom", "HEAD")
            self.assertEqual((head[0], head[2]), (200, b""))
            self.assertEqual(head[1]["Content-Length"], headers["Content-Length"])
            self.assertEqual(self.get(url + "/metrics")[0], 404)
            self.assertEqual(self.get(url + "/")[0], 404)
            for method in ("POST", "PUT", "DELETE", "OPTIONS"):
                data = b"x" * 100000 if method in ("POST", "PUT") else None
                status, headers, _ = self.get(url + "/custom", method, data)
                self.assertEqual((status, headers.get("Allow")), (405, "GET, HEAD"), method)
            self.assertEqual(self.get(url + "/health/live")[0], 200)
            status, headers, body = self.get(url + "/health/ready")
            self.assertEqual((status, headers["Content-Type"], json.loads(body)),
                             (503, "application/json", {"probe": "ready"}))
            self.assertEqual(self.get(url + "/health/startup")[0], 200)
            self.assertEqual(self.get(url + "/health/other")[0], 404)

    def test_concurrent_scrapes_beside_idle_connections(self):
        results = []
        with self.server() as url, contextlib.ExitStack() as stack:
            port = int(url.rsplit(":", 1)[1])
            for _ in range(10):
                s = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")  # and no more
            threads = [threading.Thread(target=lambda: results.append(self.get(url + "/metrics")))
                       for _ in range(20)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        self.assertEqual([r[0] for r in results], [200] * 20)
        self.assertEqual(len({r[2] for r in results}), 1)

    def test_a_taken_port(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.drive({"RUSTKERNEL_METRICS_PORT": str(port), "RUSTKERNEL_LOG_LEVEL": "info"})
        self.assertIn(f"warning: scrape: port {port} is taken; scrape on port ", self.log)
        self.assertIn("info: scrape: listening on http://127.0.0.1:", self.log)

    def test_a_bad_address_is_named(self):
        self.drive({"RUSTKERNEL_METRICS_PORT": "1234", "RUSTKERNEL_METRICS_ADDRESS": "example.org"})
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("example.org", self.log)

    def test_nothing_listens_unasked(self):
        process = self.start({}, "hold_ms=10")
        out, _ = process.communicate(timeout=20)
        self.assertEqual(json.loads(out), {"open": -19})  # ENODEV


class Pushgateway(Case):
    """Against the real one."""

    def setUp(self):
        super().setUp()
        program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
        if not program:
            self.skipTest("no prometheus-pushgateway is installed")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # In memory only: a distribution's default is one file for the whole machine.
        self.gateway = subprocess.Popen([program, f"--web.listen-address=127.0.0.1:{port}",
                                         "--persistence.file="],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.gateway.wait)
        self.addCleanup(self.gateway.kill)
        deadline = time.time() + 20
        while time.time() < deadline:
            with contextlib.suppress(OSError):
                self.metrics()
                break
            time.sleep(0.05)
        self.assertIsNone(self.gateway.poll(), "the gateway that answers is not ours")
        self.assertEqual(self.ours(), [], "the gateway was not empty")

    def metrics(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.url + "/metrics", timeout=10) as reply:
            return reply.read().decode()

    def ours(self):
        return [li for li in self.metrics().splitlines() if li.startswith("rustkernel_")]

    def push(self, *options, **variables):
        return self.drive({"RUSTKERNEL_PUSHGATEWAY_URL": self.url, **variables}, *options)

    def test_the_last_push(self):
        stats = self.push()
        self.assertEqual((stats["pushes"], stats["push_failures"]), (1, 0), self.log)
        lines = self.ours()
        self.assertIn('rustkernel_executions_total{instance="test-host",job="rkpreload",'
                      'kernel_id="a\\"b"} 3', lines)
        stamp = [li for li in lines if li.startswith("rustkernel_last_push_timestamp_seconds{")]
        self.assertLess(abs(float(stamp[0].split()[-1]) - time.time()), 60)

    def test_names_that_need_base64(self):
        for rank in ("7", "a/b c\u00e4", "/", "x/yz", "plain %?#\u00e4"):
            self.push(RANK=rank, RUSTKERNEL_METRICS_PUSHGATEWAY_JOB="my-job_2.0")
            self.assertIn(f'rank="{rank}"', "\n".join(self.ours()))
        self.assertIn('job="my-job_2.0"', "\n".join(self.ours()))

    def test_pushes_while_running(self):
        stats = self.push("hold_ms=1300", RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="300ms")
        self.assertGreaterEqual(stats["pushes"], 4)
        self.assertLess(stats["late_ms"], 100)

    def test_delete_on_exit(self):
        stats = self.push("hold_ms=500", RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="200ms",
                          RUSTKERNEL_METRICS_PUSHGATEWAY_DELETE_ON_EXIT="true")
        self.assertGreaterEqual(stats["pushes"], 2)
        self.assertEqual(self.ours(), [])

    def test_a_refusal_is_named_with_its_reason(self):
        other = urllib.request.Request(self.url + "/metrics/job/other", method="PUT",
                                       data=b"# TYPE rustkernel_executions_total gauge\n"
                                            b"rustkernel_executions_total 1\n")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(other, timeout=10)
        stats = self.push("hold_ms=700", RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="200ms")
        self.assertEqual(stats["pushes"], 0)
        self.assertGreaterEqual(stats["push_failures"], 3)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("HTTP 400", self.log)
        self.assertIn("rustkernel_executions_total", self.log)


class PushgatewayAway(Case):
    def test_nobody_there(self):
        stats = self.drive({"RUSTKERNEL_PUSHGATEWAY_URL": f"http://127.0.0.1:{free_port()}"})
        self.assertEqual((stats["pushes"], stats["push_failures"]), (0, 1))
        self.assertLess(stats["finish_ms"], EXIT_SLACK_MS)
        self.assertEqual(len(self.warnings()), 1, self.log)


if __name__ == "__main__":
    try:
        import opentelemetry.proto.collector.trace.v1.trace_service_pb2  # noqa: F401
    except ImportError:
        print("skipped: the Python package opentelemetry-proto is missing (run tools/setup)")
        sys.exit(77)
    unittest.main(verbosity=2)
