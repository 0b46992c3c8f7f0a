#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Alertmanager takes our alerts, passes them on, and lets them end.

Environment: RK_NOTIFY_DRIVER; prometheus-alertmanager on the PATH (else skipped).
"""
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

STOP = "\x1f"
LIMIT = 60  # s, for anything that takes a moment

CONFIG = """
route: { receiver: us, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers:
  - name: us
    webhook_configs: [ { url: "http://127.0.0.1:%d/", send_resolved: true } ]
"""


# Debian's program looks here for what only an installation of the package has.
TEMPLATES = ["default.tmpl", "email.tmpl"]
SHARE = "/usr/share/prometheus/alertmanager"


def program(folder):
    """The program, installed or (as tools/setup does) only unpacked: then one that has its
    templates in its working directory, under a name of the same length."""
    found = pathlib.Path(shutil.which("prometheus-alertmanager")).resolve()
    if pathlib.Path(SHARE).is_dir():
        return found
    for name in TEMPLATES:
        file = found.parents[1] / SHARE.removeprefix("/usr/") / name
        if file.is_file():
            shutil.copy(file, folder)
    code = found.read_bytes().replace(SHARE.encode(), b"./" * (len(SHARE) // 2))
    copy = folder / "alertmanager"
    copy.write_bytes(code)
    copy.chmod(0o700)
    return copy


class Listener(http.server.ThreadingHTTPServer):
    """What Alertmanager's own webhook sends."""

    daemon_threads = True

    def __init__(self):
        messages = self.messages = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, complaint):
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(complaint)


class Real(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-am-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.listener = Listener()
        self.addCleanup(self.listener.server_close)
        self.addCleanup(self.listener.shutdown)
        self.url = f"http://127.0.0.1:{free_port()}"
        (self.folder / "am.yml").write_text(CONFIG % self.listener.server_address[1])
        log = open(self.folder / "am.log", "wb")
        self.addCleanup(log.close)
        self.server = subprocess.Popen(
            [program(self.folder), f"--config.file={self.folder}/am.yml",
             f"--storage.path={self.folder}/data", "--cluster.listen-address=",
             f"--web.listen-address={self.url[7:]}"],
            cwd=self.folder, stdout=log, stderr=log)
        self.addCleanup(self.server.wait, 20)
        self.addCleanup(self.server.terminate)
        wait_for(self.is_ready, "alertmanager does not come up")

    def is_ready(self):
        self.assertIsNone(self.server.poll(), (self.folder / "am.log").read_text())
        try:
            return self.get("/-/ready", as_json=False)
        except OSError:
            return False

    def get(self, path, as_json=True):
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            body = reply.read()
        return json.loads(body) if as_json else body

    def alerts(self):
        return {a["labels"]["alertname"]: a for a in self.get("/api/v2/alerts")}

    def drive(self, *steps):
        config = self.folder / "rk.yaml"
        config.write_text(f"alerting: {{ channels: [ {{ alertmanager: {{ url: '{self.url}', "
                          "link: 'https://grafana.example/d/rk?a=1&b=2' } } ] }\n")
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("RUSTKERNEL_", "OTEL_")) and not k.lower().endswith("_proxy")}
        done = subprocess.run([os.environ["RK_NOTIFY_DRIVER"], *map(str, steps)], check=True,
                              env={**keep, "RUSTKERNEL_CONFIG": str(config)}, timeout=60,
                              capture_output=True, text=True)
        self.assertNotIn("warning", done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_an_alert_lives_and_ends(self):
        story = ["rule=slow", "severity=critical", "label.kernel_id=a b/<c>", "label.odd-name=1",
                 "summary=p95 is 182 ms", "description=two\nlines", "group=one"]
        self.drive(STOP.join(["fire", *story]),
                   STOP.join(["fire", "rule=other", "group=two"]), "until", 2, 30000)
        alerts = self.alerts()
        self.assertEqual(set(alerts), {"slow", "other"})
        slow = alerts["slow"]
        self.assertEqual(slow["status"]["state"], "active")
        self.assertEqual(slow["labels"], {"alertname": "slow", "severity": "critical",
                                          "kernel_id": "a b/<c>", "odd_name": "1"})
        self.assertEqual(slow["annotations"]["description"], "two\nlines")
        self.assertEqual(slow["generatorURL"], "https://grafana.example/d/rk?a=1&b=2")
        self.assertEqual(slow["startsAt"], "2026-09-21T14:13:20.123Z")
        self.assertGreater(slow["endsAt"], slow["updatedAt"])
        wait_for(lambda: len(self.listener.messages) >= 2, "nothing was passed on")
        # Another process tells the end: the labels are all that counts.
        self.drive(STOP.join(["resolve", *story]), "until", 1, 30000)
        wait_for(lambda: set(self.alerts()) == {"other"}, "it does not end")
        wait_for(lambda: any(m["status"] == "resolved" for m in self.listener.messages),
                 "the end was not passed on")

    def test_our_webhook_has_all_that_its_webhook_has(self):
        self.drive(STOP.join(["fire", "rule=slow", "label.kernel_id=k"]), "until", 1, 30000)
        wait_for(lambda: self.listener.messages, "nothing was passed on")
        theirs = self.listener.messages[0]
        config = self.folder / "hook.yaml"
        config.write_text("alerting: { channels: [ { webhook: { url: 'http://127.0.0.1:9' } } ] }")
        done = subprocess.run(
            [os.environ["RK_NOTIFY_DRIVER"], STOP.join(["render", "rule=slow", "label.kernel_id=k"])],
            check=True, env={**os.environ, "RUSTKERNEL_CONFIG": str(config)}, timeout=60,
            capture_output=True, text=True)
        ours = json.loads(done.stdout)
        self.assertLessEqual(set(theirs), set(ours))
        self.assertLessEqual(set(theirs["alerts"][0]), set(ours["alerts"][0]))
        for key, value in theirs.items():
            self.assertIs(type(ours[key]), type(value), key)
        self.assertEqual(ours["version"], theirs["version"])
        self.assertEqual(ours["commonLabels"], theirs["commonLabels"])
        self.assertEqual(ours["alerts"][0]["endsAt"], theirs["alerts"][0]["endsAt"]
                         if theirs["alerts"][0]["endsAt"].startswith("0001") else
                         "0001-01-01T00:00:00Z")


class Example(unittest.TestCase):
    """deploy/, as Alertmanager's own tool reads it, and where our severities go by it."""

    DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy"
    ROUTES = {"page": "oncall,slack", "critical": "slack", "warning": "slack", "info": "nobody"}

    def amtool(self, *words):
        return subprocess.run(["amtool", *map(str, words)], check=False, capture_output=True,
                              text=True, timeout=60)

    def test_the_files_are_valid(self):
        for name in ("alertmanager/alertmanager.yml", "compose/alertmanager.yml"):
            done = self.amtool("check-config", self.DEPLOY / name)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_severity_has_its_way(self):
        for severity, receivers in self.ROUTES.items():
            done = self.amtool("config", "routes", "test", "--config.file",
                               self.DEPLOY / "alertmanager/alertmanager.yml",
                               f"severity={severity}", "alertname=slow")
            self.assertEqual(done.stdout.strip(), receivers, severity)


if __name__ == "__main__":
    if not shutil.which("prometheus-alertmanager"):
        print("prometheus-alertmanager is not there (tools/setup)", file=sys.stderr)
        sys.exit(77)
    unittest.main()
