# SPDX-License-Identifier: Apache-2.0
"""The Grafana dashboard: Grafana's own model knows every key of it, and every query of every panel
and variable gives data at a real Prometheus that scrapes a real run.
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

FOLDER = harness.ROOT / "deploy" / "grafana"
DASHBOARD = json.loads((FOLDER / "rkpreload.json").read_text(encoding="utf-8"))
RATE_INTERVAL = "10s"
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: rkpreload
  static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
# What the tracer is told, so that there is something to see in every row.
SETTINGS = """
kernels: [{{match: "service*", id: graph/service, domain: Demo}}]
slo: [{{name: demo, domain: Demo, latency_p99: 50ms, availability: 0.999, error_rate: 0.001}}]
alerting:
  rules: [{{name: busy, condition: {{execution_rate_above: {{threshold: 1, window: 2s}}}}}}]
  channels: [{{slack: {{webhook_url: "http://127.0.0.1:{port}/hook"}}}}]
"""


def panels():
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def variables():
    return {entry["name"]: entry for entry in DASHBOARD["templating"]["list"]}


def expand(query):
    """As Grafana does it with everything selected."""
    for name, entry in variables().items():
        value = entry.get("allValue") or entry.get("current", {}).get("value", "")
        query = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", str(value), query)
    query = query.replace("$__rate_interval", RATE_INTERVAL).replace("$__range", "1m")
    assert "$" not in query, query
    return query


class Model(harness.Case):
    def lost(self, ours, theirs, path):
        """What the model did not take over."""
        if isinstance(ours, dict):
            for key, value in ours.items():
                known = isinstance(theirs, dict) and key in theirs
                if known:
                    yield from self.lost(value, theirs[key], f"{path}.{key}")
                elif value not in (None, [], {}):
                    yield f"{path}.{key}"
        elif isinstance(ours, list):
            self.assertIsInstance(theirs, list, path)
            self.assertEqual(len(ours), len(theirs), path)
            for i, value in enumerate(ours):
                yield from self.lost(value, theirs[i], f"{path}[{i}]")
        elif ours is not None and ours != theirs:
            yield f"{path}: {ours!r} became {theirs!r}"

    def test_grafana_knows_every_key(self):
        sys.path.append(str(harness.ROOT / "build" / "deploy"))
        from grafana_foundation_sdk.cog import encoder, plugins
        from grafana_foundation_sdk.models import dashboard
        plugins.register_default_plugins()
        read = dashboard.Dashboard.from_json(DASHBOARD)
        back = json.loads(encoder.JSONEncoder(sort_keys=True).encode(read))
        self.assertEqual(list(self.lost(DASHBOARD, back, "")), [])

    def test_it_is_what_the_generator_makes(self):
        subprocess.run([sys.executable, FOLDER / "generate.py", "--check"], check=True)

    def test_panels_do_not_overlap_and_have_all_they_need(self):
        taken, ids = set(), set()
        for panel in DASHBOARD["panels"]:
            place = panel["gridPos"]
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(taken & cells, panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])
            taken |= cells
            self.assertNotIn(panel["id"], ids)
            ids.add(panel["id"])
        for panel in panels():
            self.assertTrue(panel["description"] and panel["targets"], panel["title"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
            self.assertEqual({t["datasource"]["uid"] for t in panel["targets"]}, {"${datasource}"})

    def test_every_variable_is_used(self):
        text = json.dumps(DASHBOARD["panels"]) + json.dumps(
            [entry["query"] for entry in variables().values()])
        for name in variables():
            self.assertRegex(text, rf"\$\{{?{name}\b", name)


class Queries(harness.Case):
    def start_program(self, port):
        folder = self.folder / "traced"
        folder.mkdir()
        settings = folder / "rkpreload.yml"
        settings.write_text(SETTINGS.format(port=harness.free_port()))
        # Nobody listens there: the breaker opens, spans are lost, for the panels to show.
        env = {"RUSTKERNEL_METRICS_PORT": port, "RUSTKERNEL_CONFIG": settings, "RANK": 3,
               "RUSTKERNEL_OTLP_ENDPOINT": f"http://127.0.0.1:{harness.free_port()}",
               "RUSTKERNEL_METRICS_EXEMPLARS": "always_on",
               "RUSTKERNEL_OVERHEAD_BUDGET": "100%"}
        process = subprocess.Popen([self.program("service"), "600"], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL,
                                   env=harness.environment(folder, **env))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def start_server(self, port):
        self.web = harness.free_port()
        config = self.folder / "prometheus.yml"
        config.write_text(CONFIG.format(port=port))
        self.server = servers.Server(
            self, "prometheus",
            [shutil.which("prometheus"), f"--config.file={config}",
             f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address=127.0.0.1:{self.web}",
             "--enable-feature=exemplar-storage"], self.web)
        self.server.wait_for(lambda: servers.is_ready(f"http://127.0.0.1:{self.web}/-/ready"),
                             "not ready")

    def ask(self, path, **words):
        url = f"http://127.0.0.1:{self.web}/api/v1/{path}?" + urllib.parse.urlencode(words)
        return json.loads(servers.get(url))["data"]

    def assert_panel(self, panel):
        for target in panel["targets"]:
            query = expand(target["expr"])
            with self.subTest(panel=panel["title"], query=query):
                found = self.server.wait_for(
                    lambda q=query: self.ask("query", query=q)["result"], "no data", 12)
                values = [float(entry["value"][1]) for entry in found]
                self.assertTrue(all(value == value for value in values), values)
                legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                for entry in found:
                    self.assertLessEqual(legend, set(entry["metric"]), "the legend has no such label")

    def assert_variable(self, entry):
        label, = re.findall(r"label_values\(.*, (\w+)\)$", entry["query"]["query"])
        selector = re.sub(r"^label_values\((.*), \w+\)$", r"\1", entry["query"]["query"])
        with self.subTest(variable=entry["name"]):
            values = self.ask(f"label/{label}/values", **{"match[]": expand(selector)})
            self.assertTrue(values, selector)

    def test_every_query_gives_data(self):
        port = harness.free_port()
        self.start_program(port)
        self.start_server(port)
        self.server.wait_for(
            lambda: self.ask("query", query="rate(rustkernel_executions_total[10s])")["result"],
            "the program is not scraped")
        for panel in panels():
            self.assert_panel(panel)
        for entry in variables().values():
            if entry["type"] == "query":
                self.assert_variable(entry)
        self.assertEqual(self.ask("label/rustkernel_rank/values"), ["3"])
        exemplars = self.server.wait_for(
            lambda: self.ask("query_exemplars",
                             query="rustkernel_execution_duration_seconds_bucket",
                             start=time.time() - 600, end=time.time()), "no exemplars")
        self.assertTrue(all(e["labels"]["trace_id"] for e in exemplars[0]["exemplars"]))


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        print("no prometheus of the distribution here: tools/setup brings it", file=sys.stderr)
        sys.exit(77)
    harness.main()
