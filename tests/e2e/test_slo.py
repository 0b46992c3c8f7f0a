# SPDX-License-Identifier: Apache-2.0
"""What a program says of itself, and what was promised of it: live, replayed and checked alike."""
import json
import math

import harness

SLOS = """
slo:
- { name: requests, domain: Service, latency_p50: 10s, latency_p99: 1us, error_rate: 0.5, min_executions: 20 }
- { name: kernels, kernel: "service*", source: gpu, latency_p95: 1s, throughput: 1 }
- { name: minutes, source: gpu, availability: 0.5 }
- { name: nothing, domain: Nowhere, latency_p50: 1s }
"""
STATES = {"too little data": 0, "met": 1, "at risk": 2, "violated": 3}
SLO = "rustkernel_slo_"
# About the process that sends, not about the trace.
OWN = ("rustkernel_tracer_", "process_", "rustkernel_last_push_", "target_info",
       "rustkernel_circuit_breaker_state")


def comparable(samples):
    return {series: value for series, value in samples.items() if not series.startswith(OWN)}


class Service(harness.Case):
    def setUp(self):
        super().setUp()
        self.slos = self.folder / "slo.yaml"
        self.slos.write_text(SLOS)
        self.live = self.gateway()

    def serve(self, **env):
        """Run the service for a second. Return: its trace file."""
        done = self.run_program([self.program("service"), "1"], env={
            "RUSTKERNEL_CONFIG": self.slos, "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
            "RUSTKERNEL_PUSHGATEWAY_URL": self.live.url, **env})
        self.assertEqual((done.code, done.stdout), (0, b"ready\ndone\n"), done.stderr)
        return done.folder / "live.rkt.zst"

    def series_of(self, target):
        """The series that the verdict on @target has, as `rktrace check --json` tells it."""
        labels = f'{{slo="{target["slo"]}",target="{target["target"]}"}}'
        values = {"state": STATES[target["verdict"]], "compliance": target["compliance"],
                  "headroom": target["headroom"], "budget_left": target["budget_left"]}
        values.update({f"burn_rate_{window}": rate
                       for window, rate in target["burn_rate"].items()})
        return {f"{SLO}{name}{labels}": value for name, value in values.items()
                if value is not None}

    def test_a_change_is_an_event(self):
        trace = self.serve(RUSTKERNEL_LOGGING_OUTPUT="log.json", RUSTKERNEL_LOGGING_FORMAT="json",
                           RUSTKERNEL_LOGGING_LEVEL="info")
        self.rktrace("replay", trace, "--config", self.slos, "--log", self.folder / "again.json")
        told = [[json.loads(line) for line in path.read_text().splitlines() if '"slo: ' in line]
                for path in (trace.parent / "log.json", self.folder / "again.json")]
        self.assertEqual(*[[line["message"] for line in lines] for lines in told])
        lines = [line for line in told[0] if "latency_p99 of requests" in line["message"]]
        self.assertEqual(len(lines), 1, told)
        self.assertIn("latency_p99 of requests is violated, was met", lines[0]["message"])
        self.assertEqual(lines[0]["level"], "ERROR")

    def test_live_is_what_the_check_says(self):
        trace = self.serve()
        checked = json.loads(self.rktrace("check", trace, "--slo", self.slos, "--json", code=1))
        self.assertEqual({(t["slo"], t["target"]): t["verdict"] for t in checked["targets"]
                          if t["target"] != "throughput"},
                         {("requests", "latency_p50"): "met", ("requests", "latency_p99"): "violated",
                          ("requests", "error_rate"): "met", ("kernels", "latency_p95"): "met",
                          ("minutes", "availability"): "met",
                          ("nothing", "latency_p50"): "too little data"})
        expected = {}
        for target in checked["targets"]:
            expected.update(self.series_of(target))
        live = {series: value for series, value in self.live.samples().items()
                if series.startswith(SLO)}
        self.assertEqual(set(live), set(expected))
        for series, value in expected.items():
            self.assertTrue(math.isclose(live[series], value, rel_tol=1e-9, abs_tol=1e-12),
                            (series, live[series], value))

    def test_metrics_of_the_program(self):
        trace = self.serve(BAGGAGE="tenant_id=acme,secret=x",
                           RUSTKERNEL_METRICS_BAGGAGE_LABELS="tenant_id")
        live = self.live.samples()
        served = live["service_requests_total"]
        self.assertGreater(served, 20)
        kernel = 'kernel_id="service/request",domain="Service",device="",source="api"'
        executions = {status: live[f'rustkernel_executions_total{{{kernel},status="{status}",'
                                   'tenant_id="acme"}'] for status in ("ok", "error")}
        self.assertEqual(sum(executions.values()), served)
        self.assertEqual(executions["error"], served // 10)
        self.assertEqual(
            live[f'rustkernel_execution_duration_seconds_count{{{kernel},tenant_id="acme"}}'], served)
        self.assertEqual(harness.sum_of(live, "rustkernel_executions_total", source="gpu",
                                        kernel_id="service_kernel"), 4 * served)
        self.assertEqual(live['rustkernel_memory_bytes{device="",pool="user"}'], 0)
        self.assertEqual(live['rustkernel_queue_depth{kernel_id="service/request",'
                              'domain="Service"}'], (served - 1) % 7)
        self.assertFalse([series for series in live if "secret" in series])
        again = self.gateway()
        self.rktrace("replay", trace, "--pushgateway", again.url, env={
            "RUSTKERNEL_CONFIG": self.slos, "RUSTKERNEL_METRICS_BAGGAGE_LABELS": "tenant_id"})
        self.assertEqual(comparable(live), comparable(again.samples()))


if __name__ == "__main__":
    harness.main()
