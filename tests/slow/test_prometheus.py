# SPDX-License-Identifier: Apache-2.0
"""A current Prometheus and the distribution's: they scrape us in every format they know, take our
metrics by OTLP where they can, and evaluate the rules that we ship.

usage: test_prometheus.py current|distribution
"""
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse

import servers
from servers import harness

RULES = sorted((harness.ROOT / "deploy" / "prometheus").glob("*rules*.yml"))
CURRENT = sys.argv[1:2] != ["distribution"]
KERNELS = "rustkernel_executions_total"
DURATION = "rustkernel_execution_duration_seconds"

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
- job_name: classic
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
- job_name: text
{text}
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
# What only a current one has: native histograms by the protobuf format, an older text on demand.
NATIVE = """- job_name: native
  scrape_native_histograms: true
  scrape_protocols: [PrometheusProto]
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
otlp: {{}}
"""


class Prometheus(harness.Case):
    def start_program(self, port, web):
        folder = self.folder / "traced"
        folder.mkdir()
        env = {"RUSTKERNEL_METRICS_PORT": port, "OTEL_SERVICE_NAME": "traced"}
        if CURRENT:
            env |= {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT":
                    f"http://127.0.0.1:{web}/api/v1/otlp/v1/metrics",
                    "OTEL_METRIC_EXPORT_INTERVAL": 1000}
        said = open(folder / "stderr", "wb")
        self.addCleanup(said.close)
        process = subprocess.Popen([self.program("endless")], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=said,
                                   env=harness.environment(folder, **env))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return folder / "stderr"

    def start_server(self, port, web):
        config = self.folder / "prometheus.yml"
        text = "  scrape_protocols: [PrometheusText0.0.4]" if CURRENT else ""
        config.write_text(CONFIG.format(port=port, text=text,
                                        rules=", ".join(f'"{rule}"' for rule in RULES)) +
                          (NATIVE.format(port=port) if CURRENT else ""))
        binary = (servers.binary_of("prometheus") if CURRENT else shutil.which("prometheus"))
        options = ["--web.enable-otlp-receiver"] if CURRENT else \
            ["--enable-feature=exemplar-storage"]
        server = servers.Server(self, "prometheus",
                                [binary, f"--config.file={config}",
                                 f"--storage.tsdb.path={self.folder}/data",
                                 f"--web.listen-address=127.0.0.1:{web}", *options], web)
        server.wait_for(lambda: servers.is_ready(f"http://127.0.0.1:{web}/-/ready"), "not ready")
        return server

    def query(self, text):
        """[(labels, value)] of an instant query."""
        url = f"http://127.0.0.1:{self.web}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        data = json.loads(servers.get(url))["data"]["result"]
        return [(entry["metric"], entry.get("value", entry.get("histogram"))[1])
                for entry in data]

    def wait_query(self, text):
        return self.server.wait_for(lambda: self.query(text), f"nothing for {text}")

    def kernels(self):
        """What we say ourselves: the sum of all kernels."""
        text = servers.get(f"http://127.0.0.1:{self.port}/metrics").decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(KERNELS + "{"))

    def assert_counts(self, select):
        """The newest sample lies between what we said before it and what we say after it."""
        before = self.kernels()
        time.sleep(2.5)
        found = sum(float(value) for _, value in self.wait_query(f"{KERNELS}{select}"))
        self.assertLessEqual(before, found, select)
        self.assertLessEqual(found, self.kernels(), select)

    def test_scrapes_ingests_and_evaluates(self):
        self.assertTrue(RULES, "no rules are shipped")
        self.port, self.web = harness.free_port(), harness.free_port()
        said = self.start_program(self.port, self.web)
        self.server = self.start_server(self.port, self.web)
        for job in ["classic", "text"] + (["native"] if CURRENT else []):
            with self.subTest(job=job):
                self.wait_query(f'{KERNELS}{{job="{job}"}}')
                self.assert_counts(f'{{job="{job}"}}')
                self.assertEqual([v for _, v in self.query(f'up{{job="{job}"}}')], ["1"])
                info = self.wait_query(f'target_info{{job="{job}"}}')
                self.assertEqual(info[0][0]["service_name"], "traced")
        with self.subTest("quantiles"):
            self.assert_histograms()
        if CURRENT:
            with self.subTest("otlp"):
                self.assert_otlp()
        with self.subTest("rules"):
            self.assert_rules()
        with self.subTest("targets"):
            targets = json.loads(servers.get(f"http://127.0.0.1:{self.web}/api/v1/targets"))
            errors = [t["lastError"] for t in targets["data"]["activeTargets"] if t["lastError"]]
            self.assertEqual(errors, [])
        self.assertEqual(self.noteworthy(said), [])

    @staticmethod
    def noteworthy(path):
        """Log lines of the library: before the receiver was up it may say that it was not."""
        return [line for line in path.read_text().splitlines()
                if "could not send" not in line and line]

    def assert_histograms(self):
        bucket = self.wait_query(f'histogram_quantile(0.5, sum by (le) '
                                 f'({DURATION}_bucket{{job="text"}}))')
        classic = float(bucket[0][1])
        self.assertGreater(classic, 0)
        if not CURRENT:
            return
        native = self.wait_query(f'histogram_quantile(0.5, sum({DURATION}{{job="native"}}))')
        # Buckets 1-2-5 against a ninth of an octave.
        self.assertLess(abs(float(native[0][1]) / classic - 1), 1.5)

    def assert_otlp(self):
        select = '{job="traced"}'
        self.wait_query(f"{KERNELS}{select}")
        self.assert_counts(select)
        ours = {tuple(sorted((k, v) for k, v in metric.items() if k in
                             ["kernel_id", "domain", "device", "source", "status"]))
                for metric, _ in self.query(f'{KERNELS}{{job="text"}}')}
        theirs = {tuple(sorted((k, v) for k, v in metric.items() if k in
                               ["kernel_id", "domain", "device", "source", "status"]))
                  for metric, _ in self.query(f"{KERNELS}{select}")}
        self.assertEqual(ours, theirs)
        for name in [f"{DURATION}_bucket", "rustkernel_memory_bytes", "rustkernel_active_kernels"]:
            self.wait_query(name + select)

    def assert_rules(self):
        def evaluated():
            url = f"http://127.0.0.1:{self.web}/api/v1/rules"
            groups = json.loads(servers.get(url))["data"]["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None

        rules = self.server.wait_for(evaluated, "rules are not evaluated", limit=90)
        self.assertEqual([rule for rule in rules if rule["health"] != "ok"], [])
        alerts = {rule["name"] for rule in rules if rule["type"] == "alerting"}
        shipped = set(re.findall(r"^\s*- alert: (\S+)", "".join(r.read_text() for r in RULES), re.M))
        self.assertEqual(alerts, shipped)


if __name__ == "__main__":
    if not CURRENT and not shutil.which("prometheus"):
        print("no prometheus of the distribution here: tools/setup brings it", file=sys.stderr)
        sys.exit(77)
    del sys.argv[1:]
    harness.main()
