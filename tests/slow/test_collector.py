# SPDX-License-Identifier: Apache-2.0
"""The real OpenTelemetry Collector receives what the Python receiver does."""
import json
import pathlib
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import harness  # noqa: E402

CONFIG = """
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{port}"}}
exporters:
  file: {{path: "{path}", flush_interval: 100ms}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
"""


def plain(value):
    """An OTLP/JSON AnyValue as a Python value."""
    kind, content = next(iter(value.items()))
    return int(content) if kind == "intValue" else content


def spans_of(path):
    """Every span of the exporter's file: id, times, name, attributes."""
    found = {}
    for line in path.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    found[span["spanId"]] = {
                        "trace_id": span["traceId"],
                        "parent_span_id": span.get("parentSpanId", ""),
                        "name": span["name"],
                        "start_ns": int(span["startTimeUnixNano"]),
                        "end_ns": int(span["endTimeUnixNano"]),
                        "attributes": {entry["key"]: plain(entry["value"])
                                       for entry in span.get("attributes", [])},
                    }
    return found


class Collector(harness.Case):
    def start(self, binary):
        port, out = harness.free_port(), self.folder / "collector.json"
        config = self.folder / "collector.yaml"
        config.write_text(CONFIG.format(port=port, path=out))
        log = open(self.folder / "collector.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen([binary, "--config", str(config)], stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process, f"http://127.0.0.1:{port}", out
            time.sleep(0.1)
        raise AssertionError((self.folder / "collector.log").read_text())

    def test_receives_the_same(self):
        built = subprocess.run([str(HERE / "build_collector.sh")], check=False,
                               capture_output=True, text=True)
        if built.returncode == 77:
            print(built.stderr, file=sys.stderr)
            sys.exit(77)
        process, url, out = self.start(built.stdout.strip())
        live = self.run_program([self.program("storm"), 1000, 4, 8],
                                env={"RUSTKERNEL_OTLP_ENDPOINT": url,
                                     "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                                     "RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0})
        self.assertEqual((live.code, live.stderr), (0, b""))
        receiver = self.receiver()
        self.rktrace("replay", live.folder / "live.rkt.zst", "--otlp", receiver.url,
                     env={"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0})
        time.sleep(1)
        process.terminate()
        process.wait(20)
        collected, received = spans_of(out), receiver.spans()
        self.assertEqual(len(collected), len(received))
        self.assertEqual(len(harness.kernel_spans(received)), 1000)
        for span in received:
            same = collected[span["span_id"]]
            for field in ["trace_id", "name", "start_ns", "end_ns"]:
                self.assertEqual(same[field], span[field])
            self.assertEqual(same["parent_span_id"], span.get("parent_span_id") or "")
            self.assertEqual(same["attributes"], span["attributes"])


if __name__ == "__main__":
    harness.main()
