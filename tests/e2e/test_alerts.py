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
HANGING = """
logging: {level: info}
trace: {file: t.rkt.zst}
alerting:
  group_wait: 0s
  rules:
    - {name: hangs, condition: {kernel_in_flight: {longer_than: 2s}}, kernels: ["endless*"],
       annotations: {summary: "{subject} grid {grid} stream {stream} thread {thread}"}}
"""
BURNING = """
logging: {level: info}
trace: {file: t.rkt.zst}
slo:
  - {name: requests, domain: Service, latency_p99: 1us, latency_p50: 10s}
alerting:
  group_wait: 0s
  rules:
    - {name: burns, severity: page, condition: {slo_burn_rate: {slo: "req*", factor: 14.4}}}
"""
TRANSITION = re.compile(r"alerts: (\w+) is (firing|resolved) \((\w+)\): (.*?)(?: \w+=.*)?$")


def told(stderr):
    """[(rule, state, severity, summary)] that a log says."""
    return [match.groups() for line in stderr.decode().splitlines() if (match := TRANSITION.search(line))]


class Alerts(harness.Case):
    def trace(self, program, *args, config=CONFIG, **env):
        (self.folder / "alerts.yaml").write_text(config)
        return self.run_program([self.program(program), *args], folder=self.folder,
                                env={"RUSTKERNEL_CONFIG": self.folder / "alerts.yaml", **env})

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

    def as_told(self, listed):
        return [(alert["rule"], alert["state"], alert["severity"], alert["summary"])
                for alert in listed]

    def test_a_kernel_that_hangs(self):
        """Ten launches of 0.4 s wait in one stream, twice: it fires and is over, twice. That the
        first ten are over says only the synchronisation: their records wait for the next ten."""
        result = self.trace("endless", "6", config=HANGING, SIMGPU_KERNEL_NS_endless=400000000)
        self.assertEqual(result.code, 0, result.stderr)
        live, listed = told(result.stderr), self.listed()
        self.assertEqual(live, self.as_told(listed))
        self.assertEqual([alert[1] for alert in live], ["firing", "resolved"] * 2, live)
        self.assertNotIn("process ended", live[1][3])
        labels = listed[0]["labels"]
        self.assertIn("endless", labels["kernel_id"])
        self.assertEqual(labels["thread"], "endless")
        self.assertEqual(labels["device"], "0")
        self.assertIn("grid 1x1x1 stream " + labels["stream"], listed[0]["summary"])
        self.assertGreater(listed[0]["value"], 2)

    def test_a_budget_that_burns(self):
        result = self.trace("service", "2", config=BURNING)
        self.assertEqual(result.code, 0, result.stderr)
        live, listed = told(result.stderr), self.listed()
        self.assertEqual(live, self.as_told(listed))
        self.assertEqual([(alert[0], alert[1]) for alert in live],
                         [("burns", "firing"), ("burns", "resolved")])
        self.assertEqual((listed[0]["labels"]["slo"], listed[0]["labels"]["target"]),
                         ("requests", "latency_p99"))
        # Every request is slower than 1 us, and one in a hundred might be.
        self.assertAlmostEqual(listed[0]["value"], 100)

    def test_alerts_and_notices_are_metrics(self):
        gateway = self.gateway()
        result = self.trace("endless", "2", config=CONFIG.replace("[{log: {}}", f"""
    [{{webhook: {{name: hook, url: "{gateway.url}/hook"}}}}""").replace(
        "group_wait: 0s", "group_wait: 0s\n  resolve_at_end: false"),
                            RUSTKERNEL_PUSHGATEWAY_URL=gateway.url)
        self.assertEqual(result.code, 0, result.stderr)
        pushed = "".join(body for path, body in gateway.groups.items() if path != "/hook")
        self.assertIn('rustkernel_alerts{rule="slow",severity="critical",state="firing"} 1\n',
                      pushed)
        self.assertIn('rustkernel_alerts{rule="slow",severity="critical",state="pending"} 0\n',
                      pushed)
        self.assertIn('rustkernel_alerts{rule="failing",severity="warning",state="firing"} 0\n',
                      pushed)
        self.assertRegex(pushed, r'rustkernel_notifications_sent_total{channel="hook"} [1-9]')

    def test_notices_say_who_and_why(self):
        """Who holds the memory, and what the GPU did instead of working; live as from the file."""
        gateway = self.gateway()
        result = self.trace("endless", "6", config=f"""
trace: {{file: t.rkt.zst}}
alerting:
  group_wait: 0s
  resolve_at_end: false
  rules:
    - {{name: held, condition: {{memory_exceeds: {{pool: device, threshold: 1KiB}}}}}}
    - {{name: unused, condition: {{gpu_idle: {{state: idle, threshold: 0.001, window: 2s}}}}}}
  channels:
    - webhook: {{send_resolved: false, url: "{gateway.url}/hook"}}
    - slack: {{send_resolved: false, webhook_url: "{gateway.url}/slack"}}
    - pagerduty: {{send_resolved: false, url: "{gateway.url}/pd", service_key: 0123456789abcdef0123456789abcdef}}
""")
        self.assertEqual(result.code, 0, result.stderr)
        listed = {alert["rule"]: alert for alert in self.listed() if alert["state"] == "firing"}
        self.assertEqual(sorted(listed), ["held", "unused"], result.stderr)
        holders = listed["held"]["top_holders"]
        self.assertRegex(holders, r"^[0-9.]+ [KM]iB \(\d+ %\) device in \d+ by cuMemAlloc\w*, thread \d+")
        split = listed["unused"]["idle_split"]
        self.assertRegex(split, r"\d %.* of [0-9.]+ m?s$")
        self.assertEqual(listed["unused"]["labels"]["gpu_state"], "idle")
        # The receiver keeps the last body: the alert that came last is the slower one.
        told = json.loads(gateway.groups["/hook"])["alerts"][0]
        self.assertEqual((told["labels"]["alertname"], told["annotations"]["idle_split"]),
                         ("unused", split))
        self.assertNotIn("top_holders", told["annotations"])
        self.assertIn(f"```{split}```", json.dumps(json.loads(gateway.groups["/slack"])))
        details = json.loads(gateway.groups["/pd"])["payload"]["custom_details"]
        self.assertEqual(details["idle_split"], split)

    def test_the_same_every_time(self):
        self.trace("endless", "2")
        self.assertEqual(self.listed(), self.listed())

    def test_nothing_is_run_inside_a_program(self):
        result = self.trace("endless", "2")
        self.assertIn(b"the channel command is not used", result.stderr)
        self.assertFalse((self.folder / "forked").exists())

    def run_with_commands(self, *program, config=CONFIG, **env):
        (self.folder / "alerts.yaml").write_text(config)
        environment = harness.environment(self.folder, preload=False, **env)
        return subprocess.run([harness.RKTRACE, "run", "--config", "alerts.yaml", "--summary", "never",
                               *program], check=False, capture_output=True, text=True,
                              cwd=self.folder, env=environment, timeout=120)

    def test_run_runs_commands_for_its_child(self):
        plain = subprocess.run([self.program("endless"), "2"], check=True, capture_output=True,
                               text=True, timeout=60, env=harness.environment(self.folder))
        config = CONFIG.replace("[touch, forked]",
                                "[sh, -c, 'cat >> notices; echo >> notices; echo to the terminal']")
        result = self.run_with_commands(self.program("endless"), "2", config=config)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, plain.stdout)
        self.assertIn("to the terminal", result.stderr)
        self.assertNotIn("is not used", result.stderr)
        notices = [json.loads(line) for line in (self.folder / "notices").read_text().split("\n")
                   if line]
        seen = {(alert["rule"], alert["state"]) for notice in notices
                for alert in notice["alerts"]}
        self.assertLessEqual({("slow", "firing"), ("slow", "resolved")}, seen)
        # Once: by the program or by us, not by both.
        self.assertEqual(result.stderr.count("notice to log, slow firing:"), 1, result.stderr)

    def test_a_command_that_hangs_does_not_keep_the_launcher(self):
        config = CONFIG.replace("{argv: [touch, forked]}",
                                "{argv: [sleep, '100'], timeout: 500ms}")
        result = self.run_with_commands(self.program("endless"), "1", config=config)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("and was killed", result.stderr)

    def test_commands_without_a_file_are_refused_once(self):
        result = self.run_with_commands(self.program("endless"), "1",
                                        config=CONFIG.replace("file: t.rkt.zst", "file: none"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr.count("commands of alerts are not run"), 1, result.stderr)
        self.assertNotIn("is not used", result.stderr)
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
