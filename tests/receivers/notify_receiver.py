#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Slack, PagerDuty, Alertmanager and a webhook on one local port, which believe nothing.

As a program: prints "port N" when it listens, writes every request as a JSON line to --out, and
ends on SIGTERM with status 1 when a request broke a rule of its receiver. As a module: Receiver.

Who is meant is told by the path: /services/... is Slack, /v2/enqueue PagerDuty, /api/v2/alerts
Alertmanager, anything else the webhook. --script says how requests are answered, one word each,
the last one for all that follow:
  ok                     as the receiver answers what it takes
  503, 429/1 (Retry-After), 400, 404    that status; the body is the receiver's word for it
  hang, reset            no answer; a closed connection
  slow                   as ok, after a second
  echo                   404 with the path, the headers and the body of the request in it
"""
import argparse
import http.server
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

import notify_rules

ANSWERS = {"slack": (200, b"ok"),
           "pagerduty": (202, b'{"status":"success","message":"Event processed","dedup_key":"x"}'),
           "alertmanager": (200, b""),
           "webhook": (204, b"")}
REFUSALS = {"slack": b"invalid_payload",
            "pagerduty": b'{"status":"invalid event","message":"Event object is invalid"}',
            "alertmanager": b'{"code":601,"message":"bad alerts"}',
            "webhook": b"no\nnot at all"}


def kind_of(path):
    if path.startswith("/services/"):
        return "slack"
    return {"/v2/enqueue": "pagerduty", "/api/v2/alerts": "alertmanager"}.get(path, "webhook")


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script="ok", certificate=None, port=0, out=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.script, self.requests, self.lock = script.split(","), [], threading.Lock()
        self.released, self.out = threading.Event(), out
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        """A client that gives up on a hang is part of the test."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.shutdown()
        self.server_close()

    def take(self, request):
        """Return: how it is to be answered."""
        with self.lock:
            self.requests.append(request)
            if self.out:
                self.out.write(json.dumps(request) + "\n")
                self.out.flush()
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def bodies(self, kind=None):
        with self.lock:
            return [r["body"] for r in self.requests if kind in (None, r["kind"])]

    def violations(self):
        with self.lock:
            return [f"{r['kind']}: {v}" for r in self.requests for v in r["violations"]]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def check_head(self, kind):
        found = []
        if self.command != "POST" and kind != "webhook":
            found.append(f"method {self.command}")
        if self.headers.get("Content-Type") != "application/json":
            found.append(f"Content-Type {self.headers.get('Content-Type')}")
        if not (self.headers.get("User-Agent") or "").startswith("rkpreload/"):
            found.append(f"User-Agent {self.headers.get('User-Agent')}")
        if self.headers.get("Content-Length") is None:
            found.append("no Content-Length")
        return found

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = kind_of(self.path)
        found = self.check_head(kind) + notify_rules.CHECKS[kind](body)
        try:
            content = json.loads(body)
        except ValueError:
            content = body.decode(errors="replace")
        word, _, option = self.server.take({
            "kind": kind, "method": self.command, "path": self.path, "body": content,
            "headers": {k.lower(): v for k, v in self.headers.items()},
            "time": time.monotonic(), "violations": found}).partition("/")
        if word == "hang":
            self.server.released.wait(60)
            self.close_connection = True
        elif word == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif word == "echo":
            self.reply(404, f"no such page: {self.path} ".encode() +
                       str(self.headers).replace("\n", " ").encode() + body, option)
        elif word in ("ok", "slow"):
            time.sleep(1 if word == "slow" else 0)
            self.reply(*ANSWERS[kind], option)
        else:
            self.reply(int(word), REFUSALS[kind], option)

    def reply(self, status, body, retry_after):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    do_POST = do_PUT = answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--out", help="JSON lines, one per request")
    parser.add_argument("--script", default="ok", help="see above")
    options = parser.parse_args()
    out = open(options.out, "w", encoding="utf-8") if options.out else None
    receiver = Receiver(options.script, port=options.port, out=out)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=ended.set).start())
    print(f"port {receiver.server_address[1]}", flush=True)
    ended.wait()
    for violation in receiver.violations():
        print(f"violation: {violation}", file=sys.stderr)
    os._exit(1 if receiver.violations() else 0)


if __name__ == "__main__":
    main()
