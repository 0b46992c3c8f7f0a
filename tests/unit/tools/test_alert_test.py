#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rktrace alert test: a real message to a receiver of our own, and its answer.

Environment: RK_RKTRACE, RK_NET_LIBRARY; tests/receivers on the PYTHONPATH.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from notify_receiver import Receiver

SECRET = "XyZSECRETpathXyZ"
KEY = "R0123456789SECRETKEY"


class AlertTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-alert-test-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def run_test(self, receiver, *words, more=""):
        url = receiver.url
        config = self.folder / "rk.yaml"
        config.write_text(
            "tracing: { otlp: { endpoint: 'http://127.0.0.1:9' } }\n"
            "metrics: { pushgateway: { url: 'http://127.0.0.1:9' } }\n"
            "alerting:\n  channels:\n"
            f"    - slack: {{ webhook_url: '{url}/services/{SECRET}', min_severity: critical }}\n"
            f"    - pagerduty: {{ name: oncall, service_key: {KEY}, url: '{url}/v2/enqueue' }}\n"
            f"    - webhook: {{ url: '{url}/{SECRET}', send_resolved: false }}\n"
            f"    - alertmanager: {{ url: '{url}' }}\n"
            "    - log:\n" + more)
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("RUSTKERNEL_", "OTEL_")) and not k.lower().endswith("_proxy")}
        done = subprocess.run([os.environ["RK_RKTRACE"], "alert", "test", *words,
                               "--config", str(config)], check=False, env=keep,
                              capture_output=True, text=True, timeout=60)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        self.assertNotIn(KEY, done.stdout + done.stderr)
        return done

    def test_it_arrives(self):
        answers = {"slack": "HTTP 200", "oncall": "HTTP 202", "webhook": "HTTP 204",
                   "alertmanager": "HTTP 200"}
        with Receiver() as receiver:
            for channel, answer in answers.items():
                done = self.run_test(receiver, channel)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"channel {channel} (", done.stdout)
                self.assertIn(f"{answer} in ", done.stdout)
            self.assertEqual(receiver.violations(), [])
        self.assertEqual([r["kind"] for r in receiver.requests],
                         ["slack", "pagerduty", "webhook", "alertmanager"])
        self.assertEqual(receiver.bodies("alertmanager")[0][0]["labels"]["alertname"],
                         "rktrace_test")

    def test_its_end(self):
        with Receiver() as receiver:
            self.assertEqual(self.run_test(receiver, "oncall").returncode, 0)
            self.assertEqual(self.run_test(receiver, "--resolve", "oncall").returncode, 0)
            self.assertEqual(self.run_test(receiver, "webhook", "--resolve").returncode, 64)
            self.assertEqual(receiver.violations(), [])
        fire, over = receiver.bodies()
        self.assertEqual((fire["event_action"], over["event_action"]), ("trigger", "resolve"))
        self.assertEqual(fire["dedup_key"], over["dedup_key"])

    def test_it_does_not_arrive(self):
        for script, status in (("400", 400), ("echo", 404), ("503", 503), ("reset", 0)):
            with self.subTest(script), Receiver(script) as receiver:
                done = self.run_test(receiver, "slack", "--json")
                self.assertEqual(done.returncode, 69)
                answer = json.loads(done.stdout)
                self.assertEqual((answer["accepted"], answer["status"]), (False, status))
                self.assertTrue(answer["answer"])
                self.assertEqual(len(receiver.requests), 1)

    def test_nobody_answers_in_time(self):
        with Receiver("hang") as receiver:
            row = f"    - webhook: {{ name: dead, url: '{receiver.url}/x', timeout: 300ms }}\n"
            done = self.run_test(receiver, "dead", more=row)
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn("no answer in ", done.stdout)

    def test_what_is_missing_is_named(self):
        with Receiver() as receiver:
            done = self.run_test(receiver, "slak")
            self.assertEqual(done.returncode, 64)
            self.assertIn("there are slack, oncall, webhook, alertmanager, log", done.stderr)
            done = self.run_test(receiver, "slack-6", more="    - slack: { channel: '#x' }\n")
            self.assertEqual(done.returncode, 65)
            self.assertIn("webhook_url or webhook_url_file is missing", done.stderr)
            done = self.run_test(receiver, "gone",
                                 more="    - slack: { name: gone, webhook_url_file: /nowhere }\n")
            self.assertEqual(done.returncode, 69)
            self.assertIn("webhook_url_file of channel gone /nowhere: No such file", done.stderr)
            self.assertEqual(self.run_test(receiver, "log").returncode, 2)
            self.assertEqual(self.run_test(receiver, "slack", "oncall").returncode, 64)
            self.assertEqual(receiver.requests, [])


if __name__ == "__main__":
    unittest.main()
