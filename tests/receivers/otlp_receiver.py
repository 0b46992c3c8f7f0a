#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OTLP/HTTP receiver that decodes with the official descriptors and believes nothing.

Prints "port N" when it listens. Every accepted span becomes one JSON line in --out, every data
point one in --metrics-out, every log record one in --logs-out, every request one in --requests.
Ends on SIGTERM, SIGINT or --until-spans; exit status 1 when anything that was received broke a
rule (each is printed on stderr), 2 when --until-spans did not arrive in --timeout seconds.

--script says how requests of one signal (--script-signal) are answered, comma-separated, one
step per request, the last one for all that follow; the other signals are accepted:
  200                  accept                    503            any other status, empty body
  503/retry-after=2    with that header          401/text=no    with a google.rpc.Status body
  503/retry-date=2     the same as a date, so many seconds from now
  partial=3/text=why   reject the first three    slow=1.5       accept after so many seconds
  drip=2               accept, the answer trickles out over so many seconds
  hole                 never answer              reset          close without an answer
  cut                  close within the answer   huge=N         accept with a body of N bytes
  bomb=N               accept with N bytes that gzip made small
  badgzip, badproto    accept with a body that cannot be decoded
"""
import argparse
import base64
import email.utils
import gzip
import http.server
import json
import os
import re
import signal
import socket
import ssl
import sys
import threading
import time

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

SIGNALS = ("traces", "metrics", "logs")
REQUESTS = {"traces": trace_service_pb2.ExportTraceServiceRequest,
            "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
            "logs": logs_service_pb2.ExportLogsServiceRequest}
# Field names of the two layers around the items.
LAYERS = {"traces": ("resource_spans", "scope_spans", "spans"),
          "metrics": ("resource_metrics", "scope_metrics", "metrics"),
          "logs": ("resource_logs", "scope_logs", "log_records")}

REQUIRED_RESOURCE = ("service.name", "service.instance.id", "telemetry.sdk.name",
                     "telemetry.sdk.language", "telemetry.sdk.version")
FLAGS_KNOWN = 0x3ff  # W3C flags, HAS_IS_REMOTE, IS_REMOTE
METRIC_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,254}")
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


def from_otlp_json(value):
    """JSON of OTLP has its ids in hex, where protobuf's own has base64."""
    if isinstance(value, list):
        return [from_otlp_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: base64.b64encode(bytes.fromhex(item)).decode()
            if key in ("traceId", "spanId", "parentSpanId") else from_otlp_json(item)
            for key, item in value.items()}


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
                       "flags": li.flags, "trace_state": li.trace_state,
                       "attributes": self.attributes(li.attributes, f"{where} link")}
                      for li in span.links],
            "events": [{"name": event.name, "time_ns": event.time_unix_nano,
                        "attributes": self.attributes(event.attributes, f"{where} event")}
                       for event in span.events],
            "status": {"code": span.status.code, "message": span.status.message},
        }

    def point(self, metric, kind, data, point):
        where = f"metric {metric.name!r}"
        if not METRIC_NAME.fullmatch(metric.name):
            self.fail(f"{where}: not a name of OpenTelemetry")
        if point.time_unix_nano < YEAR_2001_NS:
            self.fail(f"{where}: time {point.time_unix_nano} is not UNIX time in ns")
        if point.start_time_unix_nano > point.time_unix_nano:
            self.fail(f"{where}: ends before it starts")
        out = {"name": metric.name, "unit": metric.unit, "kind": kind,
               "attributes": self.attributes(point.attributes, where),
               "start_ns": point.start_time_unix_nano, "time_ns": point.time_unix_nano}
        if kind != "gauge":
            out["temporality"] = data.aggregation_temporality
            if data.aggregation_temporality not in (1, 2):
                self.fail(f"{where}: temporality {data.aggregation_temporality}")
            if not point.start_time_unix_nano:
                self.fail(f"{where}: no start")
        if kind == "sum":
            out["monotonic"] = data.is_monotonic
        if kind in ("sum", "gauge"):
            out["value"] = getattr(point, point.WhichOneof("value") or "as_int")
        else:
            out.update(count=point.count, sum=point.sum)
        if kind == "histogram":
            if len(point.bucket_counts) != len(point.explicit_bounds) + 1:
                self.fail(f"{where}: {len(point.bucket_counts)} buckets")
            if sum(point.bucket_counts) != point.count:
                self.fail(f"{where}: the buckets do not sum up to {point.count}")
        return out

    def metric(self, metric):
        kind = metric.WhichOneof("data")
        if kind is None:
            self.fail(f"metric {metric.name!r}: no data")
            return []
        data = getattr(metric, kind)
        if not data.data_points:
            self.fail(f"metric {metric.name!r}: no points")
        return [self.point(metric, kind, data, p) for p in data.data_points]

    def log_record(self, record):
        where = f"log record {any_value(record.body)!r}"
        if bool(record.trace_id) or bool(record.span_id):
            self.ids(record.trace_id, record.span_id, where)
        if not 1 <= record.severity_number <= 24 or not record.severity_text:
            self.fail(f"{where}: severity {record.severity_number} {record.severity_text!r}")
        if record.observed_time_unix_nano < YEAR_2001_NS:
            self.fail(f"{where}: observed at {record.observed_time_unix_nano}")
        return [{"time_ns": record.time_unix_nano, "observed_ns": record.observed_time_unix_nano,
                 "severity": record.severity_number, "severity_text": record.severity_text,
                 "body": any_value(record.body), "event_name": record.event_name,
                 "flags": record.flags, "trace_id": record.trace_id.hex(),
                 "span_id": record.span_id.hex(),
                 "attributes": self.attributes(record.attributes, where)}]

    def json_request(self, body, signal):
        try:
            return self.items(json_format.ParseDict(from_otlp_json(json.loads(body)),
                                                    REQUESTS[signal]()), signal)
        except (ValueError, json_format.ParseError) as error:
            self.fail(f"JSON request of {len(body)} bytes: {error}")
            return []

    def request(self, body, signal="traces"):
        """Decode and check one body; its spans, points or records as dictionaries."""
        request = REQUESTS[signal]()
        try:
            request.ParseFromString(body)
        except DecodeError as error:
            self.fail(f"request of {len(body)} bytes: {error}")
            return []
        known = type(request)()
        known.CopyFrom(request)
        known.DiscardUnknownFields()
        if known.ByteSize() != request.ByteSize():  # the search for them takes its time
            for place in unknown_fields(request, "request"):
                self.fail(f"unknown field in {place}")
        if request.SerializeToString(deterministic=True) != body:
            self.fail(f"request of {len(body)} bytes: not what the official encoder makes of it")
        return self.items(request, signal)

    def items(self, request, signal):
        resources, scopes, leaves = LAYERS[signal]
        read = {"traces": lambda span: [self.span(span)], "metrics": self.metric,
                "logs": self.log_record}[signal]
        found = []
        if not getattr(request, resources):
            self.fail("empty request")
        for group in getattr(request, resources):
            resource = self.attributes(group.resource.attributes, "resource")
            for key in REQUIRED_RESOURCE:
                if not resource.get(key):
                    self.fail(f"resource: no {key}")
            if not group.schema_url.startswith("https://"):
                self.fail("resource: no schema_url")
            for part in getattr(group, scopes):
                if not getattr(part, leaves):
                    self.fail(f"empty {scopes}")
                if not part.scope.name:
                    self.fail("scope without a name")
                for leaf in getattr(part, leaves):
                    found += [{**item, "resource": resource, "scope": part.scope.name}
                              for item in read(leaf)]
        return found


class Step:
    """One step of --script."""

    def __init__(self, text):
        head, *options = text.strip().split("/")
        self.verb, _, self.value = head.partition("=")
        self.options = dict(o.split("=", 1) for o in options)
        known = ("partial", "slow", "hole", "reset", "cut", "huge", "bomb", "badgzip", "badproto",
                 "drip")
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
        self.served = 0  # requests of the signal that has the script
        self.requests_seen = 0
        self.spans = 0
        self.seen = set()
        self.enough = threading.Event()
        self.outs = {signal: open(path, "w", encoding="utf-8") if path else None
                     for signal, path in (("traces", options.out), ("metrics", options.metrics_out),
                                          ("logs", options.logs_out))}
        self.requests = open(options.requests, "w", encoding="utf-8") if options.requests else None

    def next_step(self, signal):
        with self.lock:
            self.requests_seen += 1
            if signal != self.options.script_signal:
                return Step("200")
            step = self.options.script[min(self.served, len(self.options.script) - 1)]
            self.served += 1
            return step

    def accept(self, items, signal):
        out = self.outs[signal]
        with self.lock:
            for item in items:
                if out:
                    out.write(json.dumps(item, sort_keys=True) + "\n")
                if signal != "traces":
                    continue
                key = item["trace_id"] + item["span_id"]
                if key in self.seen:
                    self.checker.fail(f"span {key} twice")
                self.seen.add(key)
            if out:
                out.flush()
            self.spans += len(items) if signal == "traces" else 0
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

    def is_json(self):
        return self.headers.get("Content-Type") == "application/json"

    def signal(self):
        for signal in ("metrics", "logs"):
            if self.path.endswith("/v1/" + signal):
                return signal
        return "traces"

    def read_body(self, signal):
        checker = self.state.checker
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        encoding = self.headers.get("Content-Encoding")
        if signal == "traces" and self.path != self.state.options.path:
            checker.fail(f"path {self.path}")
        if self.headers.get("Content-Type") not in ("application/x-protobuf", "application/json"):
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
        state, signal = self.state, self.signal()
        step = state.next_step(signal)
        body, wire_bytes = self.read_body(signal)
        if self.is_json():
            items = state.checker.json_request(body, signal)
        else:
            items = state.checker.request(body, signal)
        state.note({"path": self.path, "signal": signal, "headers": {k.lower(): v for k, v in self.headers.items()},
                    "bytes": len(body), "wire_bytes": wire_bytes, "spans": len(items),
                    "step": step.verb, "time": time.monotonic(),
                    "client_port": self.client_address[1]})
        self.play(step, items, signal)

    def play(self, step, items, signal):
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
            count = min(int(step.value), len(items))
            state.accept(items[count:], signal)
            if self.is_json():
                self.answer(200, json.dumps({"partialSuccess": {
                    "rejectedSpans": str(count),
                    "errorMessage": step.options.get("text", "")}}).encode())
                return
            text = step.options.get("text", "").encode()
            inner = b"\x08" + varint(count) + (b"\x12" + varint(len(text)) + text if text else b"")
            self.answer(200, b"\x0a" + varint(len(inner)) + inner)
        elif step.status() == 200:
            if step.verb == "slow":
                time.sleep(float(step.value))
            state.accept(items, signal)
            if step.verb == "drip":
                self.drip(float(step.value))
            else:
                self.answer(200, *self.odd_body(step))
        else:
            headers = []
            if "retry-after" in step.options:
                headers.append(("Retry-After", step.options["retry-after"]))
            if "retry-date" in step.options:
                at = time.time() + float(step.options["retry-date"])
                headers.append(("Retry-After", email.utils.formatdate(at, usegmt=True)))
            text = step.options.get("text")
            self.answer(step.status(), rpc_status(text) if text else b"", headers)

    def drip(self, seconds):
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x0a\x00"
        for i in range(len(answer)):
            try:
                self.wfile.write(answer[i:i + 1])
                self.wfile.flush()
            except OSError:
                self.close_connection = True
                return
            time.sleep(seconds / len(answer))

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
    parser.add_argument("--metrics-out", help="JSON lines, one per accepted data point")
    parser.add_argument("--logs-out", help="JSON lines, one per accepted log record")
    parser.add_argument("--requests", help="JSON lines, one per request")
    parser.add_argument("--path", default="/v1/traces", help="the only path that is right")
    parser.add_argument("--certificate", help="PEM file: speak TLS")
    parser.add_argument("--key", help="PEM file of its key")
    parser.add_argument("--client-authority", help="PEM file: clients must have a certificate of it")
    parser.add_argument("--script-signal", default="traces", choices=SIGNALS)
    parser.add_argument("--script", default="200", help="see above",
                        type=lambda text: [Step(s) for s in text.split(",")])
    parser.add_argument("--until-spans", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=60)
    return parser.parse_args()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, options):
        self.tls = None
        if options.certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(options.certificate, options.key)
        if options.client_authority:
            self.tls.load_verify_locations(options.client_authority)
            self.tls.verify_mode = ssl.CERT_REQUIRED
        super().__init__(("127.0.0.1", options.port), Handler)

    def finish_request(self, request, client_address):
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is a client's right


def main():
    options = parse()
    state = State(options)
    Handler.state = state
    server = Server(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not here: the thread that is interrupted may hold the lock of the event.
        signal.signal(number, lambda *_: threading.Thread(target=state.enough.set).start())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"port {server.server_address[1]}", flush=True)
    arrived = state.enough.wait(options.timeout if options.until_spans else None)
    time.sleep(0.2 if options.until_spans else 0)  # the last answer goes out
    violations = len(state.checker.violations)
    print(f"{state.spans} spans in {state.requests_seen} requests, {violations} violations", flush=True)
    os._exit(1 if violations else 0 if arrived else 2)


if __name__ == "__main__":
    main()
