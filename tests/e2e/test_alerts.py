#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules over a program that nobody changed: what its log said while it ran is what the file says."""
import json
import re
import subprocess
import time
import unittest

import harness

CONFIG = """
logging: {level: info}
trace: {file: t.rkt.zst}
alerting:
  group_wait: 0s
  rules:
    - {name: slow, severity: critical, condition: {latency_exceeds: {threshold: 1us, window: 60s}}}
    - {name: failing, condition: {error_rate_exceeds: {threshold: 0.01, window: 60s}}}
    - {name: held, condition: {memory_exceeds: {pool: device, threshold: 1KiB}}}
    - {name: idle, condition: {no_executions_for: {duration: 1s}}}
  channels: [{log: {}}, {command: {argv: [touch, forked]}}]
"""
TRANSITION = re.compile(r"alerts: (\w+) is (firing|resolved) \((\w+)\): (.*?)(?: \w+=.*)?$")


def told(stderr):
    """[(rule, state, severity, summary)] that a log says."""
    return [match.groups() for line in stderr.decode().splitlines() if (match := TRANSITION.search(line))]


class Alerts(harness.Case):
    def trace(self, program, *args):
        (self.folder / "alerts.yaml").write_text(CONFIG)
        return self.run_program([self.program(program), *args], folder=self.folder,
                                env={"RUSTKERNEL_CONFIG": self.folder / "alerts.yaml"})

    def listed(self, *options):
        done = subprocess.run([harness.RKTRACE, "alert", "list", "--json", "t.rkt.zst", "--config",
                               "alerts.yaml", *options], check=False, capture_output=True,
                              text=True, timeout=60, cwd=self.folder)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return [alert for alert in json.loads(done.stdout) if alert["state"] != "pending"]

    def test_the_file_says_what_the_log_said(self):
        result = self.trace("endless", "3")
        self.assertEqual(result.code, 0, result.stderr)
        live = told(result.stderr)
        replayed = [(alert["rule"], alert["state"], alert["severity"], alert["summary"])
                    for alert in self.listed()]
        self.assertEqual(live, replayed)
        self.assertIn(("slow", "firing"), [alert[:2] for alert in live])
        self.assertIn(("held", "firing"), [alert[:2] for alert in live])
        # A clean end resolves what fires, and says why.
        ended = [alert for alert in live if alert[1] == "resolved"]
        self.assertIn("slow", [alert[0] for alert in ended])
        self.assertIn("(process ended)", ended[-1][3])

    def test_failing_launches_fire(self):
        result = self.trace("errors", "config")
        live = told(result.stderr)
        self.assertIn("failing", [alert[0] for alert in live], result.stderr)
        self.assertEqual([alert[:2] for alert in live],
                         [(alert["rule"], alert["state"]) for alert in self.listed()])

    def test_the_same_every_time(self):
        self.trace("endless", "2")
        self.assertEqual(self.listed(), self.listed())

    def test_nothing_is_run_inside_a_program(self):
        result = self.trace("endless", "2")
        self.assertIn(b"the channel command is not used", result.stderr)
        self.assertFalse((self.folder / "forked").exists())

    def test_a_watcher_runs_commands_while_the_program_runs(self):
        """The file is followed: the command is run before the program ends."""
        (self.folder / "alerts.yaml").write_text(CONFIG)
        env = harness.environment(self.folder, RUSTKERNEL_CONFIG=self.folder / "alerts.yaml")
        with subprocess.Popen([self.program("endless"), "60"], cwd=self.folder, env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
            watcher = None
            try:
                self.wait_for(lambda: (self.folder / "t.rkt.zst").exists()
                              and (self.folder / "t.rkt.zst").stat().st_size > 4096)
                watcher = subprocess.Popen([harness.RKTRACE, "alert", "watch", "t.rkt.zst", "--config",
                                            "alerts.yaml"], cwd=self.folder,
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.wait_for(lambda: (self.folder / "forked").exists())
                self.assertIsNone(program.poll())
                self.assertIsNone(watcher.poll())
            finally:
                program.terminate()
                if watcher:
                    watcher.terminate()
                    out, _ = watcher.communicate(timeout=30)
            # It was killed: nobody knows whether it is well, so nothing is resolved.
            self.assertIn("firing", out)
            self.assertNotIn("process ended", out)

    def wait_for(self, condition, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until:
                self.fail("it did not come to pass")
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
