#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP receiver that decodes with the official descriptors and believes nothing.

Prints "port N" when it listens. Every accepted span becomes one JSON line in --out, every
request one in --requests. Ends on SIGTERM, SIGINT or --until-spans; exit status 1 when
anything that was received broke a rule (each is printed on stderr), 2 when --until-spans did
not arrive in --timeout seconds.

--script says how requests are answered, comma-separated, one step per request, the last one
for all that follow:
  200                  accept                    503            any other status, empty body
  503/retry-after=2    with that header          401/text=no    with a google.rpc.Status body
  partial=3/text=why   reject the first three    slow=1.5       accept after so many seconds
  hole                 never answer              reset          close without an answer
  cut                  close within the answer   huge=N         accept with a body of N bytes
  bomb=N               accept with N bytes that gzip made small
  badgzip, badproto    accept with a body that cannot be decoded
"""
import argparse
import gzip
import http.server
import json
import os
import signal
import socket
import sys
import threading
import time

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

REQUIRED_RESOURCE = ("service.name", "service.instance.id", "telemetry.sdk.name",
                     "telemetry.sdk.language", "telemetry.sdk.version")
FLAGS_KNOWN = 0x3ff  # W3C flags, HAS_IS_REMOTE, IS_REMOTE
YEAR_2001_NS = 10**18
VIOLATIONS_SHOWN = 20


def any_value(value):
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "bytes_value":
        return value.bytes_value.hex()
    if kind == "array_value":
        return [any_value(v) for v in value.array_value.values]
    if kind == "kvlist_value":
        return {kv.key: any_value(kv.value) for kv in value.kvlist_value.values}
    return getattr(value, kind)


def unknown_fields(message, path):
    """Names of the places where @message holds fields its descriptor does not know."""
    found = []
    if len(UnknownFieldSet(message)):
        found.append(path)
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        repeated = hasattr(value, "__len__") and not hasattr(value, "ListFields")
        for item in value if repeated else [value]:
            found += unknown_fields(item, f"{path}.{field.name}")
    return found


class Checker:
    """The rules that a request has to keep, whatever it carries."""

    def __init__(self):
        self.violations = []
        self.lock = threading.Lock()

    def fail(self, text):
        with self.lock:
            self.violations.append(text)
            if len(self.violations) <= VIOLATIONS_SHOWN:
                print(f"violation: {text}", file=sys.stderr, flush=True)

    def attributes(self, attributes, where):
        keys = [kv.key for kv in attributes]
        for key in sorted({k for k in keys if keys.count(k) > 1}):
            self.fail(f"{where}: attribute {key} twice")
        for kv in attributes:
            if not kv.key:
                self.fail(f"{where}: attribute without a key")
            if kv.value.WhichOneof("value") is None:
                self.fail(f"{where}: attribute {kv.key} without a value")
        return {kv.key: any_value(kv.value) for kv in attributes}

    def ids(self, trace_id, span_id, where):
        if len(trace_id) != 16 or not any(trace_id):
            self.fail(f"{where}: trace_id {trace_id.hex()!r}")
        if len(span_id) != 8 or not any(span_id):
            self.fail(f"{where}: span_id {span_id.hex()!r}")

    def span(self, span):
        where = f"span {span.span_id.hex()} {span.name!r}"
        self.ids(span.trace_id, span.span_id, where)
        if span.parent_span_id and (len(span.parent_span_id) != 8 or not any(span.parent_span_id)):
            self.fail(f"{where}: parent_span_id {span.parent_span_id.hex()!r}")
        if span.parent_span_id == span.span_id:
            self.fail(f"{where}: is its own parent")
        if not span.name:
            self.fail(f"{where}: no name")
        if span.kind == trace_pb2.Span.SPAN_KIND_UNSPECIFIED:
            self.fail(f"{where}: kind is unspecified")
        if span.start_time_unix_nano < YEAR_2001_NS:
            self.fail(f"{where}: start {span.start_time_unix_nano} is not UNIX time in ns")
        if span.end_time_unix_nano < span.start_time_unix_nano:
            self.fail(f"{where}: ends before it starts")
        if span.flags & ~FLAGS_KNOWN or not span.flags & 0x100:
            self.fail(f"{where}: flags {span.flags:#x}")
        if span.flags & 0x200 and not span.parent_span_id:
            self.fail(f"{where}: remote parent without a parent")
        if span.status.message and span.status.code != trace_pb2.Status.STATUS_CODE_ERROR:
            self.fail(f"{where}: status message without an error")
        for link in span.links:
            self.ids(link.trace_id, link.span_id, f"{where} link")
            if link.flags & ~FLAGS_KNOWN:
                self.fail(f"{where}: link flags {link.flags:#x}")
        return {
            "trace_id": span.trace_id.hex(), "span_id": span.span_id.hex(),
            "parent_span_id": span.parent_span_id.hex(), "trace_state": span.trace_state,
            "name": span.name, "kind": span.kind, "flags": span.flags,
            "start_ns": span.start_time_unix_nano, "end_ns": span.end_time_unix_nano,
            "attributes": self.attributes(span.attributes, where),
            "links": [{"trace_id": li.trace_id.hex(), "span_id": li.span_id.hex(),
                       "flags": li.flags} for li in span.links],
            "status": {"code": span.status.code, "message": span.status.message},
        }

    def request(self, body):
        """Decode and check one body; its spans as dictionaries."""
        request = trace_service_pb2.ExportTraceServiceRequest()
        try:
            request.ParseFromString(body)
        except DecodeError as error:
            self.fail(f"request of {len(body)} bytes: {error}")
            return []
        for place in unknown_fields(request, "request"):
            self.fail(f"unknown field in {place}")
        if request.SerializeToString(deterministic=True) != body:
            self.fail(f"request of {len(body)} bytes: not what the official encoder makes of it")
        if not request.resource_spans:
            self.fail("empty request")
        spans = []
        for resource_spans in request.resource_spans:
            resource = self.attributes(resource_spans.resource.attributes, "resource")
            for key in REQUIRED_RESOURCE:
                if not resource.get(key):
                    self.fail(f"resource: no {key}")
            if not resource_spans.schema_url.startswith("https://"):
                self.fail("resource: no schema_url")
            for scope_spans in resource_spans.scope_spans:
                if not scope_spans.spans:
                    self.fail("empty scope_spans")
                if not scope_spans.scope.name:
                    self.fail("scope without a name")
                for span in scope_spans.spans:
                    spans.append({**self.span(span), "resource": resource,
                                  "scope": scope_spans.scope.name})
        return spans


class Step:
    """One step of --script."""

    def __init__(self, text):
        head, *options = text.strip().split("/")
        self.verb, _, self.value = head.partition("=")
        self.options = dict(o.split("=", 1) for o in options)
        known = ("partial", "slow", "hole", "reset", "cut", "huge", "bomb", "badgzip", "badproto")
        if not self.verb.isdigit() and self.verb not in known:
            raise argparse.ArgumentTypeError(f"unknown step {text!r}")

    def status(self):
        return int(self.verb) if self.verb.isdigit() else 200


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def rpc_status(text):
    """google.rpc.Status { code 16, message }"""
    message = text.encode()
    return b"\x08\x10\x12" + varint(len(message)) + message


class State:
    def __init__(self, options):
        self.options = options
        self.checker = Checker()
        self.lock = threading.Lock()
        self.served = 0
        self.spans = 0
        self.seen = set()
        self.enough = threading.Event()
        self.out = open(options.out, "w", encoding="utf-8") if options.out else None
        self.requests = open(options.requests, "w", encoding="utf-8") if options.requests else None

    def next_step(self):
        with self.lock:
            step = self.options.script[min(self.served, len(self.options.script) - 1)]
            self.served += 1
            return step

    def accept(self, spans):
        with self.lock:
            for span in spans:
                key = span["trace_id"] + span["span_id"]
                if key in self.seen:
                    self.checker.fail(f"span {key} twice")
                self.seen.add(key)
                if self.out:
                    self.out.write(json.dumps(span, sort_keys=True) + "\n")
            if self.out:
                self.out.flush()
            self.spans += len(spans)
            if self.options.until_spans and self.spans >= self.options.until_spans:
                self.enough.set()

    def note(self, entry):
        with self.lock:
            if self.requests:
                self.requests.write(json.dumps(entry, sort_keys=True) + "\n")
                self.requests.flush()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state = None

    def log_message(self, *args):
        pass

    def read_body(self):
        checker = self.state.checker
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        encoding = self.headers.get("Content-Encoding")
        if self.path != self.state.options.path:
            checker.fail(f"path {self.path}")
        if self.headers.get("Content-Type") != "application/x-protobuf":
            checker.fail(f"Content-Type {self.headers.get('Content-Type')}")
        if not (self.headers.get("User-Agent") or "").startswith("OTel-OTLP-Exporter-"):
            checker.fail(f"User-Agent {self.headers.get('User-Agent')}")
        if encoding == "gzip":
            return gzip.decompress(body), len(body)
        if encoding is not None or body[:2] == b"\x1f\x8b":
            checker.fail(f"Content-Encoding {encoding}")
        return body, len(body)

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # it had enough

    def hang_up(self):
        linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 s: close sends a reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def do_POST(self):
        state, step = self.state, self.state.next_step()
        body, wire_bytes = self.read_body()
        spans = state.checker.request(body)
        state.note({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()},
                    "bytes": len(body), "wire_bytes": wire_bytes, "spans": len(spans),
                    "step": step.verb, "time": time.monotonic(),
                    "client_port": self.client_address[1]})
        self.play(step, spans)

    def play(self, step, spans):
        state = self.state
        if step.verb == "hole":
            state.enough.wait()
            self.close_connection = True
        elif step.verb == "reset":
            self.hang_up()
        elif step.verb == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            self.close_connection = True
        elif step.verb == "partial":
            count = min(int(step.value), len(spans))
            state.accept(spans[count:])
            text = step.options.get("text", "").encode()
            inner = b"\x08" + varint(count) + (b"\x12" + varint(len(text)) + text if text else b"")
            self.answer(200, b"\x0a" + varint(len(inner)) + inner)
        elif step.status() == 200:
            if step.verb == "slow":
                time.sleep(float(step.value))
            state.accept(spans)
            self.answer(200, *self.odd_body(step))
        else:
            headers = []
            if "retry-after" in step.options:
                headers.append(("Retry-After", step.options["retry-after"]))
            text = step.options.get("text")
            self.answer(step.status(), rpc_status(text) if text else b"", headers)

    @staticmethod
    def odd_body(step):
        if step.verb == "huge":
            return (b"x" * int(step.value),)
        if step.verb == "bomb":
            return gzip.compress(bytes(int(step.value))), [("Content-Encoding", "gzip")]
        if step.verb == "badgzip":
            return b"\x1f\x8bthis is not gzip", [("Content-Encoding", "gzip")]
        if step.verb == "badproto":
            return (b"\xff\xff\xff\xff",)
        return (b"",)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--out", help="JSON lines, one per accepted span")
    parser.add_argument("--requests", help="JSON lines, one per request")
    parser.add_argument("--path", default="/v1/traces", help="the only path that is right")
    parser.add_argument("--script", default="200", help="see above",
                        type=lambda text: [Step(s) for s in text.split(",")])
    parser.add_argument("--until-spans", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=60)
    return parser.parse_args()


def main():
    options = parse()
    state = State(options)
    Handler.state = state
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: state.enough.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"port {server.server_address[1]}", flush=True)
    arrived = state.enough.wait(options.timeout if options.until_spans else None)
    time.sleep(0.2 if options.until_spans else 0)  # the last answer goes out
    violations = len(state.checker.violations)
    print(f"{state.spans} spans in {state.served} requests, {violations} violations", flush=True)
    os._exit(1 if violations else 0 if arrived else 2)


if __name__ == "__main__":
    main()
