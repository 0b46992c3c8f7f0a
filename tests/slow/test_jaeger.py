# SPDX-License-Identifier: Apache-2.0
"""A real Jaeger stores what we send and shows it as one trace."""
import json
import urllib.parse

import servers
from servers import harness


class Jaeger(harness.Case):
    def test_shows_a_trace(self):
        ports = {name: harness.free_port() for name in ["query", "http", "grpc", "admin"]}
        options = [f"--query.http-server.host-port=127.0.0.1:{ports['query']}",
                   f"--query.grpc-server.host-port=127.0.0.1:{harness.free_port()}",
                   f"--collector.otlp.http.host-port=127.0.0.1:{ports['http']}",
                   f"--collector.otlp.grpc.host-port=127.0.0.1:{ports['grpc']}",
                   f"--collector.http-server.host-port=127.0.0.1:{harness.free_port()}",
                   f"--collector.grpc-server.host-port=127.0.0.1:{harness.free_port()}",
                   f"--admin.http.host-port=127.0.0.1:{ports['admin']}"]
        server = servers.Server(self, "jaeger", [servers.binary_of("jaeger"), *options],
                                ports["query"])
        server.wait_for(lambda: server.listens(ports["grpc"]), "no gRPC port")
        for protocol, port, trace_id in [
                ("grpc", ports["grpc"], "4bf92f3577b34da6a3ce929d0e0e4736"),
                ("http/protobuf", ports["http"], "5bf92f3577b34da6a3ce929d0e0e4737")]:
            service = "jaeger-" + protocol.replace("/", "-")
            done = self.run_program(
                [self.program("storm"), 20, 1, 1],
                env={"RUSTKERNEL_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                     "OTEL_EXPORTER_OTLP_PROTOCOL": protocol, "OTEL_SERVICE_NAME": service,
                     "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
                     "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
                     "TRACEPARENT": f"00-{trace_id}-00f067aa0ba902b7-01"})
            self.assertEqual((done.code, done.stderr), (0, b""))
            with self.subTest(protocol=protocol):
                self.assert_shown(server, ports["query"], service, trace_id)

    def assert_shown(self, server, port, service, trace_id):
        query = urllib.parse.urlencode({"service": service, "limit": 1500, "lookback": "1h"})

        def find():
            reply = json.loads(servers.get(f"http://127.0.0.1:{port}/api/traces?{query}"))
            spans = [span for trace in reply["data"] for span in trace["spans"]]
            names = {span["operationName"] for span in spans}
            return spans if any(name.startswith("kernel:") for name in names) else None

        spans = server.wait_for(find, f"{service} is not there")
        self.assertEqual({span["traceID"] for span in spans}, {trace_id})
        ids = {span["spanID"] for span in spans}
        grids = [span for span in spans
                 if any(tag["key"] == "rustkernel.grid" for tag in span["tags"])]
        self.assertEqual(len(grids), 20)
        for span in spans:
            parents = {reference["spanID"] for reference in span["references"]}
            self.assertTrue(parents <= ids | {"00f067aa0ba902b7"}, span)


if __name__ == "__main__":
    harness.main()
