# SPDX-License-Identifier: Apache-2.0
"""The service that the W3C's trace context harness talks to, around our C parser.

POST a JSON list of {"url": U, "arguments": A}: for each, A is POSTed to U with the trace context
that came in, propagated. By itself: service.py PROPAGATE [PORT], then run the W3C's test.py
against http://127.0.0.1:PORT/test.
"""
import http.server
import json
import subprocess
import sys
import threading
import urllib.request

TIMEOUT_S = 10


class Propagator:
    """The filter propagate.c; one question at a time."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([str(program), *map(str, arguments)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()

    def ask(self, headers, calls):
        lines = [b"%d\n" % calls]
        for name, value in headers:
            lines.append(name.encode("latin-1") + b" " + value.encode("latin-1").hex().encode()
                         + b"\n")
        with self.lock:
            self.process.stdin.write(b"".join(lines) + b"\n")
            self.process.stdin.flush()
            read = self.process.stdout.readline
            return [(read().decode().rstrip("\n"), read().decode().rstrip("\n"))
                    for _ in range(calls)]

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(TIMEOUT_S)
        self.process.stdout.close()
        return code


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = TIMEOUT_S

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        calls = json.loads(body)
        contexts = self.server.propagator.ask(self.headers.items(), len(calls))
        for call, (traceparent, tracestate) in zip(calls, contexts):
            headers = {"Content-Type": "application/json", "traceparent": traceparent}
            if tracestate:
                headers["tracestate"] = tracestate
            request = urllib.request.Request(call["url"], json.dumps(call["arguments"]).encode(),
                                             headers)
            with self.server.opener.open(request, timeout=TIMEOUT_S) as reply:
                reply.read()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *arguments):
        pass


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, propagator, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.propagator = propagator
        # What a proxy would do to the headers is not the question.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.url = "http://127.0.0.1:%d/test" % self.server_address[1]


if __name__ == "__main__":
    service = Service(Propagator(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(service.url, flush=True)
    service.serve_forever()
