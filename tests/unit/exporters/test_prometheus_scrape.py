#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus finds the server by file, authenticates, and stores what was exposed.

Environment: RK_SCRAPE_DRIVER, RK_NET_LIBRARY (what meson built), PYTHONPATH (prometheus-client).
"""
import base64
import contextlib
import http.server
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

import test_scrape

USER, PASSWORD = "scraper", "s3cret:word"
DURATION = "rustkernel_execution_duration_seconds"
CONFIG = """
global: {{scrape_interval: 300ms, scrape_timeout: 300ms}}
scrape_configs:
- job_name: direct
  basic_auth: {{username: {user}, password: "{password}"}}
  file_sd_configs: [{{files: ["{list}"]}}]
- job_name: text
  proxy_url: {proxy}
  basic_auth: {{username: {user}, password: "{password}"}}
  file_sd_configs: [{{files: ["{list}"]}}]
- job_name: stranger
  file_sd_configs: [{{files: ["{list}"]}}]
"""


class TextProxy(http.server.BaseHTTPRequestHandler):
    """Prometheus always prefers another format: this one asks for the text on its behalf."""

    types = set()

    def do_GET(self):
        request = urllib.request.Request(self.path, headers={
            "Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip",
            "Authorization": self.headers["Authorization"]})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                request, timeout=5) as reply:
            body = reply.read()
            self.types.add(reply.headers["Content-Type"])
            self.send_response(reply.status)
            for name in ("Content-Type", "Content-Encoding", "Content-Length"):
                self.send_header(name, reply.headers[name])
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Prometheus:
    def __init__(self, folder, config, *options):
        self.port = test_scrape.free_port()
        data = folder / f"prometheus-{self.port}"
        data.mkdir()
        (data / "config.yml").write_text(config, encoding="utf-8")
        self.log = open(data / "log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={data / 'config.yml'}",
             f"--storage.tsdb.path={data / 'tsdb'}", f"--web.listen-address=127.0.0.1:{self.port}",
             *options], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def api(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?" + urllib.parse.urlencode(parameters)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                url, timeout=5) as reply:
            return json.load(reply)["data"]

    def query(self, expression):
        return self.api("query", query=expression)["result"]

    def health(self):
        """{job: what it says about its target}, once all three have been scraped."""
        with contextlib.suppress(OSError):
            found = {t["labels"]["job"]: t for t in self.api("targets")["activeTargets"]}
            if len(found) == 3 and "unknown" not in {t["health"] for t in found.values()}:
                return found
        return None


def key_of(labels):
    """What identifies a series in the exposition: without what Prometheus knows of the target."""
    own = {k: v for k, v in labels.items() if k not in ("job", "instance", "exe", "service_name")}
    if "le" in own:
        own["le"] = str(float(own["le"]))
    return tuple(sorted(own.items()))


class RealPrometheus(test_scrape.Case):
    def setUp(self):
        super().setUp()
        secret = self.folder / "secret"
        secret.write_text(f"{USER}:{PASSWORD}", encoding="utf-8")
        secret.chmod(0o600)
        self.driver = self.server("kernels=12", "runs=60",
                                  RUSTKERNEL_METRICS_BASIC_AUTH_FILE=str(secret))
        self.addCleanup(self.driver.end)
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), TextProxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        self.config = CONFIG.format(user=USER, password=PASSWORD, list=self.driver.list,
                                    proxy=f"http://127.0.0.1:{proxy.server_port}")

    def start(self, *options):
        prometheus = Prometheus(self.folder, self.config, *options)
        self.addCleanup(prometheus.stop)
        return prometheus

    def exposed(self):
        """{labels and name: value} of every sample, as Prometheus' own Python parser reads it."""
        from prometheus_client.parser import text_string_to_metric_families as text
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        _, _, body = self.driver.get(Authorization="Basic " + token)
        return {key_of({**s.labels, "__name__": s.name}): s.value
                for family in text(body.decode()) for s in family.samples}

    def stored(self, prometheus, job):
        return {key_of(r["metric"]): float(r["value"][1]) for r in prometheus.query(
            f'{{__name__=~"rustkernel_.+|target_info",job="{job}"}}') if "value" in r}

    def check_targets(self, prometheus):
        targets = test_scrape.wait_until(prometheus.health, 20)
        for job in ("direct", "text"):
            self.assertEqual(targets[job]["health"], "up", targets[job]["lastError"])
            self.assertEqual(targets[job]["labels"]["exe"], "scrape_driver")
        self.assertEqual(targets["stranger"]["health"], "down")
        self.assertIn("401", targets["stranger"]["lastError"])

    def same(self, stored, exposed):
        self.assertEqual(stored.keys(), exposed.keys())
        for key, value in exposed.items():
            self.assertTrue(math.isclose(stored[key], value, rel_tol=1e-12), key)

    def test_every_format_arrives_as_exposed(self):
        plain = self.start()
        native = self.start("--enable-feature=native-histograms")
        self.check_targets(plain)
        exposed = self.exposed()
        self.assertGreater(len(exposed), 12 * 20)
        self.same(self.stored(plain, "text"), exposed)
        self.same(self.stored(plain, "direct"), exposed)
        self.assertEqual(TextProxy.types, {"text/plain; version=0.0.4; charset=utf-8"})
        self.check_native(native, exposed)

    def check_native(self, prometheus, exposed):
        """By protobuf histograms are native ones: as many values, with the same sum."""
        self.check_targets(prometheus)
        others = {k: v for k, v in exposed.items()
                  if not any(name == "__name__" and value.endswith(("_bucket", "_sum", "_count"))
                             for name, value in k)}
        stored = self.stored(prometheus, "direct")
        self.assertEqual({k: stored[k] for k in others}, others)
        found = prometheus.query(DURATION + '{job="direct"}')
        self.assertEqual(len(found), 12)
        for result in found:
            histogram = result["histogram"][1]
            labels = {k: v for k, v in result["metric"].items()}
            for part in ("count", "sum"):
                key = key_of({**labels, "__name__": f"{DURATION}_{part}"})
                self.assertTrue(math.isclose(float(histogram[part]), exposed[key],
                                             rel_tol=1e-12), (part, key))
            self.assertEqual(sum(float(bucket[3]) for bucket in histogram["buckets"]),
                             float(histogram["count"]))


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        print("skipped: there is no prometheus here; tools/setup fetches it")
        sys.exit(77)
    unittest.main(verbosity=2)
