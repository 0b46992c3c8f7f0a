# SPDX-License-Identifier: Apache-2.0
"""A real Pushgateway takes the push; promtool finds nothing to say; a scrape while it runs."""
import shutil
import socket
import subprocess
import time
import unittest
import urllib.request

import harness


def fetch(url, deadline_s=10, **headers):
    """GET with patience: a server that is starting refuses for a moment."""
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            request = urllib.request.Request(url, headers=headers)
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.read().decode(), answer.headers
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def check_with_promtool(case, text):
    if not shutil.which("promtool"):
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=text.encode(), check=False,
                          capture_output=True)
    case.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))


@unittest.skipUnless(shutil.which("prometheus-pushgateway"), "no prometheus-pushgateway here")
class RealPushgateway(harness.Case):
    def test_push(self):
        port = harness.free_port()
        gateway = subprocess.Popen(
            ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{port}",
             f"--persistence.file={self.folder / 'gateway.data'}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(gateway.wait)
        self.addCleanup(gateway.kill)
        fetch(f"http://127.0.0.1:{port}/-/ready")
        result = self.run_program([self.program("storm")],
                                  env={"RUSTKERNEL_PUSHGATEWAY_URL": f"http://127.0.0.1:{port}",
                                       "RANK": 3})
        self.assertEqual(result.code, 0)
        self.assertEqual(result.stderr, b"")
        text, _ = fetch(f"http://127.0.0.1:{port}/metrics")
        ours = [line for line in text.splitlines()
                if line.startswith("rustkernel_executions_total")]
        self.assertTrue(ours, text[:2000])
        self.assertIn('rank="3"', ours[0])
        check_with_promtool(self, "".join(
            line + "\n" for line in text.splitlines()
            if line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith("rustkernel_")))


class Scrape(harness.Case):
    def start(self, **env):
        folder = self.folder / "scraped"
        folder.mkdir()
        process = subprocess.Popen([self.program("endless")], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL,
                                   env=harness.environment(folder, **env))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_scrape_and_health(self):
        port = harness.free_port()
        self.start(RUSTKERNEL_METRICS_PORT=port)
        base = f"http://127.0.0.1:{port}"
        text, headers = fetch(base + "/metrics")
        time.sleep(1.5)
        text, headers = fetch(base + "/metrics")
        self.assertIn("version=0.0.4", headers["Content-Type"])
        self.assertIn("rustkernel_executions_total", text)
        check_with_promtool(self, text)
        text, headers = fetch(base + "/metrics", Accept="application/openmetrics-text")
        self.assertIn("openmetrics-text", headers["Content-Type"])
        self.assertTrue(text.endswith("# EOF\n"))
        self.check_strictly(text)
        for name in ["live", "ready", "startup"]:
            body, headers = fetch(f"{base}/health/{name}")
            self.assertIn("json", headers["Content-Type"])

    def check_strictly(self, text):
        try:
            from prometheus_client.openmetrics import parser
        except ImportError:
            self.skipTest("no python3-prometheus-client here")
        families = list(parser.text_string_to_metric_families(text))
        self.assertIn("rustkernel_executions", [family.name for family in families])

    def test_taken_port_moves_on(self):
        port = harness.free_ports(2)
        with socket.create_server(("127.0.0.1", port)):
            self.start(RUSTKERNEL_METRICS_PORT=port)
            text, _ = fetch(f"http://127.0.0.1:{port + 1}/metrics")
            self.assertIn("rustkernel_", text)


if __name__ == "__main__":
    harness.main()
