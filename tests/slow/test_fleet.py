# SPDX-License-Identifier: Apache-2.0
"""The Collector configurations of deploy/collector, as shipped but for their ports: a traced
program, its agent, a gateway that samples whole traces, and what comes out at the end.
"""
import collections
import re

import servers
from servers import harness
from test_collector import CONFIG, Collected, attributes

FOLDER = harness.ROOT / "deploy" / "collector"
DECISION = "2s"
KEEP_NONE_OF_THE_REST = "sampling_percentage: 0"


class Fleet(harness.Case):
    def collector(self, name, text, port, **variables):
        config = self.folder / f"{name}.yaml"
        config.write_text(text)
        words = [f"{key}={value}" for key, value in variables.items()]
        return servers.Server(self, name, ["env", *words, servers.binary_of("collector"),
                                           "--config", config], port)

    def shipped(self, name, **ports):
        """The configuration with its ports and waits replaced, each of which must be there."""
        text = (FOLDER / name).read_text()
        for old, new in ports.items():
            old = old.replace("port_", "")
            self.assertIn(old, text, name)
            text = text.replace(old, str(new))
        # The Collector's own metrics would all listen on one port.
        return text.replace("service:\n", "service:\n  telemetry: {metrics: {level: none}}\n", 1)

    def start_sink(self):
        self.out = self.folder / "sink.json"
        grpc = harness.free_port()
        self.collector("sink", CONFIG.format(http=harness.free_port(), grpc=grpc, path=self.out,
                                             tls=""), grpc)
        return grpc

    def start_gateway(self, sink):
        port = harness.free_port()
        text = self.shipped("gateway.yml", port_4317=port)
        text, count = re.subn(r"decision_wait: \w+", f"decision_wait: {DECISION}", text)
        self.assertEqual(count, 1)
        text, count = re.subn(r"sampling_percentage: \d+", KEEP_NONE_OF_THE_REST, text)
        self.assertEqual(count, 1)
        http = harness.free_port()
        self.gateway_server = self.collector(
            "gateway", text, port, TRACES_ENDPOINT=f"127.0.0.1:{sink}",
            METRICS_ENDPOINT=f"http://127.0.0.1:{http}", LOGS_ENDPOINT=f"http://127.0.0.1:{http}")
        return port

    def start_agent(self, gateway):
        port = harness.free_port()
        text = self.shipped("agent.yml", **{'"0.0.0.0:4317"': f'"127.0.0.1:{port}"',
                                            "0.0.0.0:4318": f"127.0.0.1:{harness.free_port()}",
                                            "port_4317": gateway})
        self.collector("agent", text, port, GATEWAY="localhost")
        return port

    def test_what_is_worth_keeping_arrives_whole(self):
        agent = self.start_agent(self.start_gateway(self.start_sink()))
        live = self.run_program([self.program("service"), 2], env={
            "RUSTKERNEL_OTLP_ENDPOINT": f"http://127.0.0.1:{agent}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
            "RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0})
        self.assertEqual(live.code, 0, live.stderr)
        receiver = self.receiver()
        self.rktrace("replay", live.folder / "live.rkt.zst", "--otlp", receiver.url,
                     env={"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0})
        traces = collections.defaultdict(dict)
        for span in receiver.spans():
            traces[span["trace_id"]][span["span_id"]] = span
        failed = {trace for trace, spans in traces.items()
                  if any(span["status"]["code"] == 2 for span in spans.values())}
        self.assertTrue(failed and len(failed) < len(traces) / 2)
        wanted = sum(len(traces[trace]) for trace in failed)
        self.gateway_server.wait_for(
            lambda: self.out.exists() and len(Collected(self.out).spans) >= wanted,
            "traces are missing", 60)
        collected = Collected(self.out)
        self.assertEqual({span["traceId"] for span in collected.spans.values()}, failed)
        for trace in failed:
            self.assertLessEqual(set(traces[trace]), set(collected.spans))
        self.assertTrue(any(attributes(span).get("request") for span in collected.spans.values()))


if __name__ == "__main__":
    harness.main()
