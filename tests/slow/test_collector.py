# SPDX-License-Identifier: Apache-2.0
"""The real OpenTelemetry Collector: what arrives there is what the trace file says.

HTTP and gRPC, plain, TLS and mTLS; traces, metrics and logs.
"""
import json

import servers
from servers import harness  # with it the folder that chain lies in

import chain  # pylint: disable=wrong-import-order

CONFIG = """
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{http}"{tls}}}
      grpc: {{endpoint: "127.0.0.1:{grpc}"{tls}}}
exporters:
  file: {{path: "{path}", flush_interval: 100ms}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [file]}}
    metrics: {{receivers: [otlp], exporters: [file]}}
    logs: {{receivers: [otlp], exporters: [file]}}
"""
LAUNCHES, THREADS = 400, 2
NO_LIMIT = {"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0}


def plain(value):
    """An OTLP/JSON AnyValue as a Python value."""
    kind, content = next(iter(value.items()))
    return int(content) if kind == "intValue" else content


def attributes(entry):
    return {pair["key"]: plain(pair["value"]) for pair in entry.get("attributes", [])}


class Collected:
    """The exporter's file: spans by id, log records, the newest point of every series."""

    def __init__(self, path):
        self.spans, self.logs, self.points, self.resources = {}, [], {}, []
        for line in path.read_text().splitlines():
            batch = json.loads(line)
            for resource in batch.get("resourceSpans", []):
                self.resources.append(attributes(resource["resource"]))
                for scope in resource["scopeSpans"]:
                    self.spans.update({span["spanId"]: span for span in scope["spans"]})
            for resource in batch.get("resourceLogs", []):
                self.resources.append(attributes(resource["resource"]))
                for scope in resource["scopeLogs"]:
                    self.logs += scope["logRecords"]
            for resource in batch.get("resourceMetrics", []):
                self.resources.append(attributes(resource["resource"]))
                for scope in resource["scopeMetrics"]:
                    for metric in scope["metrics"]:
                        self.take_metric(metric)

    def take_metric(self, metric):
        for kind in ["sum", "gauge", "histogram", "exponentialHistogram"]:
            for point in metric.get(kind, {}).get("dataPoints", []):
                labels = tuple(sorted((k, str(v)) for k, v in attributes(point).items()))
                self.points[metric["name"], labels] = point


class CollectorTest(harness.Case):
    def start(self, tls=""):
        """Return: {protocol: endpoint}, the exporter's file."""
        self.out = self.folder / "collector.json"
        http, grpc = harness.free_port(), harness.free_port()
        config = self.folder / "collector.yaml"
        config.write_text(CONFIG.format(http=http, grpc=grpc, path=self.out, tls=tls))
        self.server = servers.Server(self, "collector",
                                     [servers.binary_of("collector"), "--config", config], http)
        self.server.wait_for(lambda: self.server.listens(grpc), "no gRPC port")
        scheme = "https" if tls else "http"
        return {"http/protobuf": f"{scheme}://127.0.0.1:{http}",
                "grpc": f"{scheme}://127.0.0.1:{grpc}"}

    def compare(self, endpoint, protocol, **settings):
        """Run a program against @endpoint; hold what was collected to the trace file."""
        live = self.run_program(
            [self.program("storm"), LAUNCHES, THREADS, 4],
            env={"RUSTKERNEL_OTLP_ENDPOINT": endpoint,
                 "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                 "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                 "RUSTKERNEL_LOG_LEVEL": "info", **NO_LIMIT, **settings})
        self.assertEqual(live.code, 0, live.stderr)
        receiver, gateway = self.receiver(), self.gateway()
        self.rktrace("replay", live.folder / "live.rkt.zst", "--otlp", receiver.url,
                     "--pushgateway", gateway.url,
                     env=NO_LIMIT)
        expected = receiver.spans()
        self.assertEqual(len(harness.kernel_spans(expected)), LAUNCHES)
        self.server.wait_for(
            lambda: len(self.of_trace(Collected(self.out).spans, expected)) == len(expected),
            "spans are missing")
        collected = Collected(self.out)
        self.assert_spans(self.of_trace(collected.spans, expected), expected)
        self.assert_logs(collected.logs, expected)
        self.assert_metrics(collected.points, gateway.samples())
        return collected

    @staticmethod
    def of_trace(spans, expected):
        ids = {span["trace_id"] for span in expected}
        return {key: span for key, span in spans.items() if span["traceId"] in ids}

    def assert_spans(self, collected, expected):
        self.assertEqual(len(collected), len(expected))
        for span in expected:
            same = collected[span["span_id"]]
            self.assertEqual(same["traceId"], span["trace_id"])
            self.assertEqual(same["name"], span["name"])
            self.assertEqual(int(same["startTimeUnixNano"]), span["start_ns"])
            self.assertEqual(int(same["endTimeUnixNano"]), span["end_ns"])
            self.assertEqual(same.get("parentSpanId", ""), span.get("parent_span_id") or "")
            self.assertEqual(attributes(same), span["attributes"])

    def assert_logs(self, logs, expected):
        """One record per execution, in the context of its root."""
        roots = {span["span_id"] for span in expected if span["name"].startswith("kernel:")}
        told = [log for log in logs if log.get("spanId") in roots]
        self.assertEqual({log["spanId"] for log in told}, roots)
        self.assertEqual(len(told), len(roots))
        for log in told:
            self.assertEqual(log["body"]["stringValue"], "Kernel execution complete")
            self.assertEqual(log["severityNumber"], 9)

    def assert_metrics(self, points, samples):
        """Kernels by OTLP are kernels by Prometheus text."""
        found = {}
        for (name, labels), point in points.items():
            labels = ",".join(f'{key}="{value}"' for key, value in labels)
            value = point.get("asDouble", point.get("asInt", point.get("count")))
            found[name, labels] = float(value)
        counted = 0
        for series, value in samples.items():
            name, _, labels = series.rstrip("}").partition("{")
            if name not in ["rustkernel_executions_total", "rustkernel_transfer_bytes_total",
                            "rustkernel_execution_duration_seconds_count"]:
                continue
            metric = name.removesuffix("_count").removesuffix("_total")
            metric = metric.removesuffix("_seconds").removesuffix("_bytes")
            labels = ",".join(sorted(labels.split(",")))
            self.assertEqual(found.get((metric, labels)), value, f"{series} in {sorted(found)}")
            counted += 1
        self.assertGreater(counted, 2)

    def test_plain(self):
        endpoints = self.start()
        for protocol, endpoint in endpoints.items():
            for compression in ["gzip", "none"]:
                with self.subTest(protocol=protocol, compression=compression):
                    self.compare(endpoint, protocol,
                                 OTEL_EXPORTER_OTLP_COMPRESSION=compression)

    def test_tls(self):
        servers.certificates(self.folder)
        tls = f', tls: {{cert_file: "{self.folder}/server.pem", key_file: "{self.folder}/server.key"}}'
        for protocol, endpoint in self.start(tls).items():
            with self.subTest(protocol=protocol):
                self.compare(endpoint, protocol,
                             OTEL_EXPORTER_OTLP_CERTIFICATE=self.folder / "ca.pem")

    def test_mtls(self):
        servers.certificates(self.folder)
        tls = (f', tls: {{cert_file: "{self.folder}/server.pem", '
               f'key_file: "{self.folder}/server.key", client_ca_file: "{self.folder}/ca.pem"}}')
        ours = {"OTEL_EXPORTER_OTLP_CERTIFICATE": self.folder / "ca.pem",
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": self.folder / "client.pem",
                "OTEL_EXPORTER_OTLP_CLIENT_KEY": self.folder / "client.key"}
        for protocol, endpoint in self.start(tls).items():
            with self.subTest(protocol=protocol):
                self.compare(endpoint, protocol, **ours)
                # Without a certificate of ours the server does not listen to us.
                refused = self.run_program(
                    [self.program("storm"), 10, 1, 1],
                    env={"RUSTKERNEL_OTLP_ENDPOINT": endpoint,
                         "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                         "OTEL_EXPORTER_OTLP_CERTIFICATE": self.folder / "ca.pem"})
                self.assertEqual(refused.code, 0)
                self.assertIn(b"otlp: ", refused.stderr)
                self.assertLess(refused.seconds, 10)

    def test_a_chain_of_processes_is_one_trace(self):
        for protocol, endpoint in self.start().items():
            with self.subTest(protocol=protocol):
                done = self.run_program(chain.command(self), env={
                    "RUSTKERNEL_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                    **NO_LIMIT, **chain.ENVIRONMENT})
                self.assertEqual(done.code, 0, done.stderr)
                printed = done.stdout.decode().split()
                self.server.wait_for(lambda: len(self.of_chain(printed[0])) >= 12, "spans are missing")
                chain.check(self, self.of_chain(printed[0]), printed)

    def of_chain(self, trace):
        """What the Collector wrote of one trace, as chain.check() takes it."""
        spans = chain.Spans()
        for line in self.out.read_text().splitlines():
            for resource in json.loads(line).get("resourceSpans", []):
                for scope in resource["scopeSpans"]:
                    spans += [{"name": span["name"], "trace_id": span["traceId"],
                               "span_id": span["spanId"],
                               "parent_span_id": span.get("parentSpanId", ""),
                               "start_ns": int(span["startTimeUnixNano"]),
                               "end_ns": int(span["endTimeUnixNano"]),
                               "attributes": attributes(span),
                               "resource": attributes(resource["resource"])}
                              for span in scope["spans"] if span["traceId"] == trace]
        return spans


if __name__ == "__main__":
    harness.main()
