#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OTLP/gRPC receiver that misbehaves on demand, on raw HTTP/2 frames.

Prints "port N" when it listens. Every request becomes one JSON line in --requests; every
accepted span one in --out, every data point one in --metrics-out, every log record one in
--logs-out, decoded and checked as otlp_receiver.py does, where one of the three is given. Ends
on SIGTERM, SIGINT or --until-spans; exit status 1 when a request broke a rule (each is printed
on stderr), 2 when --until-spans did not arrive in --timeout seconds.

--script says how requests are answered, of one signal (--script-signal) or all, comma-separated,
one step per request, the last one for all that follow:
  ok                    accept                  partial=3/text=why   reject the first three
  14/text=busy          any gRPC status         8/delay=1.5          with a RetryInfo
  http=503              no gRPC status          nostatus             200, and none either
  early=8/text=no       answer while the request is still coming, reset with NO_ERROR
  rst=7                 reset the stream with an HTTP/2 error code
  goaway                accept, then GOAWAY     leave                GOAWAY, then accept
  unprocessed           GOAWAY that excludes the request
  close                 accept, then close      cut                  close without an answer
  hole                  never answer            slow=1.5             accept after so many seconds
  drip                  a byte of the reply each 50 ms, without end
  huge=N                accept with N bytes     bomb=N               that gzip made small
  badgzip, badproto, badframe, empty            accept with a body that cannot be decoded
  headers=N, trailers=N a block of N bytes      informational=N      N times status 103 first
  ping                  accept when a PING was answered
  flood=N               accept after N PINGs, whose answers are not read before
"gzip=1" compresses a reply, "padded=1" pads the base64 of a RetryInfo.
"""
import argparse
import base64
import gzip
import json
import os
import select
import signal
import socket
import ssl
import struct
import sys
import threading
import time
import zlib

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import ContinuationFrame, GoAwayFrame, HeadersFrame, PingFrame

SIGNALS = {f"/opentelemetry.proto.collector.{name}.v1.{title}Service/Export": signal_name
           for name, title, signal_name in (("trace", "Trace", "traces"), ("logs", "Logs", "logs"),
                                            ("metrics", "Metrics", "metrics"))}
VERBS = ("ok partial http nostatus early rst goaway leave unprocessed close cut hole slow drip huge "
         "bomb badgzip badproto badframe empty headers trailers informational ping flood").split()
DRIP_S = 0.05
BLOCK = 16000           # bytes of one frame of an endless header block
FRAME_HEAD = 5


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


class Step:
    """One step of --script."""

    def __init__(self, text):
        head, *options = text.strip().split("/")
        self.verb, _, self.value = head.partition("=")
        self.options = dict(o.split("=", 1) for o in options)
        if not self.verb.isdigit() and self.verb not in VERBS:
            raise argparse.ArgumentTypeError(f"unknown step {text!r}")


def field(number, payload):
    return bytes([number << 3 | 2]) + varint(len(payload)) + payload


def retry_info(seconds):
    whole, nanos = int(seconds), round(seconds % 1 * 10**9)
    duration = b"\x08" + varint(whole) + b"\x10" + varint(nanos)
    return field(1, b"type.googleapis.com/google.rpc.RetryInfo") + field(2, field(1, duration))


def status_details(step):
    """google.rpc.Status as base64, unpadded unless asked for."""
    status = b"\x08" + varint(int(step.verb if step.verb.isdigit() else step.value))
    # Another detail first: RetryInfo has to be looked for.
    status += field(3, field(1, b"type.googleapis.com/google.rpc.DebugInfo") + field(2, b"\x12\x01x"))
    status += field(3, retry_info(float(step.options["delay"])))
    text = base64.b64encode(status).decode()
    return text if "padded" in step.options else text.rstrip("=")


def percent(text):
    return "".join(chr(b) if 0x20 <= b <= 0x7e and b != 0x25 else f"%{b:02X}"
                   for b in text.encode())


def literal(name, value):
    """A header field as HPACK writes it without its tables."""
    return bytes([0, len(name)]) + name + bytes([127]) + varint(len(value) - 127) + value


class Violations:
    """What Checker of otlp_receiver.py is to rules of gRPC; that one is slow to load."""

    def __init__(self):
        self.violations = []

    def fail(self, text):
        self.violations.append(text)
        print(f"violation: {text}", file=sys.stderr, flush=True)


def make_checker(options):
    if not (options.out or options.metrics_out or options.logs_out):
        return Violations()
    import otlp_receiver  # pylint: disable=import-outside-toplevel
    return otlp_receiver.Checker()


class State:
    def __init__(self, options):
        self.options = options
        self.checker = make_checker(options)
        self.lock = threading.Lock()
        self.served = self.connections = self.spans = self.requests_seen = 0
        self.outs = {name: open(path, "w", encoding="utf-8") if path else None
                     for name, path in (("traces", options.out), ("metrics", options.metrics_out),
                                        ("logs", options.logs_out))}
        self.requests = open(options.requests, "w", encoding="utf-8") if options.requests else None
        self.enough = threading.Event()

    def next_step(self, signal_name):
        with self.lock:
            self.requests_seen += 1
            if self.options.script_signal not in ("", signal_name):
                return Step("ok")
            step = self.options.script[min(self.served, len(self.options.script) - 1)]
            self.served += 1
            return step

    def note(self, entry):
        with self.lock:
            if self.requests:
                self.requests.write(json.dumps(entry, sort_keys=True) + "\n")
                self.requests.flush()

    def accept(self, items, signal_name):
        out = self.outs[signal_name]
        with self.lock:
            for item in items if out else ():
                out.write(json.dumps(item, sort_keys=True) + "\n")
            if out:
                out.flush()
            self.spans += len(items) if signal_name == "traces" else 0
            if self.options.until_spans and self.spans >= self.options.until_spans:
                self.enough.set()


class Request:
    def __init__(self, stream, headers, step):
        self.stream, self.step = stream, step
        self.headers = {k.decode(): v.decode() for k, v in headers}
        self.body = bytearray()
        self.items = []  # what it carries, decoded
        self.is_answered = False


class Connection:
    """One client. Answers are generators that yield when they want to go on: a time, or None
    for the next event."""

    def __init__(self, state, sock, number):
        self.state, self.sock, self.number = state, sock, number
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config=config)
        values = {h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 65536}
        if state.options.max_streams:
            values[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = state.options.max_streams
        self.h2.local_settings = h2.settings.Settings(client=False, initial_values=values)
        self.requests = {}
        self.jobs = []  # (when or None, generator)
        self.is_open = True
        self.pongs = 0
        self.last = None  # stream of our GOAWAY: those above it do not exist
        self.is_left = False

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def raw(self, *frames):
        self.flush()
        self.sock.sendall(b"".join(f.serialize() for f in frames))

    def serve(self):
        self.h2.initiate_connection()
        try:
            self.flush()
            while self.is_open:
                self.turn()
        except OSError:
            pass
        except h2.exceptions.ProtocolError as error:
            # Who says no word of HTTP/2 is no client of ours; who has left hears no answer.
            if self.requests and not self.is_left:
                self.state.checker.fail(f"connection {self.number}: {error!r}")
            self.state.note({"protocol": repr(error), "connection": self.number})
        finally:
            self.sock.close()

    def turn(self):
        due = [when for when, _ in self.jobs if when is not None]
        wait = max(0, min(due) - time.monotonic()) if due else None
        is_pending = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()
        ready = is_pending or select.select([self.sock], [], [], wait)[0]
        if ready:
            data = self.sock.recv(65536)
            if not data:
                self.is_open = False
                return
            events = self.h2.receive_data(data)
            self.is_left |= any(isinstance(e, h2.events.ConnectionTerminated) for e in events)
            for event in events:
                if self.last is None or getattr(event, "stream_id", None) in (None, *self.requests):
                    self.handle(event)
        now, jobs = time.monotonic(), self.jobs
        self.jobs = []
        for when, job in jobs:
            if not self.is_open:
                break
            if when is None and not ready or when is not None and when > now:
                self.jobs.append((when, job))
            else:
                self.go_on(job)
        self.flush()

    def go_on(self, job):
        try:
            self.jobs.append((next(job), job))
        except StopIteration:
            pass
        except h2.exceptions.StreamClosedError:
            pass  # the client had enough

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            path = dict(event.headers).get(b":path", b"").decode()
            step = self.state.next_step(SIGNALS.get(path))
            request = Request(event.stream_id, event.headers, step)
            self.requests[event.stream_id] = request
            if request.step.verb == "hole":
                self.note(request, early=True)
        elif isinstance(event, h2.events.DataReceived):
            self.on_data(event)
        elif isinstance(event, h2.events.StreamEnded):
            self.on_end(self.requests[event.stream_id])
        elif isinstance(event, h2.events.StreamReset):
            self.state.note({"reset": int(event.error_code), "stream": event.stream_id,
                             "connection": self.number})
        elif isinstance(event, h2.events.PingAckReceived):
            self.pongs += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.state.note({"goaway": int(event.error_code), "connection": self.number})

    def on_data(self, event):
        request = self.requests[event.stream_id]
        request.body += event.data
        length = event.flow_controlled_length
        if request.step.verb in ("early", "hole"):
            # Only the connection's window: the upload gets stuck.
            self.h2.increment_flow_control_window(length)
        elif length:
            try:
                self.h2.acknowledge_received_data(length, event.stream_id)
            except h2.exceptions.StreamClosedError:
                pass
        if request.step.verb == "early" and not request.is_answered:
            request.is_answered = True
            self.note(request, early=True)
            self.status_only(request, int(request.step.value))
            self.h2.reset_stream(request.stream, 0)

    def on_end(self, request):
        if request.is_answered or request.step.verb == "hole":
            return
        request.is_answered = True
        self.note(request)
        self.go_on(self.answer(request))

    def note(self, request, early=False):
        self.state.note({
            "path": request.headers.get(":path"), "headers": request.headers,
            "connection": self.number, "stream": request.stream, "step": request.step.verb,
            "time": time.monotonic(), "wire_bytes": max(0, len(request.body) - FRAME_HEAD),
            **({} if early else self.check(request))})

    def check(self, request):
        """The rules of a request. Return: what there is to know of its message."""
        fail, headers, body = self.state.checker.fail, request.headers, bytes(request.body)
        scheme = "https" if isinstance(self.sock, ssl.SSLSocket) else "http"
        for name, expected in ((":method", "POST"), (":scheme", scheme), ("te", "trailers")):
            if headers.get(name) != expected:
                fail(f"{name}: {headers.get(name)}")
        signal_name = SIGNALS.get(headers.get(":path"))
        if not signal_name:
            fail(f":path: {headers.get(':path')}")
        if headers.get("content-type") not in ("application/grpc", "application/grpc+proto"):
            fail(f"content-type: {headers.get('content-type')}")
        if not headers.get("user-agent", "").startswith("OTel-OTLP-Exporter-"):
            fail(f"user-agent: {headers.get('user-agent')}")
        if len(body) < FRAME_HEAD or struct.unpack(">I", body[1:5])[0] != len(body) - FRAME_HEAD:
            fail(f"a frame of {len(body)} bytes that says {body[:5].hex()}")
        flag, message = body[0] if body else 0, body[FRAME_HEAD:]
        if flag != (headers.get("grpc-encoding") == "gzip"):
            fail(f"flag {flag}, grpc-encoding {headers.get('grpc-encoding')}")
        message = gzip.decompress(message) if flag else message
        if signal_name and not isinstance(self.state.checker, Violations):
            request.items = self.state.checker.request(message, signal_name)
        return {"bytes": len(message), "crc": zlib.crc32(message)}

    # Answers.

    def status_only(self, request, status, body=False):
        step = request.step
        headers = [] if body else [(":status", "200"), ("content-type", "application/grpc")]
        headers.append(("grpc-status", str(status)))
        if "text" in step.options:
            headers.append(("grpc-message", percent(step.options["text"])))
        if "delay" in step.options:
            headers.append(("grpc-status-details-bin", status_details(step)))
        self.h2.send_headers(request.stream, headers, end_stream=step.verb != "early" or body)

    def head(self, request, *more):
        self.h2.send_headers(request.stream, [(":status", "200"),
                                              ("content-type", "application/grpc+proto"), *more])

    def accept(self, request, message=b"", flag=0):
        """A success, as fast as the client's windows let it go."""
        step = request.step
        refused = int(step.value) if step.verb == "partial" else 0
        self.state.accept(request.items[refused:], SIGNALS.get(request.headers[":path"], "logs"))
        if "gzip" in request.step.options:
            message, flag = gzip.compress(message), 1
        self.head(request, *([("grpc-encoding", "gzip")] if flag else []))
        data = memoryview(bytes([flag]) + struct.pack(">I", len(message)) + message)
        while data:
            room = min(self.h2.local_flow_control_window(request.stream), 16384)
            if not room:
                self.flush()
                yield None
                continue
            self.h2.send_data(request.stream, bytes(data[:room]))
            data = data[room:]
        self.status_only(request, 0, body=True)

    def block(self, request, size, first):
        """A header block that goes on for @size bytes, past the encoder's tables."""
        fragment = literal(b"x-noise", b"n" * (BLOCK - 64))
        self.flush()
        head = HeadersFrame(request.stream)
        head.data = first
        self.sock.sendall(head.serialize())
        for sent in range(0, size, BLOCK):
            more = ContinuationFrame(request.stream)
            more.data = fragment
            if sent + BLOCK >= size:
                more.flags.add("END_HEADERS")
            self.sock.sendall(more.serialize())

    def drip(self, request):
        self.head(request)
        self.h2.send_data(request.stream, b"\0\x00\x10\x00\x00")
        while True:
            self.h2.send_data(request.stream, b"\n")
            self.flush()
            yield time.monotonic() + DRIP_S

    def partial(self, step):
        text = step.options.get("text", "").encode()
        inner = b"\x08" + varint(int(step.value))
        return field(1, inner + (field(2, text) if text else b""))

    def hang_up(self):
        self.flush()
        self.is_open = False

    def goaway(self, last):
        self.last = last
        self.raw(GoAwayFrame(0, last_stream_id=last))

    def answer(self, request):
        step = request.step
        if step.verb.isdigit():
            self.status_only(request, int(step.verb))
        elif step.verb == "empty":
            self.status_only(request, 0)
        elif step.verb == "http":
            self.h2.send_headers(request.stream, [(":status", step.value)], end_stream=True)
        elif step.verb == "nostatus":
            self.head(request)
            self.h2.send_data(request.stream, b"\0\0\0\0\0", end_stream=True)
        elif step.verb == "rst":
            self.h2.reset_stream(request.stream, int(step.value))
        elif step.verb == "unprocessed":
            self.goaway(request.stream - 1)
        elif step.verb == "cut":
            self.hang_up()
        elif step.verb == "drip":
            yield from self.drip(request)
        elif step.verb in ("headers", "trailers"):
            if step.verb == "trailers":
                self.head(request)
            self.block(request, int(step.value), b"\x88" if step.verb == "headers" else b"")
        else:
            yield from self.accept_somehow(request)

    def accept_somehow(self, request):
        step = request.step
        if step.verb == "slow":
            yield time.monotonic() + float(step.value)
        if step.verb == "leave":
            self.goaway(request.stream)
        if step.verb == "informational":
            for _ in range(int(step.value)):
                self.h2.send_headers(request.stream, [(":status", "103"), ("link", "x" * 100)])
        if step.verb == "flood":
            frame = PingFrame(0)
            frame.opaque_data = b"are you?"
            self.flush()
            self.sock.sendall(frame.serialize() * int(step.value))
        if step.verb == "ping":
            self.h2.ping(b"are you?")
            self.flush()
            while not self.pongs:
                yield None
        yield from self.accept(request, *self.message(step))
        if step.verb == "goaway":
            self.goaway(request.stream)
        if step.verb == "close":
            self.hang_up()

    def message(self, step):
        """Message and flag of a success."""
        if step.verb == "partial":
            return (self.partial(step),)
        if step.verb == "huge":
            return (bytes(int(step.value)),)
        if step.verb == "bomb":
            return gzip.compress(bytes(int(step.value)), 1), 1
        if step.verb == "badgzip":
            return b"\x1f\x8bthis is not gzip", 1
        if step.verb == "badproto":
            return (b"\xff\xff\xff\xff",)
        if step.verb == "badframe":
            return b"", 7
        return (b"",)


def tls_context(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    if options.client_authority:
        context.load_verify_locations(options.client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    if options.alpn:
        context.set_alpn_protocols([options.alpn])
    return context


def serve_one(state, sock, number, context):
    sock.settimeout(30)
    try:
        if context:
            sock = context.wrap_socket(sock, server_side=True)
        if state.options.http1:
            sock.recv(65536)
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            sock.close()
            return
    except OSError as error:
        state.note({"handshake": str(error), "connection": number})
        sock.close()
        return
    Connection(state, sock, number).serve()


def listen(options):
    if options.unix:
        server = socket.socket(socket.AF_UNIX)
        server.bind(options.unix)
    else:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", options.port))
    server.listen(16)
    return server


def accept_all(state, server):
    context = tls_context(state.options) if state.options.certificate else None
    while True:
        sock, _ = server.accept()
        state.connections += 1
        threading.Thread(target=serve_one, args=(state, sock, state.connections, context),
                         daemon=True).start()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix", help="path of a socket to listen on instead")
    parser.add_argument("--out", help="JSON lines, one per accepted span")
    parser.add_argument("--metrics-out", help="JSON lines, one per accepted data point")
    parser.add_argument("--logs-out", help="JSON lines, one per accepted log record")
    parser.add_argument("--requests", help="JSON lines, one per request, reset and GOAWAY")
    parser.add_argument("--script", default="ok", help="see above",
                        type=lambda text: [Step(s) for s in text.split(",")])
    parser.add_argument("--script-signal", default="", choices=("", *SIGNALS.values()))
    parser.add_argument("--until-spans", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=60)
    parser.add_argument("--max-streams", type=int, default=0)
    parser.add_argument("--http1", action="store_true", help="speak HTTP/1.1")
    parser.add_argument("--certificate", help="PEM; makes it TLS")
    parser.add_argument("--key")
    parser.add_argument("--client-authority", help="ask for certificates of this authority")
    parser.add_argument("--alpn", default="h2", help="what is agreed to; empty: nothing")
    return parser.parse_args()


def main():
    options = parse()
    state = State(options)
    server = listen(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        # Not here: the thread that is interrupted may hold the lock of the event.
        signal.signal(number, lambda *_: threading.Thread(target=state.enough.set).start())
    threading.Thread(target=accept_all, args=(state, server), daemon=True).start()
    print(f"port {0 if options.unix else server.getsockname()[1]}", flush=True)
    arrived = state.enough.wait(options.timeout if options.until_spans else None)
    time.sleep(0.2 if options.until_spans else 0)  # the last answer goes out
    violations = len(state.checker.violations)
    print(f"{state.requests_seen} requests on {state.connections} connections, "
          f"{violations} violations", flush=True)
    os._exit(1 if violations else 0 if arrived else 2)


if __name__ == "__main__":
    main()
