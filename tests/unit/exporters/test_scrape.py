#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scrape server against clients that are slow, many, wrong or not allowed.

Environment: RK_SCRAPE_DRIVER, RK_NET_LIBRARY (what meson built), PYTHONPATH (prometheus-client).
"""
import base64
import concurrent.futures
import contextlib
import fcntl
import gzip
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "receivers"))
import test_classes  # noqa: E402

PROTOBUF = ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited")
PROMETHEUS_2 = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
                "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
PROMETHEUS_3 = ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                "application/openmetrics-text;version=0.0.1;q=0.5,"
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
PATIENCE_S = 10


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, timeout_s=PATIENCE_S):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("this did not come true in time")


class Server:
    """scrape_driver for the length of a with block."""

    def __init__(self, folder, *options, **variables):
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("RUSTKERNEL_", "OTEL_", "RANK"))}
        env = {**keep, "XDG_RUNTIME_DIR": str(runtime), "RUSTKERNEL_LOG_LEVEL": "info",
               "RUSTKERNEL_METRICS_PORT": str(free_port()), **variables}
        env = {k: v for k, v in env.items() if v is not None}
        self.list = runtime / "rkpreload" / "prometheus_sd.json"
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [os.environ["RK_SCRAPE_DRIVER"], os.environ["RK_NET_LIBRARY"], *options], text=True,
            env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors)
        self.port = json.loads(self.process.stdout.readline()).get("port")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        out, _ = self.process.communicate(timeout=20)
        self.errors.seek(0)
        self.log = self.errors.read()
        self.errors.close()
        if self.process.returncode:
            raise AssertionError(f"status {self.process.returncode}: {self.log}")
        self.stats = json.loads(out)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.errors.close()

    def connect(self, timeout=PATIENCE_S):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def get(self, path="/metrics", method="GET", body=None, host="127.0.0.1", **headers):
        connection = http.client.HTTPConnection(host, self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, {
                k.replace("_", "-"): v for k, v in headers.items()})
            reply = connection.getresponse()
            return reply.status, dict(reply.headers), reply.read()

    def targets(self):
        """{host:port: labels} of the list; it can be read at any time."""
        try:
            text = self.list.read_text(encoding="utf-8")
        except FileNotFoundError:
            return {}
        return {t["targets"][0]: t["labels"] for t in json.loads(text)}


def read_reply(sock):
    """One reply off a connection that may carry several. Return: head, body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        more = sock.recv(1)
        if not more:
            return head, b""
        head += more
    left = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    body = b""
    while len(body) < left:
        body += sock.recv(left - len(body))
    return head, body


def is_closed(sock):
    """Whether the server has ended this connection; waits for it."""
    try:
        while sock.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def resident_bytes(pid):
    pages = pathlib.Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-scrape-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def server(self, *options, **variables):
        return Server(self.folder, *options, **variables)

    def warnings(self, server):
        return [line for line in server.log.splitlines() if line.startswith("warning: ")]


class Formats(Case):
    def test_real_registry_by_strict_parsers(self):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as om
        from prometheus_client.parser import text_string_to_metric_families as text
        with self.server("kernels=30", "runs=40",
                         RUSTKERNEL_METRICS_EXEMPLARS="always_on") as server:
            _, headers, plain = server.get()
            self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            self.assertEqual(headers["Vary"], "Accept, Accept-Encoding")
            for accept, escaping in ((PROMETHEUS_2, ""),
                                     (PROMETHEUS_3, "; escaping=allow-utf-8")):
                _, headers, body = server.get(Accept=accept)
                self.assertEqual(headers["Content-Type"], "application/openmetrics-text; "
                                 "version=1.0.0; charset=utf-8" + escaping)
        for families in (list(om(body.decode())), list(text(plain.decode()))):
            samples = [s for family in families for s in family.samples]
            for name in ("rustkernel_executions_total",
                         "rustkernel_execution_duration_seconds_count"):
                self.assertEqual(sum(s.value for s in samples if s.name == name), 30 * 40, name)
        exemplars = [s.exemplar for family in om(body.decode()) for s in family.samples
                     if s.exemplar]
        self.assertGreater(len(exemplars), 30)
        for exemplar in exemplars:
            self.assertRegex(exemplar.labels["trace_id"], "^[0-9a-f]{32}$")
            self.assertRegex(exemplar.labels["span_id"], "^[0-9a-f]{16}$")
        self.assertNotIn(b"trace_id", plain)

    def test_protobuf_is_offered_and_whole(self):
        with self.server("kernels=30", "runs=40") as server:
            status, headers, body = server.get(Accept=PROTOBUF + "," + PROMETHEUS_2 + ";q=0.9")
            self.assertEqual((status, headers["Content-Type"].replace("; ", ";")),
                             (200, PROTOBUF))
            _, headers, packed = server.get(Accept=PROTOBUF, Accept_Encoding="gzip")
            self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertEqual(gzip.decompress(packed), body)
        at, names = 0, []
        while at < len(body):  # messages with their lengths before them, to the last byte
            length = shift = 0
            while True:
                length |= (body[at] & 127) << shift
                shift += 7
                at += 1
                if body[at - 1] < 128:
                    break
            self.assertEqual(body[at], 0x0a)  # field 1: the name
            names.append(body[at + 2:at + 2 + body[at + 1]])
            at += length
        self.assertEqual(at, len(body))
        self.assertEqual(names.count(b"rustkernel_executions_total"), 1)

    def test_headers_in_several_lines_are_one_list(self):
        with self.server() as server, server.connect() as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain;q=0.5\r\n"
                         b"Accept: application/openmetrics-text\r\nAccept-Encoding: br\r\n"
                         b"Accept-Encoding: gzip\r\n\r\n")
            head, body = read_reply(sock)
        self.assertIn(b"application/openmetrics-text", head)
        self.assertTrue(gzip.decompress(body).endswith(b"# EOF\n"))

    def test_gzip_only_where_it_is_allowed(self):
        with self.server() as server:
            plain = server.get()[2]
            for no in ("gzip;q=0", "identity", "br", "*;q=0", "gzip;q=0.1, identity"):
                _, headers, body = server.get(Accept_Encoding=no)
                self.assertEqual((headers.get("Content-Encoding"), body), (None, plain), no)
            for yes in ("gzip", "*", "gzip;q=0.5, identity;q=0.4"):
                _, headers, body = server.get(Accept_Encoding=yes)
                self.assertEqual((headers["Content-Encoding"], gzip.decompress(body)),
                                 ("gzip", plain), yes)

    def test_nothing_of_the_request_is_echoed(self):
        with self.server() as server:
            for accept in ("application/openmetrics-text;version=1.0.0;escaping=evil",
                           "evil/evil;version=evil", "application/openmetrics-text;evil=evil"):
                status, headers, body = server.get(Accept=accept)
                self.assertEqual(status, 200)
                self.assertNotIn("evil", str(headers))
            status, headers, body = server.get("/evil?evil")
            self.assertEqual((status, b"evil" in body), (404, False))


class Requests(Case):
    def test_methods_paths_and_head(self):
        with self.server(RUSTKERNEL_METRICS_ENDPOINT="/own/path") as server:
            _, get_headers, body = server.get("/own/path")
            status, headers, nothing = server.get("/own/path", "HEAD")
            self.assertEqual((status, nothing), (200, b""))
            self.assertEqual(headers["Content-Length"], str(len(body)))
            self.assertEqual(headers["Content-Type"], get_headers["Content-Type"])
            for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
                status, headers, _ = server.get("/own/path", method)
                self.assertEqual((status, headers.get("Allow")), (405, "GET, HEAD"), method)
            for path in ("/metrics", "/", "/own/path/", "/own", "//own/path", "/health",
                         "/health/", "/health/other", "/health/live/"):
                self.assertEqual(server.get(path)[0], 404, path)
            self.assertEqual(server.get("/own/path?name=x")[0], 200)

    def test_keep_alive_pipelined_and_with_a_body(self):
        one = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        with self.server() as server, server.connect() as sock:
            sock.sendall(one * 20)
            bodies = {read_reply(sock)[1] for _ in range(20)}
            self.assertEqual(len(bodies), 1)
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde")
            self.assertTrue(read_reply(sock)[1].startswith(b"# HELP"))
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(read_reply(sock)[1].startswith(b"# HELP"))
            self.assertTrue(is_closed(sock))
        self.assertEqual(server.stats["scrapes"], 22)

    def test_large_heads_and_rubbish_are_refused(self):
        with self.server() as server:
            for request, statuses in (
                    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
                     (b"431", b"413", b"")),
                    (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (b"414", b"")),
                    (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                     (b"431", b"413", b"")),
                    (b"GET /metrics HTTP/1.1\r\n\r\n", (b"400",)),
                    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n\r\n",
                     (b"400", b"505", b"404", b"405", b""))):
                with server.connect() as sock:
                    head = b""
                    with contextlib.suppress(ConnectionError):
                        sock.sendall(request)
                    with contextlib.suppress(ConnectionError):
                        head = sock.recv(4096)
                    self.assertIn(head[9:12], statuses, request[:40])
            self.assertEqual(server.get()[0], 200)

    def test_health_says_what_the_host_says(self):
        with self.server() as server:
            for probe, expected in (("live", 200), ("ready", 503), ("startup", 200)):
                status, headers, body = server.get(f"/health/{probe}")
                self.assertEqual((status, json.loads(body)), (expected, {"probe": probe}))
                self.assertEqual(headers["Content-Type"], "application/json")
                self.assertEqual(headers["Cache-Control"], "no-store")
                head = server.get(f"/health/{probe}", "HEAD")
                self.assertEqual((head[0], head[2]), (expected, b""))
                self.assertEqual(server.get(f"/health/{probe}", "POST")[0], 405)


class Slow(Case):
    """Nobody who is slow, silent or many keeps a scraper out."""

    def test_many_idle_and_half_open_connections(self):
        with self.server() as server, contextlib.ExitStack() as stack:
            held = []
            for i in range(200):
                sock = stack.enter_context(server.connect())
                if i % 2:
                    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
                held.append(sock)
            self.assertEqual(server.get()[0], 200)
            # The oldest made room; the number is bounded.
            held[0].settimeout(2)
            self.assertTrue(is_closed(held[0]))
            self.assertLess(len(os.listdir(f"/proc/{server.process.pid}/fd")), 120)
            self.assertEqual(server.get()[0], 200)

    def test_readers_that_do_not_read(self):
        with self.server("kernels=2000", "runs=2", RUSTKERNEL_METRICS_TOP_K="2000") as server:
            size = len(server.get()[2])
            self.assertGreater(size, 5_000_000)
            before = resident_bytes(server.process.pid)
            with contextlib.ExitStack() as stack:
                for _ in range(100):
                    sock = stack.enter_context(socket.socket())
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    sock.connect(("127.0.0.1", server.port))
                    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                    time.sleep(0.01)
                # What they hold is bounded, and who asks properly is answered.
                used = resident_bytes(server.process.pid) - before
                self.assertLess(used, (64 << 20) + 8 * size)
                wait_until(lambda: server.get()[0] == 200)

    def test_concurrent_scrapes_share_a_rendering(self):
        with self.server("kernels=200") as server:
            with concurrent.futures.ThreadPoolExecutor(40) as pool:
                replies = list(pool.map(lambda _: server.get(Accept_Encoding="gzip"), range(400)))
        self.assertEqual({r[0] for r in replies}, {200})
        self.assertEqual(len({gzip.decompress(r[2]) for r in replies}), 1)
        self.assertEqual(server.stats["scrapes"], 400)


class Guards(Case):
    def secret(self, text, mode=0o600):
        path = self.folder / "secret"
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return str(path)

    def basic(self, text):
        return "Basic " + base64.b64encode(text.encode()).decode()

    def test_basic_auth(self):
        path = self.secret("user:p\u00e4ss:word\n")
        with self.server(RUSTKERNEL_METRICS_BASIC_AUTH_FILE=path) as server:
            status, headers, body = server.get()
            self.assertEqual(status, 401)
            self.assertEqual(headers["WWW-Authenticate"],
                             'Basic realm="rkpreload", charset="UTF-8"')
            self.assertNotIn(b"rustkernel", body)
            for wrong in ("user:", "user:p\u00e4ss:wor", "user:p\u00e4ss:words", "", ":",
                          "x" * 3000):
                self.assertEqual(server.get(Authorization=self.basic(wrong))[0], 401, wrong)
            for wrong in ("Basic", "Basic ", "Bearer x", "", "basic" + "=" * 8000):
                self.assertEqual(server.get(Authorization=wrong)[0], 401, wrong[:20])
            right = self.basic("user:p\u00e4ss:word")
            self.assertEqual(server.get(Authorization=right)[0], 200)
            self.assertEqual(server.get(Authorization=right.replace("Basic", "bAsIc"))[0], 200)
            self.assertEqual(server.get(method="HEAD")[0], 401)
            for probe in ("live", "startup"):
                self.assertEqual(server.get(f"/health/{probe}")[0], 200)
        self.assertEqual(self.warnings(server), [])

    def test_bearer_token(self):
        path = self.secret("t0ken\n", 0o400)
        with self.server(RUSTKERNEL_METRICS_BEARER_TOKEN_FILE=path) as server:
            status, headers, _ = server.get(Authorization="Bearer t0ke")
            self.assertEqual((status, headers["WWW-Authenticate"]),
                             (401, 'Bearer realm="rkpreload"'))
            self.assertEqual(server.get(Authorization="Bearer t0ken")[0], 200)

    def test_an_unusable_file_keeps_the_server_closed(self):
        for text, mode in (("user:word", 0o644), ("user:word", 0o640), ("word", 0o600),
                           ("", 0o600), ("user:word\nmore", 0o600), ("u:" + "x" * 600, 0o600)):
            with self.subTest(text=text[:10], mode=mode):
                self.check_closed(self.secret(text, mode))
        self.check_closed(str(self.folder / "missing"))
        self.check_closed(str(self.folder))
        os.mkfifo(self.folder / "pipe", 0o600)
        self.check_closed(str(self.folder / "pipe"))

    def check_closed(self, path):
        port = free_port()
        with self.server(RUSTKERNEL_METRICS_BASIC_AUTH_FILE=path,
                         RUSTKERNEL_METRICS_PORT=str(port)) as server:
            self.assertEqual(server.port, 0)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1)
        self.assertEqual(len(self.warnings(server)), 1, server.log)
        self.assertIn(path, server.log)

    def test_the_file_is_read_again(self):
        path = self.secret("user:one")
        one, two = self.basic("user:one"), self.basic("user:two")
        with self.server(RUSTKERNEL_METRICS_BASIC_AUTH_FILE=path) as server:
            self.assertEqual(server.get(Authorization=one)[0], 200)
            self.secret("user:two")
            self.assertEqual(server.get(Authorization=one)[0], 401)
            self.assertEqual(server.get(Authorization=two)[0], 200)
            os.chmod(path, 0o644)
            for _ in range(5):
                self.assertEqual(server.get(Authorization=two)[0], 401)
            os.chmod(path, 0o600)
            self.assertEqual(server.get(Authorization=two)[0], 200)
            os.unlink(path)
            self.assertEqual(server.get(Authorization=two)[0], 401)
            self.assertEqual(server.get("/health/live")[0], 200)
        self.assertEqual(len(self.warnings(server)), 2, server.log)
        self.assertNotIn("two", server.log)


class Addresses(Case):
    def test_every_kind(self):
        for address, hosts in (("127.0.0.1", ["127.0.0.1"]), ("localhost", ["127.0.0.1"]),
                               ("0.0.0.0", ["127.0.0.1"]), ("::1", ["::1"]), ("[::1]", ["::1"]),
                               ("::", ["::1", "127.0.0.1"])):
            if ":" in address and not has_ipv6():
                continue
            with self.subTest(address):
                with self.server(RUSTKERNEL_METRICS_ADDRESS=address) as server:
                    for host in hosts:
                        self.assertEqual(server.get(host=host)[0], 200)
                    expected = "[::1]" if ":" in address else "127.0.0.1"
                    self.assertEqual(list(server.targets()), [f"{expected}:{server.port}"])
                shown = f"[{address}]" if address in ("::", "::1") else address
                self.assertIn(f"info: scrape: listening on http://{shown}:{server.port}/metrics",
                              server.log)

    def test_a_bad_one_is_named(self):
        for address in ("example.org", "256.0.0.1", "127.0.0.1:80", "x"):
            with self.subTest(address):
                with self.server(RUSTKERNEL_METRICS_ADDRESS=address) as server:
                    self.assertEqual(server.port, 0)
                self.assertEqual(len(self.warnings(server)), 1, server.log)
                self.assertIn(address, server.log)

    def test_the_next_free_port(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with self.server(RUSTKERNEL_METRICS_PORT=str(port)) as server:
                self.assertGreater(server.port, port)
                self.assertLess(server.port, port + 100)
                self.assertEqual(server.get()[0], 200)
        self.assertIn(f"warning: scrape: port {port} is taken; scrape on port {server.port}",
                      server.log)

    def test_descriptors_are_not_inherited(self):
        with self.server(RUSTKERNEL_METRICS_UNIX_SOCKET=str(self.folder / "s")) as server:
            process = pathlib.Path(f"/proc/{server.process.pid}")
            with server.connect() as sock:
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                read_reply(sock)
                fds = [fd for fd in (process / "fd").iterdir() if int(fd.name) > 2]
                self.assertGreater(len(fds), 5)
                for fd in fds:
                    info = (process / "fdinfo" / fd.name).read_text(encoding="utf-8")
                    flags = int(re.search(r"flags:\s*(\d+)", info).group(1), 8)
                    self.assertTrue(flags & os.O_CLOEXEC, os.readlink(fd))


class UnixSocket(Case):
    def fetch(self, path):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE_S)
            sock.connect(str(path))
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            return read_reply(sock)

    def check_answers(self, path):
        self.assertTrue(self.fetch(path)[0].startswith(b"HTTP/1.1 200"))

    def test_beside_the_port(self):
        with self.server(RUSTKERNEL_METRICS_UNIX_SOCKET="%p.100%%.sock") as server:
            path = self.folder / f"{server.process.pid}.100%.sock"
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            head, body = self.fetch(path)
            self.assertTrue(head.startswith(b"HTTP/1.1 200"))
            self.assertEqual(server.get()[2], body)
        self.assertFalse(path.exists())

    def test_alone(self):
        path = self.folder / "s"
        with self.server(RUSTKERNEL_METRICS_PORT=None,
                         RUSTKERNEL_METRICS_UNIX_SOCKET=str(path)) as server:
            self.assertEqual(server.port, 0)
            self.check_answers(path)
            self.assertFalse(server.list.exists())

    def test_what_a_dead_process_left_is_replaced(self):
        path = self.folder / "s"
        dead = self.server(RUSTKERNEL_METRICS_UNIX_SOCKET=str(path))
        dead.kill()
        self.assertTrue(path.exists())
        with self.server(RUSTKERNEL_METRICS_UNIX_SOCKET=str(path)):
            self.check_answers(path)
        self.assertFalse(path.exists())

    def test_what_is_not_ours_stays(self):
        path = self.folder / "s"
        path.write_text("precious", encoding="utf-8")
        self.check_left_alone(path)
        self.assertEqual(path.read_text(encoding="utf-8"), "precious")
        path.unlink()
        path.symlink_to("nowhere")
        self.check_left_alone(path)
        self.assertTrue(path.is_symlink())
        path.unlink()
        with self.server(RUSTKERNEL_METRICS_UNIX_SOCKET=str(path)) as first:
            self.check_left_alone(path)
            self.check_answers(path)
            os.rename(path, self.folder / "moved")
            path.write_text("new", encoding="utf-8")
        self.assertEqual(path.read_text(encoding="utf-8"), "new")
        self.assertEqual(self.warnings(first), [])

    def check_left_alone(self, path):
        with self.server(RUSTKERNEL_METRICS_UNIX_SOCKET=str(path)) as server:
            self.assertEqual(server.get()[0], 200)  # the port works all the same
        self.assertEqual(len(self.warnings(server)), 1, server.log)

    def test_impossible_paths_are_named(self):
        for path in ("/" + "x" * 200, str(self.folder / "no" / "such" / "folder")):
            self.check_left_alone(path)


class Registry(Case):
    def test_eight_processes_and_a_killed_one(self):
        port = free_port()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            servers = list(pool.map(lambda rank: self.server(
                RUSTKERNEL_METRICS_PORT=str(port), RANK=str(rank),
                OTEL_SERVICE_NAME='a "b" \u00e4'), range(8)))
        try:
            self.check_all_listed(servers)
            servers.pop(3).kill()
            servers.pop(5).end()  # a clean one removes itself, and the dead one with it
            self.assertEqual(set(servers[0].targets()),
                             {f"127.0.0.1:{s.port}" for s in servers})
        finally:
            for server in servers:
                server.end()
        folder = servers[0].list.parent
        self.assertEqual([p.name for p in folder.iterdir()], ["prometheus_sd.json"])
        self.assertEqual(servers[0].targets(), {})
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)

    def check_all_listed(self, servers):
        found = wait_until(lambda: len(servers[0].targets()) == 8 and servers[0].targets())
        for rank, server in enumerate(servers):
            self.assertEqual(found[f"127.0.0.1:{server.port}"], {
                "__metrics_path__": "/metrics",
                "__meta_rkpreload_pid": str(server.process.pid), "exe": "scrape_driver",
                "service_name": 'a "b" \u00e4', "rank": str(rank)})
        who = [json.loads(entry.read_text(encoding="utf-8").splitlines()[0])
               for entry in servers[0].list.parent.glob("*.port")]
        self.assertEqual({w["pid"]: w["port"] for w in who},
                         {s.process.pid: s.port for s in servers})
        self.assertEqual(len({w["port"] for w in who}), 8)

    def test_off(self):
        with self.server(RUSTKERNEL_METRICS_SERVICE_DISCOVERY="false") as server:
            self.assertEqual(server.get()[0], 200)
            self.assertFalse(server.list.parent.exists())

    def own_folder(self, mode=0o700):
        folder = self.folder / "runtime" / "rkpreload"
        folder.mkdir(parents=True)
        folder.parent.chmod(0o700)
        folder.chmod(mode)
        return folder

    def test_a_list_that_cannot_be_written_costs_one_line(self):
        (self.own_folder() / "prometheus_sd.json").mkdir()
        with self.server() as server:
            self.assertEqual(server.get()[0], 200)
        self.assertEqual(len(self.warnings(server)), 1, server.log)
        self.assertIn("could not write to", server.log)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("unshare"), "takes root to mount")
    def test_full_and_read_only_folders_cost_one_line(self):
        for number, options in enumerate(("size=4k", "nr_inodes=3", "ro")):
            with self.subTest(options):
                self.check_mounted(self.folder / f"mount{number}", options)

    def check_mounted(self, mount, options):
        mount.mkdir(mode=0o700)
        first = options.replace("ro", "rw")
        script = (f"mount -t tmpfs -o mode=0700,{first} none {mount} && "
                  f"mkdir -m 700 {mount}/rkpreload && "
                  f"mount -o remount,{options} {mount} && exec \"$@\"")
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script, "sh", os.environ["RK_SCRAPE_DRIVER"],
             os.environ["RK_NET_LIBRARY"]], capture_output=True, text=True, input="", timeout=20,
            check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(mount),
                              "RUSTKERNEL_METRICS_PORT": str(free_port())})
        if not done.stdout and re.search("permi", done.stderr):
            self.skipTest("nothing may be mounted here")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("warning")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn("could not write to", lines[0])
        self.assertNotIn('{"port":0}', done.stdout)

    def test_a_link_is_not_followed(self):
        runtime, elsewhere = self.folder / "runtime", self.folder / "elsewhere"
        runtime.mkdir(0o700)
        elsewhere.mkdir(0o700)
        (runtime / "rkpreload").symlink_to(elsewhere)
        with self.server() as server:
            self.assertEqual(server.get()[0], 200)
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_others_may_not_look_in(self):
        folder = self.own_folder(0o755)
        with self.server() as server:
            self.assertEqual(len(server.targets()), 1)
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)

    def test_a_stopped_process_with_the_lock_holds_up_nobody(self):
        holder = os.open(self.own_folder(), os.O_RDONLY)
        try:
            fcntl.flock(holder, fcntl.LOCK_EX)
            start = time.monotonic()
            with self.server() as server:
                self.assertEqual(server.get()[0], 200)
                self.assertEqual(server.targets(), {})
                fcntl.flock(holder, fcntl.LOCK_UN)
                wait_until(lambda: len(server.targets()) == 1, 2)
                fcntl.flock(holder, fcntl.LOCK_EX)
            self.assertLess(time.monotonic() - start, 3)
        finally:
            os.close(holder)
        self.assertEqual(self.warnings(server), [])


class TenSeconds(Case):
    """What takes that long, at the same time."""

    def test_a_slow_request_is_cut_and_a_dead_neighbour_noticed(self):
        killed = self.server()
        with self.server() as living, living.connect(0.5) as sock:
            wait_until(lambda: len(living.targets()) == 2)
            killed.kill()
            start = time.monotonic()
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
            with contextlib.suppress(ConnectionError):
                while time.monotonic() - start < 14:
                    sock.sendall(b"X: y\r\n")
                    try:
                        if not sock.recv(100):
                            break
                    except TimeoutError:
                        pass
            took = time.monotonic() - start
            wait_until(lambda: len(living.targets()) == 1, 3)
        self.assertGreater(took, 9)
        self.assertLess(took, 13)
        self.assertEqual(self.warnings(living), [])


if __name__ == "__main__":
    test_classes.main()
