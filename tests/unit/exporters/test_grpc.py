#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The OTLP/gRPC client against servers that behave and servers that do not.

Environment: RK_GRPC_DRIVER, RK_SLOW_RESOLVER, RK_TWO_ADDRESSES (what meson built),
RK_SANITIZER_PRELOAD.
"""
import base64
import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "receivers"))
import test_classes  # noqa: E402

try:
    import grpc
    import h2.connection  # noqa: F401  of the fault server
except ImportError as missing:
    print(f"skipped: {missing} (tools/setup --test brings python3-grpcio and python3-h2)")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
SERVER = HERE.parents[1] / "receivers" / "grpc_fault_server.py"
RESPONSE_S = 60     # a driver that says nothing for so long hangs
NOISE = 251         # period of the driver's pattern
SLACK_MS = 5000     # of a machine that is busy with other tests
CONNECT_MS = 30000  # of a request that is expected to have an answer
MEMORY_KIB = 64 << 10
PATHS = ["/opentelemetry.proto.collector.trace.v1.TraceService/Export",
         "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
         "/opentelemetry.proto.collector.logs.v1.LogsService/Export"]


def pattern(size):
    return (bytes(range(NOISE)) * (size // NOISE + 1))[:size]


def closed_port():
    """Of a socket that is bound and does not listen: nobody else can take it."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s, s.getsockname()[1]


class Server:
    """grpc_fault_server.py for the length of a with block."""

    def __init__(self, folder, script="ok", *options, scheme="http"):
        self.log = pathlib.Path(tempfile.mkstemp(dir=folder, suffix=".jsonl")[1])
        self.process = subprocess.Popen(
            [sys.executable, SERVER, "--requests", self.log, "--script", script, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=20)
        if kind is None and self.process.returncode != 0:
            raise AssertionError(f"the server found: {out}{err}")
        self.served = out

    def notes(self, key):
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [n for n in map(json.loads, lines) if key in n]

    def requests(self):
        return self.notes("path")

    def connections(self):
        return [r["connection"] for r in self.requests()]

    def wait_for(self, key, count):
        end = time.monotonic() + RESPONSE_S
        while len(self.notes(key)) < count:
            if time.monotonic() > end:
                raise AssertionError(f"{count} notes of {key} did not come: {self.notes(key)}")
            time.sleep(0.01)


class Driver:
    """grpc_driver, line by line."""

    def __init__(self, endpoint, *options, environment=None):
        environment = {**os.environ, **(environment or {})}
        # A leak is a failure, too: LeakSanitizer then sets the exit status.
        self.process = subprocess.Popen(
            [os.environ["RK_GRPC_DRIVER"], f"endpoint={endpoint}", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment)
        self.outcomes = []
        self.buffer = b""
        self.log = ""

    def line(self):
        end = time.monotonic() + RESPONSE_S
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.process.stdout], [], [], left)[0]:
                self.process.kill()
                raise AssertionError(f"the driver hangs: {self.process.communicate()}")
            part = os.read(self.process.stdout.fileno(), 65536)
            if not part:
                raise AssertionError(f"the driver ended: {self.process.communicate()}")
            self.buffer += part
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def start(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def finish(self):
        """Wait for the "done" of the line before; the outcomes up to there."""
        before = len(self.outcomes)
        while True:
            line = self.line()
            if "done" in line:
                if not line["done"]:
                    raise AssertionError("the driver refused a line")
                return self.outcomes[before:]
            self.outcomes.append(line)

    def do(self, line):
        self.start(line)
        return self.finish()

    def request(self, size=100, timeout_ms=CONNECT_MS, how="", signal_number=0):
        """One request on its own; its outcome."""
        self.do(f"send {signal_number} {size} {timeout_ms} {how}")
        outcomes = self.do("wait")
        assert len(outcomes) == 1, outcomes
        return outcomes[0]

    def end(self):
        self.process.stdin.close()
        report = self.line()
        rest, log = self.buffer + self.process.stdout.read(), self.process.stderr.read()
        self.process.wait(timeout=RESPONSE_S)
        self.log = log.decode()
        # OpenSSL's exit handler would say so.
        assert not rest, rest
        return report


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-grpc-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.late_ms = 0

    @contextlib.contextmanager
    def driver(self, endpoint, *options, **more):
        driver = Driver(endpoint, *options, **more)
        try:
            yield driver
            report = driver.end()
        finally:
            driver.process.kill()
            driver.process.wait()
            for pipe in (driver.process.stdin, driver.process.stdout, driver.process.stderr):
                pipe.close()
        self.assertEqual(driver.process.returncode, 0, driver.log)
        self.assertFalse(report["sigpipe_changed"] or report["sigpipe_raised"], report)
        self.assertLess(report["close_ms"], 2000)
        self.report = report
        self.log = driver.log

    def expect(self, outcome, verdict, message="", unreachable=False, within_ms=SLACK_MS):
        self.assertEqual(outcome["verdict"], verdict, outcome)
        self.assertEqual(outcome["unreachable"], unreachable, outcome)
        self.assertLessEqual(outcome["ms"], within_ms, outcome)
        if message.endswith("..."):
            self.assertTrue(outcome["message"].startswith(message[:-3]), outcome)
        else:
            self.assertEqual(outcome["message"], message, outcome)

    def one(self, script, verdict, message="", **more):
        """One request, answered by @script, then one that succeeds on the same connection."""
        size, how = more.pop("size", 100), more.pop("how", "")
        with Server(self.folder, f"{script},ok") as server, self.driver(server.url) as driver:
            outcome = driver.request(size, how=how)
            self.expect(outcome, verdict, message, **more)
            self.expect(driver.request(), "sent")
        return outcome, server


class RequestTest(Case):
    def test_what_is_sent(self):
        with Server(self.folder) as server, self.driver(
                server.url + "/ignored/path?x", "signals=3",
                "headers=Authorization=Bearer%20a%2Cb, X-Key=v ,blob-bin=%01%02%ff") as driver:
            for number in range(3):
                self.expect(driver.request(1000, 5000, signal_number=number), "sent")
            self.expect(driver.request(1 << 20, 0), "sent")
            self.expect(driver.request(300000, 200_000_000, "gzip"), "sent")
        requests = server.requests()
        self.assertEqual([r["path"] for r in requests], PATHS + [PATHS[0]] * 2)
        self.assertEqual([r["bytes"] for r in requests], [1000] * 3 + [1 << 20, 300000])
        self.assertEqual([r["crc"] for r in requests],
                         [zlib.crc32(pattern(r["bytes"])) for r in requests])
        self.assertEqual(set(server.connections()), {1})
        headers = requests[0]["headers"]
        self.assertEqual(headers["authorization"], "Bearer a,b")
        self.assertEqual(headers["x-key"], "v")
        self.assertEqual(base64.b64decode(headers["blob-bin"]), b"\1\2\xff")
        self.assertEqual(headers[":authority"], f"127.0.0.1:{server.port}")
        self.assertEqual(headers["grpc-accept-encoding"], "identity,gzip")
        self.assertRegex(headers["user-agent"], r"^OTel-OTLP-Exporter-C/\d+\.\d+\.\d+$")
        self.assertRegex(headers["grpc-timeout"], r"^[1-5]\d\d\dm$")
        self.assertNotIn("grpc-timeout", requests[3]["headers"])
        self.assertRegex(requests[4]["headers"]["grpc-timeout"], r"^(200000|19999\d)S$")
        self.assertLess(requests[4]["wire_bytes"], 30000)

    def test_headers_that_cannot_be(self):
        bad = "grpc-status=0,te=x,:path=/x,Content-Type=a,user-agent=x,a b=1,c=%0a,noequals"
        with Server(self.folder) as server, self.driver(
                server.url, f"headers={bad},good=secret-1") as driver:
            self.expect(driver.request(), "sent")
        headers = server.requests()[0]["headers"]
        self.assertEqual((headers["good"], headers["te"]), ("secret-1", "trailers"))
        self.assertEqual(self.log.count("could not use entry"), 8, self.log)
        self.assertNotIn("secret", self.log)

    def test_headers_file_that_is_replaced(self):
        path = self.folder / "headers"
        path.write_text("token=one\nother=x\n", encoding="utf-8")
        path.chmod(0o600)
        with Server(self.folder) as server, self.driver(
                server.url, f"headers_file={path}") as driver:
            self.expect(driver.request(), "sent")
            fresh = self.folder / "fresh"
            fresh.write_text("token=two\n", encoding="utf-8")
            fresh.chmod(0o600)
            fresh.rename(path)
            self.expect(driver.request(), "sent")
        tokens = [(r["headers"]["token"], r["headers"].get("other")) for r in server.requests()]
        self.assertEqual(tokens, [("one", "x"), ("two", None)])

    def test_request_over_the_limit_is_not_sent(self):
        message = "the request is larger than 64 MiB"
        with Server(self.folder) as server, self.driver(server.url) as driver:
            self.expect(driver.request((64 << 20) + 1), "rejected", message)
            # The limit holds before compression, too.
            self.expect(driver.request((64 << 20) + 1, how="gzip"), "rejected", message,
                        within_ms=20000)
            self.expect(driver.request(64 << 20), "sent", within_ms=20000)
        self.assertEqual([r["bytes"] for r in server.requests()], [64 << 20])
        self.assertLess(self.report["late_ms"], 1000)

    def test_three_signals_share_a_connection(self):
        with Server(self.folder, "slow=1") as server, self.driver(
                server.url, "signals=3") as driver:
            for number in range(3):
                driver.do(f"send {number} 200000 20000")
            outcomes = driver.do("wait")
        self.assertEqual(sorted(o["signal"] for o in outcomes), [0, 1, 2])
        for outcome in outcomes:
            self.expect(outcome, "sent")
        self.assertEqual(server.connections(), [1, 1, 1])
        # At once, not one after the other.
        times = [r["time"] for r in server.requests()]
        self.assertLess(max(times) - min(times), 1)

    def test_a_server_that_allows_one_stream(self):
        with Server(self.folder, "slow=0.1", "--max-streams", "1") as server, self.driver(
                server.url, "signals=3") as driver:
            for _ in range(2):
                for number in range(3):
                    driver.do(f"send {number} 100 20000")
                for outcome in driver.do("wait"):
                    self.expect(outcome, "sent")
        self.assertEqual(server.connections(), [1] * 6)

    def test_cancel(self):
        with Server(self.folder, "hole,ok") as server, self.driver(server.url) as driver:
            driver.do("send 0 100 20000")
            driver.do("run 200")
            driver.do("cancel 0")
            self.assertEqual(driver.do("run 100"), [])
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 1])
        self.assertEqual([n["reset"] for n in server.notes("reset")], [8])

    def test_unix_socket(self):
        path = self.folder / "s"
        for url in (f"unix:{path}", f"unix://{path}"):
            with Server(self.folder, "ok", "--unix", str(path)) as server, \
                    self.driver(url) as driver:
                self.expect(driver.request(), "sent")
            self.assertEqual(server.requests()[0]["headers"][":authority"], "localhost")
            path.unlink()
        with self.driver(f"unix:{path}") as driver:
            self.expect(driver.request(), "retry", f"UNAVAILABLE: could not connect to unix:{path}"
                        ": No such file or directory", unreachable=True)

    def test_endpoint_without_scheme(self):
        with Server(self.folder) as server:
            with self.driver(f"127.0.0.1:{server.port}", "insecure=1") as driver:
                self.expect(driver.request(), "sent")
            with self.driver(f"127.0.0.1:{server.port}") as driver:
                self.expect(driver.request(), "retry",
                            f"UNAVAILABLE: TLS to https://127.0.0.1:{server.port}: ...",
                            unreachable=True)
        self.assertEqual(server.connections(), [1])

    def test_user_of_an_endpoint(self):
        with Server(self.folder) as server, self.driver(
                f"http://me:hidden@127.0.0.1:{server.port}", "signals=3") as driver:
            self.expect(driver.request(), "sent")
        self.assertEqual(self.log.count("mean nothing to gRPC"), 1)
        self.assertNotIn("hidden", self.log)

    def test_endpoint_that_cannot_be(self):
        for endpoint in ("ftp://x:1", "http://", "http://h:0", "http://h:65536", "http://h:x",
                         "http://a b", "unix:relative", "http://[::1"):
            driver = Driver(endpoint)
            report = driver.line()
            self.assertEqual(report["open"], -22, endpoint)
            _, log = driver.process.communicate(timeout=RESPONSE_S)
            self.assertIn(b"the endpoint of traces", log)
            self.assertEqual(driver.process.returncode, 0, log)


class StatusTest(Case):
    RETRYABLE = {1: "CANCELLED", 4: "DEADLINE_EXCEEDED", 10: "ABORTED", 11: "OUT_OF_RANGE",
                 14: "UNAVAILABLE", 15: "DATA_LOSS"}
    FINAL = {2: "UNKNOWN", 3: "INVALID_ARGUMENT", 5: "NOT_FOUND", 6: "ALREADY_EXISTS",
             7: "PERMISSION_DENIED", 8: "RESOURCE_EXHAUSTED", 9: "FAILED_PRECONDITION",
             12: "UNIMPLEMENTED", 13: "INTERNAL", 16: "UNAUTHENTICATED"}

    def test_every_status(self):
        every = {**self.RETRYABLE, **self.FINAL}
        script = ",".join(f"{n}/text=so it is" for n in sorted(every))
        with Server(self.folder, script) as server, self.driver(server.url) as driver:
            for number in sorted(every):
                verdict = "retry" if number in self.RETRYABLE else "rejected"
                outcome = driver.request()
                self.expect(outcome, verdict, f"{every[number]}: so it is")
                self.assertFalse(outcome["has_delay"])
        self.assertEqual(set(server.connections()), {1})

    def test_status_that_does_not_exist(self):
        self.one("77", "rejected", "UNKNOWN")

    def test_message_is_decoded_and_printable(self):
        self.one("14/text=100% busy €\x1b[31m\nnext", "retry",
                 "UNAVAILABLE: 100% busy €?[31m next")

    def test_retry_info(self):
        for options, delay in (("delay=1.5", 1500), ("delay=0.25/padded=1", 250), ("delay=0", 0)):
            for status, name in ((8, "RESOURCE_EXHAUSTED"), (14, "UNAVAILABLE")):
                outcome, _ = self.one(f"{status}/text=quota/{options}", "retry", f"{name}: quota")
                self.assertEqual((outcome["has_delay"], outcome["delay_ms"]), (True, delay))

    def test_retry_info_does_not_make_a_final_status_retryable(self):
        self.one("3/delay=1", "rejected", "INVALID_ARGUMENT")

    def test_http_status_without_grpc_status(self):
        for http, name, verdict in ((400, "INTERNAL", "rejected"), (401, "UNAUTHENTICATED", "rejected"),
                                    (403, "PERMISSION_DENIED", "rejected"),
                                    (404, "UNIMPLEMENTED", "rejected"), (429, "UNAVAILABLE", "retry"),
                                    (500, "UNKNOWN", "rejected"), (502, "UNAVAILABLE", "retry"),
                                    (503, "UNAVAILABLE", "retry"), (504, "UNAVAILABLE", "retry")):
            self.one(f"http={http}", verdict, f"{name}: HTTP {http}")

    def test_no_status_at_all(self):
        self.one("nostatus", "rejected", "UNKNOWN: the reply ended without a gRPC status")

    def test_partial_success(self):
        for options in ("", "/gzip=1"):
            outcome, _ = self.one(f"partial=3/text=too old{options}", "sent", "too old")
            self.assertEqual(outcome["rejected"], 3)
        outcome, _ = self.one("partial=0/text=beware", "sent", "beware")
        self.assertEqual(outcome["rejected"], 0)

    def test_replies_that_cannot_be_read(self):
        for verb in ("badgzip", "badproto", "badframe", "empty"):
            self.one(verb, "sent")
            self.assertIn("could not decode the reply", self.log, verb)

    def test_gzipped_reply(self):
        self.one("ok/gzip=1", "sent")
        self.assertNotIn("could not decode", self.log)

    def test_real_server(self):
        """grpcio's: what C-core makes of statuses, details and compression."""
        seen = []

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                def export(request, context):
                    seen.append((details.method, len(request), dict(context.invocation_metadata())))
                    if len(seen) == 2:
                        status = base64.b64decode("CAgaNgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUu"
                                                  "cnBjLlJldHJ5SW5mbxIKCggIARCAyrXuAQ==")
                        context.set_trailing_metadata([("grpc-status-details-bin", status)])
                        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "100% busy €")
                    return b"\x0a\x08\x08\x02\x12\x04late" if len(seen) == 3 else b""
                return grpc.unary_unary_rpc_method_handler(export)

        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), handlers=[Handler()],
                             compression=grpc.Compression.Gzip)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(server.stop, None)
        with self.driver(f"http://127.0.0.1:{port}", "headers=k=v,b-bin=%01%ff") as driver:
            self.expect(driver.request(1000), "sent")
            outcome = driver.request(2000, how="gzip")
            self.expect(outcome, "retry", "RESOURCE_EXHAUSTED: 100% busy €")
            self.assertEqual((outcome["has_delay"], outcome["delay_ms"]), (True, 1500))
            outcome = driver.request(3 << 20)
            self.expect(outcome, "sent", "late")
            self.assertEqual(outcome["rejected"], 2)
            self.expect(driver.request(5 << 20), "rejected", "RESOURCE_EXHAUSTED: ...")
            self.expect(driver.request(1000, how="gzip"), "sent")
        self.assertEqual([s[:2] for s in seen],
                         [(PATHS[0], n) for n in (1000, 2000, 3 << 20, 1000)])
        self.assertEqual((seen[0][2]["k"], seen[0][2]["b-bin"]), ("v", b"\x01\xff"))


SETTINGS = b"\0\0\0\4\0\0\0\0\0"
GOAWAY = b"\0\0\x08\7\0\0\0\0\0" + bytes(8)


class NoisyServer:
    """Settings, then, when the client has said something, frames without sense."""

    def __init__(self, greeting, noise=b"", stays=True):
        self.greeting, self.noise, self.stays, self.connections = greeting, noise, stays, 0
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(8)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    @classmethod
    def by_chance(cls, chance):
        return cls(SETTINGS, b"".join(cls.frame(chance) for _ in range(chance.randrange(1, 30))))

    @staticmethod
    def frame(chance):
        kind, flags = chance.randrange(11), chance.choice([0, 1, 4, 5, 8, 0x20, 0xff])
        stream = chance.choice([0, 1, 1, 1, 1, 2, 3, 5, 0x7fffffff])
        size = chance.choice([0, 4, 5, 6, 8, 12, 100])
        body = chance.choice([chance.randbytes(size), b"\x88" + chance.randbytes(size), bytes(size)])
        return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, contextlib.suppress(OSError):
            client.settimeout(5)
            client.sendall(self.greeting)
            client.recv(65536)
            time.sleep(0.02)
            client.sendall(self.noise)
            while self.stays and client.recv(65536):
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class FaultTest(Case):
    def test_answer_during_the_upload(self):
        with Server(self.folder, "early=8/text=too much/delay=1,ok") as server, \
                self.driver(server.url) as driver:
            outcome = driver.request(8 << 20)
            self.expect(outcome, "retry", "RESOURCE_EXHAUSTED: too much")
            self.assertEqual(outcome["delay_ms"], 1000)
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 1])
        self.assertLess(server.requests()[0]["wire_bytes"], 1 << 20)

    def test_reset(self):
        # HTTP/2 error code: verdict, status, name
        names = ["INTERNAL"] * 13
        names[5], names[7], names[8] = "UNKNOWN", "UNAVAILABLE", "CANCELLED"
        names[11], names[12] = "RESOURCE_EXHAUSTED", "PERMISSION_DENIED"
        for code, name in list(enumerate(names)) + [(13, "INTERNAL")]:
            if code in (0, 7):
                continue
            verdict = "retry" if code == 8 else "rejected"
            outcome, server = self.one(f"rst={code}", verdict, f"{name}: ...")
            self.assertIn("the server reset the stream (", outcome["message"])
            self.assertEqual(server.connections(), [1, 1])

    def test_reset_without_error_and_without_status(self):
        self.one("rst=0", "rejected", "UNKNOWN: ...")

    def test_refused_stream_is_sent_again_unseen(self):
        with Server(self.folder, "rst=7,ok") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 1])

    def test_refused_for_ever(self):
        with Server(self.folder, "rst=7") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "retry", "UNAVAILABLE: the server refused the stream")
        self.assertEqual(len(server.requests()), 2)

    def test_goaway(self):
        for verb in ("goaway", "leave"):
            with Server(self.folder, f"{verb},ok") as server, self.driver(server.url) as driver:
                self.expect(driver.request(), "sent")
                self.expect(driver.request(), "sent")
                self.expect(driver.request(), "sent")
            self.assertEqual(server.connections(), [1, 2, 2], verb)

    def test_goaway_lets_streams_finish(self):
        with Server(self.folder, "slow=0.5,leave,ok") as server, self.driver(
                server.url, "signals=2") as driver:
            driver.do("send 0 100 20000")
            driver.do("run 100")
            driver.do("send 1 100 20000")
            driver.do("run 100")
            driver.do("send 1 100 20000")
            for outcome in driver.do("wait"):
                self.expect(outcome, "sent")
        self.assertEqual(server.connections(), [1, 1, 2])
        self.assertEqual(len(driver.outcomes), 3)

    def test_goaway_that_excludes_the_request(self):
        with Server(self.folder, "unprocessed,ok") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 2])
        with Server(self.folder, "unprocessed") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "retry", "UNAVAILABLE: the server refused the stream")
        self.assertEqual(server.connections(), [1, 2])

    def test_idle_close_is_not_noticed(self):
        for pause in ("run 200", "sleep 200"):  # the loop sees the end, or the next request does
            with Server(self.folder, "close,ok") as server, self.driver(server.url) as driver:
                self.expect(driver.request(), "sent")
                driver.do(pause)
                self.expect(driver.request(1 << 20), "sent")
            self.assertEqual(server.connections(), [1, 2], pause)

    def test_connection_lost_before_the_answer(self):
        with Server(self.folder, "cut,ok") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "retry",
                        f"UNAVAILABLE: the connection to {server.url} was lost: "
                        "the server closed it")
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 2])

    def test_server_that_dies(self):
        server = Server(self.folder, "ok")
        with self.driver(server.url) as driver:
            self.expect(driver.request(), "sent")
            server.process.kill()
            server.process.communicate()
            self.expect(driver.request(), "retry", "UNAVAILABLE: could not connect to "
                        f"{server.url}: Connection refused", unreachable=True)

    def test_ping_is_answered(self):
        self.one("ping", "sent")

    def test_endless_replies(self):
        too_large = "the reply is larger than 4 MiB"
        for script in (f"huge={100 << 20}", f"bomb={64 << 20}", f"huge={(4 << 20) + 1}"):
            _, server = self.one(script, "rejected", too_large, within_ms=20000)
            self.assertEqual(server.connections(), [1, 1], script)
            self.assertLess(self.report["rss_kib"], MEMORY_KIB)
        self.one(f"huge={4 << 20}", "sent")  # zeros are no protobuf, but not too many

    def test_floods(self):
        with Server(self.folder, "flood=1000000,ok") as server, self.driver(server.url) as driver:
            outcome = driver.request()
            self.assertIn(outcome["verdict"], ("sent", "retry"), outcome)
            self.assertFalse(outcome["message"].startswith("DEADLINE"), outcome)
            self.expect(driver.request(), "sent")
        self.assertLess(self.report["rss_kib"], MEMORY_KIB)

    def test_server_that_leaves_at_once(self):
        """One connection for a request, not one after the other until its time is over."""
        for greeting, stays in ((SETTINGS + GOAWAY, True), (SETTINGS + GOAWAY, False),
                                (SETTINGS, False), (GOAWAY, True), (b"", False)):
            with NoisyServer(greeting, stays=stays) as leaving, self.driver(leaving.url) as driver:
                for _ in range(3):
                    outcome = driver.request()
                    self.assertEqual(outcome["verdict"], "retry", outcome)
                    self.assertTrue(outcome["message"].startswith("UNAVAILABLE: "), outcome)
                    self.assertLess(outcome["ms"], SLACK_MS)
            self.assertIn(leaving.connections, (3, 4, 5, 6), (greeting, stays))

    def test_noise(self):
        """Frames of any kind with any content: an outcome in time, and the next one is served."""
        chance = random.Random(4317)
        for _ in range(40):
            with NoisyServer.by_chance(chance) as noisy, self.driver(noisy.url) as driver:
                for _ in range(3):
                    self.assertIn(driver.request(1000, 300)["verdict"], ("retry", "rejected", "sent"))
            self.assertLess(self.report["rss_kib"], MEMORY_KIB)

    def test_endless_headers(self):
        too_large = "the reply is larger than 64 KiB of headers"
        for script in (f"headers={300 << 20}", f"trailers={300 << 20}"):
            with Server(self.folder, f"{script},ok") as server, self.driver(server.url) as driver:
                self.assertEqual(driver.request()["verdict"], "rejected")
                self.assertEqual(driver.outcomes[0]["message"], too_large)
                self.expect(driver.request(), "sent")
            self.assertEqual(server.connections(), [1, 2], script)
            self.assertLess(self.report["rss_kib"], MEMORY_KIB)
        with Server(self.folder, "informational=2000,ok") as server, \
                self.driver(server.url) as driver:
            self.expect(driver.request(), "rejected", too_large)
        self.one("informational=3", "sent")

    def test_timeouts(self):
        for script in ("hole", "drip", "slow=5"):
            with Server(self.folder, f"{script},ok") as server, self.driver(server.url) as driver:
                outcome = driver.request(100, 400)
                self.expect(outcome, "retry", "DEADLINE_EXCEEDED: no answer in 400 ms")
                self.assertGreaterEqual(outcome["ms"], 399)
                self.expect(driver.request(), "sent")
                self.assertEqual([n["reset"] for n in server.notes("reset")], [8], script)

    def test_upload_that_gets_stuck(self):
        with Server(self.folder, "hole,ok") as server, self.driver(server.url) as driver:
            self.expect(driver.request(8 << 20, 400), "retry",
                        "DEADLINE_EXCEEDED: no answer in 400 ms")
            self.expect(driver.request(), "sent")

    def test_connection_without_another_end(self):
        """Silence all the time: the next request does not trust the connection."""
        with Server(self.folder, "ok") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "sent")
            server.process.send_signal(signal.SIGSTOP)
            os.waitpid(server.process.pid, os.WUNTRACED)   # until it has stopped
            self.expect(driver.request(100, 300), "retry",
                        "DEADLINE_EXCEEDED: no answer in 300 ms")
            server.process.send_signal(signal.SIGCONT)
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections()[-1], 2)


class ConnectTest(Case):
    def test_refused(self):
        hold, port = closed_port()
        with hold, self.driver(f"http://127.0.0.1:{port}") as driver:
            for _ in range(2):
                self.expect(driver.request(), "retry",
                            f"UNAVAILABLE: could not connect to http://127.0.0.1:{port}: "
                            "Connection refused", unreachable=True)

    def test_black_hole(self):
        """A backlog that is full answers no SYN; a listener that never accepts no preface."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(0)
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            expected = f"DEADLINE_EXCEEDED: no answer in 300 ms: still connecting to {url}"
            with self.driver(url) as driver:
                for _ in range(4):
                    outcome = driver.request(100, 300)
                    self.expect(outcome, "retry", expected, unreachable=True)
                    self.assertGreaterEqual(outcome["ms"], 299)

    def test_name_that_does_not_resolve(self):
        """A label has 63 characters at most, so no name server needs to be asked."""
        host = "a" * 64 + ".test"
        with self.driver(f"http://{host}:4317") as driver:
            for _ in range(2):
                self.expect(driver.request(), "retry", f"UNAVAILABLE: could not resolve {host}: ...",
                            unreachable=True, within_ms=20000)

    def test_localhost_falls_back_to_the_address_that_listens(self):
        """::1 comes first where there is IPv6, and refuses."""
        with Server(self.folder) as server, self.driver(
                f"http://localhost:{server.port}") as driver:
            self.expect(driver.request(), "sent")
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 1])

    def preload(self, name):
        return {"LD_PRELOAD": ":".join(filter(None, [os.environ.get("RK_SANITIZER_PRELOAD"),
                                                     os.environ[name]]))}

    def test_next_address_when_one_refuses(self):
        with Server(self.folder) as server, self.driver(
                f"http://collector:{server.port}",
                environment=self.preload("RK_TWO_ADDRESSES")) as driver:
            self.expect(driver.request(), "sent")
        hold, port = closed_port()
        with hold, self.driver(f"http://collector:{port}",
                               environment=self.preload("RK_TWO_ADDRESSES")) as driver:
            self.expect(driver.request(), "retry", "UNAVAILABLE: could not connect to "
                        f"http://collector:{port}: Connection refused", unreachable=True)

    def test_next_address_when_one_is_silent(self):
        with Server(self.folder) as server, socket.socket() as silent, \
                contextlib.ExitStack() as fillers:
            silent.bind(("127.0.0.2", server.port))
            silent.listen(0)
            for _ in range(4):  # a backlog that is full answers no SYN
                filler = fillers.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.2", server.port))
            with self.driver(f"http://collector:{server.port}",
                             environment=self.preload("RK_TWO_ADDRESSES")) as driver:
                outcome = driver.request(100, 20000)
                self.expect(outcome, "sent", within_ms=2000 + SLACK_MS)
                self.assertGreaterEqual(outcome["ms"], 1900)

    def test_ipv6(self):
        with self.driver("http://[::1]:1") as driver:
            self.expect(driver.request(), "retry",
                        "UNAVAILABLE: could not connect to http://[::1]:1: ...", unreachable=True)

    def test_resolver_that_hangs(self):
        """A request ends in time, the next one joins the look-up, and nobody waits for it."""
        before = time.monotonic()
        with self.driver("http://collector:4317",
                         environment=self.preload("RK_SLOW_RESOLVER")) as driver:
            for _ in range(3):
                self.expect(driver.request(100, 200), "retry",
                            "DEADLINE_EXCEEDED: no answer in 200 ms: still looking up the name in "
                            "http://collector:4317", unreachable=True)
            threads = len(os.listdir(f"/proc/{driver.process.pid}/task"))
            self.assertLessEqual(threads, 3)  # with the sanitizer's own
        self.assertLess(self.report["close_ms"], 1000)
        self.assertLess(time.monotonic() - before, 25)  # it sleeps for 30

    def test_wrong_protocol(self):
        with Server(self.folder, "ok", "--http1") as server, self.driver(server.url) as driver:
            self.expect(driver.request(), "retry",
                        f"UNAVAILABLE: {server.url} does not speak HTTP/2 (...", unreachable=True)


class Proxy:
    """An HTTP proxy that knows CONNECT only."""

    def __init__(self, answer=b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"):
        self.answer, self.heads = answer, []
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(8)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            part = client.recv(4096)
            if not part:
                return
            head += part
        self.heads.append(head.decode())
        if b" 200 " not in self.answer:
            client.sendall(self.answer)
            client.close()
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        port = {"collector.example": self.target}.get(host, int(port))
        server = socket.create_connection(("127.0.0.1", port))
        # One byte at a time, then all that follows at once: the head has an exact end.
        for i in range(len(self.answer) - 1):
            client.sendall(self.answer[i:i + 1])
        time.sleep(0.05)
        client.sendall(self.answer[-1:] + server.recv(65536))
        for a, b in ((client, server), (server, client)):
            threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class ProxyTest(Case):
    def test_connect(self):
        with Server(self.folder) as server, Proxy() as proxy:
            proxy.target = server.port
            with self.driver("http://collector.example:4317", "no_proxy=other.example,.test",
                             f"proxy=http://me:p%40ss@127.0.0.1:{proxy.port}/") as driver:
                self.expect(driver.request(), "sent")
                self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 1])
        self.assertEqual(len(proxy.heads), 1)
        lines = proxy.heads[0].split("\r\n")
        self.assertEqual(lines[0], "CONNECT collector.example:4317 HTTP/1.1")
        self.assertIn("Host: collector.example:4317", lines)
        self.assertIn("Proxy-Authorization: Basic " + base64.b64encode(b"me:p@ss").decode(), lines)
        self.assertEqual(server.requests()[0]["headers"][":authority"], "collector.example:4317")

    def test_refusal(self):
        for answer, text in ((b"HTTP/1.1 407 Who are you\r\n\r\n", "HTTP/1.1 407 Who are you "
                              "(it wants a user and a password)"),
                             (b"HTTP/1.0 403 No\r\nA: b\r\n\r\n", "HTTP/1.0 403 No"),
                             (b"gibberish\x1b\r\n\r\n", "gibberish?")):
            with Proxy(answer) as proxy, self.driver(
                    "http://collector.example:4317", f"proxy=127.0.0.1:{proxy.port}") as driver:
                self.expect(driver.request(), "retry",
                            f"UNAVAILABLE: the proxy 127.0.0.1:{proxy.port} refused to connect to "
                            f"http://collector.example:4317: {text}", unreachable=True)

    def test_no_proxy(self):
        hold, port = closed_port()
        direct = ("127.0.0.1", "*", "x,127.0.0.1", "x, [::1] 127.0.0.1")
        with hold, Server(self.folder) as server:
            for value in direct + ("0.0.1", "127.0.0.1.x", ""):
                with self.driver(server.url, f"proxy=http://127.0.0.1:{port}",
                                 f"no_proxy={value}") as driver:
                    outcome = driver.request()
                self.expect(outcome, "sent" if value in direct else "retry",
                            "" if value in direct else "UNAVAILABLE: could not connect to the "
                            f"proxy 127.0.0.1:{port}: Connection refused",
                            unreachable=value not in direct)

    def test_no_proxy_for_a_domain(self):
        hold, port = closed_port()
        with hold, Server(self.folder) as server:
            for value, is_direct in (("localhost", True), (".localhost", True), ("LOCALHOST.", True),
                                     ("ocalhost", False), ("x.localhost", False)):
                with self.driver(f"http://localhost:{server.port}", f"no_proxy={value}",
                                 f"proxy=http://127.0.0.1:{port}") as driver:
                    outcome = driver.request()
                self.assertEqual(outcome["verdict"], "sent" if is_direct else "retry", value)

    def test_proxy_that_cannot_be_used(self):
        driver = Driver("http://c:4317", "proxy=socks5://u:secret@127.0.0.1:1")
        self.assertEqual(driver.line()["open"], -22)
        _, log = driver.process.communicate(timeout=RESPONSE_S)
        self.assertIn(b"its proxy is not an http:// URL", log)
        self.assertNotIn(b"secret", log)


def run(*command, **more):
    subprocess.run([str(c) for c in command], check=True, capture_output=True, **more)


class Certificates:
    """Made by openssl in a temporary folder, once."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-grpc-tls-"))
        self.authority("ca")
        self.authority("other")
        self.leaf("good", "ca", "IP:127.0.0.1,DNS:localhost")
        self.leaf("wrong", "ca", "DNS:elsewhere.example")
        self.leaf("client", "ca", "DNS:client")
        self.leaf("expired", "ca", "IP:127.0.0.1", "20200101000000Z", "20200201000000Z")

    def __getitem__(self, name):
        return str(self.folder / name)

    def authority(self, name):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", self[f"{name}.key"], "-out", self[f"{name}.pem"], "-days", "2",
            "-subj", f"/CN={name}")

    def leaf(self, name, authority, names, start=None, end=None):
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self[f"{name}.key"], "-out", self[f"{name}.csr"], "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n",
                              encoding="utf-8")
        if not start:
            run("openssl", "x509", "-req", "-in", self[f"{name}.csr"], "-CA",
                self[f"{authority}.pem"], "-CAkey", self[f"{authority}.key"], "-CAcreateserial",
                "-days", "2", "-extfile", extensions, "-out", self[f"{name}.pem"])
            return
        # Only "ca" makes certificates of the past.
        config = self.folder / "ca.cnf"
        (self.folder / "index.txt").write_text("", encoding="utf-8")
        config.write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\n"
                          "new_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n",
                          encoding="utf-8")
        run("openssl", "ca", "-config", config, "-batch", "-create_serial", "-notext", "-startdate",
            start, "-enddate", end, "-in", self[f"{name}.csr"], "-cert", self[f"{authority}.pem"],
            "-keyfile", self[f"{authority}.key"], "-extfile", extensions, "-out",
            self[f"{name}.pem"], cwd=self.folder)


class TlsTest(Case):
    @classmethod
    def setUpClass(cls):
        cls.files = Certificates()
        cls.addClassCleanup(shutil.rmtree, cls.files.folder)

    def server(self, name, *options):
        return Server(self.folder, "ok", "--certificate", self.files[f"{name}.pem"],
                      "--key", self.files[f"{name}.key"], *options, scheme="https")

    def one_request(self, server, *options):
        with self.driver(server.url, *options) as driver:
            return driver.request()

    def test_good(self):
        ca = f"ca={self.files['ca.pem']}"
        with self.server("good") as server:
            for url in (server.url, f"https://localhost:{server.port}", f"localhost:{server.port}"):
                with self.driver(url, ca) as driver:
                    self.expect(driver.request(4 << 20), "sent")
                    self.expect(driver.request(100, how="gzip"), "sent")
            server.wait_for("goaway", 3)
        self.assertEqual(server.connections(), [1, 1, 2, 2, 3, 3])
        self.assertEqual([n["goaway"] for n in server.notes("goaway")], [0, 0, 0])

    def test_large_reply(self):
        with Server(self.folder, f"huge={100 << 20},ok", "--certificate", self.files["good.pem"],
                    "--key", self.files["good.key"], scheme="https") as server, \
                self.driver(server.url, f"ca={self.files['ca.pem']}") as driver:
            self.expect(driver.request(), "rejected", "the reply is larger than 4 MiB",
                        within_ms=20000)
            self.expect(driver.request(), "sent")
        self.assertEqual(server.connections(), [1, 1])
        self.assertLess(self.report["rss_kib"], MEMORY_KIB)

    def test_certificates_that_are_wrong(self):
        other = self.files["other.pem"]
        for name, ca, text in (
                ("expired", "ca", "its certificate is not valid: certificate has expired"),
                ("wrong", "ca", "its certificate is not for 127.0.0.1 (IP address mismatch)"),
                ("good", "other", "its certificate is of an unknown authority "
                 f"(unable to get local issuer certificate; trusted: {other})")):
            with self.server(name) as server:
                outcome = self.one_request(server, f"ca={self.files[ca + '.pem']}")
                self.expect(outcome, "retry", f"UNAVAILABLE: TLS to {server.url}: {text}",
                            unreachable=True)
            self.assertEqual(server.requests(), [])

    def test_host_name_mismatch(self):
        with self.server("wrong") as server, self.driver(
                f"https://localhost:{server.port}", f"ca={self.files['ca.pem']}") as driver:
            self.expect(driver.request(), "retry",
                        f"UNAVAILABLE: TLS to https://localhost:{server.port}: its certificate is "
                        "not for localhost (hostname mismatch)", unreachable=True)

    def test_system_authorities_do_not_know_it(self):
        with self.server("good") as server:
            outcome = self.one_request(server)
        self.expect(outcome, "retry", f"UNAVAILABLE: TLS to {server.url}: its certificate is of an "
                    "unknown authority (...", unreachable=True)
        self.assertIn("the system's authorities", outcome["message"])

    def test_mutual(self):
        ca = f"ca={self.files['ca.pem']}"
        ours = (f"certificate={self.files['client.pem']}", f"key={self.files['client.key']}")
        with self.server("good", "--client-authority", self.files["ca.pem"]) as server:
            self.expect(self.one_request(server, ca, *ours), "sent")
            self.expect(self.one_request(server, ca), "retry",
                        f"UNAVAILABLE: TLS to {server.url}: it wants a client certificate",
                        unreachable=True)

    def test_no_alpn(self):
        for protocol in ("", "http/1.1"):
            with self.server("good", "--alpn", protocol) as server:
                outcome = self.one_request(server, f"ca={self.files['ca.pem']}")
            self.assertEqual((outcome["verdict"], outcome["unreachable"]), ("retry", True))
            self.assertRegex(outcome["message"], r"ALPN h2|no application protocol")

    def test_no_tls_there(self):
        hold = socket.socket()
        hold.bind(("127.0.0.1", 0))
        hold.listen(1)
        port = hold.getsockname()[1]

        def answer():
            client, _ = hold.accept()
            client.recv(4096)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            client.close()
        threading.Thread(target=answer, daemon=True).start()
        with hold, self.driver(f"https://127.0.0.1:{port}") as driver:
            self.expect(driver.request(), "retry", f"UNAVAILABLE: TLS to https://127.0.0.1:{port}: "
                        "it does not speak TLS", unreachable=True)

    def test_files_that_cannot_be_used(self):
        encrypted = self.files["encrypted.key"]
        run("openssl", "pkey", "-in", self.files["client.key"], "-aes256", "-passout", "pass:x",
            "-out", encrypted)
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        certificate = f"certificate={self.files['client.pem']}"
        for options, text in (
                (["ca=/nonexistent"], "could not read /nonexistent: No such file or directory"),
                ([f"ca={self.files['ca.key']}"], "ca.key: it holds no certificate (PEM)"),
                ([f"ca={fifo}"], "it holds no certificate"),
                ([certificate], "a client certificate needs a key, and a key a certificate"),
                ([certificate, f"key={self.files['good.key']}"], "good.key: it is not the key of"),
                ([certificate, f"key={encrypted}"], "no private key without a pass phrase")):
            driver = Driver("https://127.0.0.1:1", *options)
            self.assertEqual(driver.line()["open"], -22, options)
            _, log = driver.process.communicate(timeout=RESPONSE_S)
            self.assertIn(text, log.decode())

    def test_certificate_that_is_replaced(self):
        """What is there when the connection is made counts."""
        path = self.folder / "ca.pem"
        shutil.copy(self.files["other.pem"], path)
        with self.server("good") as server, self.driver(server.url, f"ca={path}") as driver:
            self.assertIn("unknown authority", driver.request()["message"])
            shutil.copy(self.files["ca.pem"], path)
            self.expect(driver.request(), "sent")

    def test_through_a_proxy(self):
        with self.server("good") as server, Proxy() as proxy:
            # A server that speaks first does not exist in TLS: the proxy must not wait for one.
            proxy.serve = lambda client: tunnel(client, proxy, server.port)
            with self.driver(f"https://localhost:{server.port}", f"ca={self.files['ca.pem']}",
                             f"proxy=http://127.0.0.1:{proxy.port}") as driver:
                self.expect(driver.request(1 << 20), "sent")
        self.assertEqual(len(proxy.heads), 1)


def tunnel(client, proxy, port):
    proxy.heads.append(client.recv(4096).decode())
    server = socket.create_connection(("127.0.0.1", port))
    client.sendall(proxy.answer)
    for a, b in ((client, server), (server, client)):
        threading.Thread(target=proxy.pump, args=(a, b), daemon=True).start()


if __name__ == "__main__":
    test_classes.main()
