#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The channels of alerts: what they send, what they do in trouble, what they keep to themselves.

Environment: RK_NOTIFY_DRIVER; tests/receivers on the PYTHONPATH.
"""
import base64
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import notify_rules
from notify_receiver import Receiver

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "receivers"))
import test_classes  # noqa: E402

STOP = "\x1f"
SECRET = "XyZSECRETpathXyZ"
KEY = "R0123456789SECRETKEY"
HOSTILE = "a<!channel>&*_`\"\\\b\u2028\U0001f600</b>'; -- \x01"


def step(verb, **members):
    words = [verb]
    for name, value in members.items():
        words.append(f"{name.replace('label_', 'label.', 1)}={value}")
    return STOP.join(words)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-notify-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.log = ""

    def file(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(mode)
        return path

    def start(self, channels, *steps, **variables):
        """@channels: YAML, one row each. Return: the process."""
        config = self.folder / "rk.yaml"
        config.write_text("alerting:\n  channels:\n" +
                          "".join(f"    - {row}\n" for row in channels))
        keep = {k: v for k, v in os.environ.items()
                if not k.startswith(("RUSTKERNEL_", "OTEL_")) and not k.lower().endswith("_proxy")}
        return subprocess.Popen(
            [os.environ["RK_NOTIFY_DRIVER"], *map(str, steps)],
            env={**keep, "RUSTKERNEL_CONFIG": str(config), **variables},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        self.out, self.log = process.communicate(timeout=90)
        self.assertEqual(process.returncode, 0, self.log)
        return [json.loads(line) for line in self.lines()]

    def lines(self):
        """Not by splitlines(), for which U+2028 ends a line."""
        return self.out.split("\n")[:-1]

    def drive(self, channels, *steps, **variables):
        """Return: series by family and label, with the other results under their names."""
        results = {}
        for row in self.finish(self.start(channels, *steps, **variables)):
            if "family" in row:
                name = row["family"].removeprefix("rustkernel_").removesuffix("_total")
                results[name, row["label"]] = row
            else:
                results.update(row)
        return results

    def number(self, results, outcome, channel):
        return results[f"notifications_{outcome}", channel]["value"]

    def render(self, channel, *steps):
        lines = self.finish(self.start([channel], *steps))
        kind = channel.split(":", maxsplit=1)[0]
        for line in self.lines():
            self.assertEqual(notify_rules.CHECKS[kind](line.encode()), [], line)
        return lines

    def warnings(self):
        return [line for line in self.log.splitlines() if line.startswith("warning: ")]

    def check(self, receiver):
        self.assertEqual(receiver.violations(), [])


SLACK = 'slack: { webhook_url: "http://127.0.0.1:9/services/T/B/x", channel: "#gpu" }'
PAGERDUTY = f"pagerduty: {{ service_key: {KEY} }}"
WEBHOOK = 'webhook: { url: "http://127.0.0.1:9/hook" }'
ALERTMANAGER = 'alertmanager: { url: "http://127.0.0.1:9" }'
STORY = {"rule": "slow_pagerank", "severity": "critical", "label_kernel_id": "graph/pagerank",
         "label_domain": "GraphAnalytics", "trace": "0af7651916cd43dd8448eb211c80319c",
         "description": "one\ntwo"}


class Formats(Case):
    """Bodies, without any network."""

    def test_slack(self):
        row = SLACK.replace(" }", ', username: rk, icon: ":fire:", link: "https://g.example/d?a=1&b=2" }')
        fire, over = self.render(row, step("render", **STORY), step("render-over", **STORY))
        self.assertEqual(fire["text"], "[FIRING] slow_pagerank: p95 is 182 ms")
        self.assertEqual((fire["channel"], fire["username"], fire["icon_emoji"]),
                         ("#gpu", "rk", ":fire:"))
        words, fields, where = fire["attachments"][0]["blocks"]
        self.assertEqual(words["text"]["text"],
                         "*<https://g.example/d?a=1&amp;b=2|slow_pagerank>* critical, firing\n"
                         "p95 is 182 ms\none\ntwo")
        self.assertEqual([f["text"] for f in fields["fields"]],
                         ["*value*\n182 ms", "*threshold*\n100 ms", "*kernel_id*\ngraph/pagerank",
                          "*domain*\nGraphAnalytics"])
        self.assertIn("since 2026-09-21T", where["elements"][0]["text"])
        self.assertIn("host-a | trainer | trace 0af7651916cd43dd8448eb211c80319c",
                      where["elements"][0]["text"])
        self.assertTrue(over["text"].startswith("[RESOLVED] "))
        self.assertIn(" until ", over["attachments"][0]["blocks"][2]["elements"][0]["text"])
        self.assertNotEqual(over["attachments"][0]["color"], fire["attachments"][0]["color"])

    def test_slack_has_a_colour_per_severity(self):
        bodies = self.render(SLACK, *[step("render", severity=s)
                                      for s in ("info", "warning", "critical", "page")])
        self.assertEqual(len({b["attachments"][0]["color"] for b in bodies}), 4)

    def test_slack_keeps_to_its_limits(self):
        big, = self.render(SLACK, step("render", count=300, summary="s" * 2000,
                                       description="d<" * 5000, label_x="y" * 3000))
        shown = len(big["attachments"]) - 1
        self.assertGreaterEqual(shown, 5)
        self.assertEqual(big["attachments"][-1]["fallback"], f"and {300 - shown} more alerts")
        self.assertTrue(big["text"].startswith("[FIRING: 256] "), big["text"])
        self.assertTrue(big["text"].endswith("..."))
        self.assertTrue(
            big["attachments"][0]["blocks"][0]["text"]["text"].endswith("&lt;d&lt;..."))

    def test_slack_says_that_it_is_told_again(self):
        again, = self.render(SLACK, step("render", repeat=3))
        self.assertTrue(again["text"].startswith("[STILL FIRING] "))

    def test_pagerduty(self):
        fire, over = self.render(PAGERDUTY, step("render", **STORY), step("render-over", **STORY))
        self.assertEqual(fire["routing_key"], "the-key")
        self.assertEqual((fire["event_action"], over["event_action"]), ("trigger", "resolve"))
        self.assertEqual(fire["dedup_key"], over["dedup_key"])
        payload = fire["payload"]
        self.assertEqual((payload["summary"], payload["source"], payload["severity"]),
                         ("p95 is 182 ms", "host-a", "critical"))
        self.assertEqual((payload["component"], payload["group"], payload["class"]),
                         ("graph/pagerank", "GraphAnalytics", "slow_pagerank"))
        self.assertEqual(payload["timestamp"], "2026-09-21T14:13:20.123Z")
        self.assertEqual(payload["custom_details"]["value"], "182 ms")
        self.assertEqual(payload["custom_details"]["trace_id"], STORY["trace"])
        self.assertEqual(sorted(over), ["dedup_key", "event_action", "routing_key"])

    def test_pagerduty_has_three_severities_of_ours(self):
        bodies = self.render(PAGERDUTY, *[step("render", severity=s)
                                          for s in ("info", "warning", "critical", "page")])
        self.assertEqual([b["payload"]["severity"] for b in bodies],
                         ["info", "warning", "critical", "critical"])

    def test_pagerduty_cuts_the_summary_at_a_character(self):
        body, = self.render(PAGERDUTY, step("render", summary="x" + "\u00e4" * 1000))
        summary = body["payload"]["summary"]
        self.assertTrue(set(summary) <= set("x\u00e4") and 500 < len(summary) <= 1024, summary)

    def test_alertmanager(self):
        fire, over = self.render(ALERTMANAGER, step("render", **STORY),
                                 step("render-over", **STORY))
        self.assertEqual(fire[0]["labels"], {
            "alertname": "slow_pagerank", "severity": "critical", "kernel_id": "graph/pagerank",
            "domain": "GraphAnalytics"})
        self.assertEqual(fire[0]["labels"], over[0]["labels"])
        self.assertEqual(fire[0]["annotations"]["description"], "one\ntwo")
        self.assertEqual(fire[0]["startsAt"], "2026-09-21T14:13:20.123Z")
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        self.assertGreater(fire[0]["endsAt"], now)
        self.assertLess(over[0]["endsAt"], now)
        self.assertNotIn("generatorURL", fire[0])

    def test_labels_become_what_prometheus_allows(self):
        body, = self.render(ALERTMANAGER, step(
            "render", **{"label.0 a-b": "x", "label._0_a_b": "twice", "label.empty": "",
                         "label.alertname": "me", "label.severity": "none"}))
        self.assertEqual(body[0]["labels"], {"alertname": "high_latency", "severity": "warning",
                                             "_0_a_b": "x"})

    def test_webhook(self):
        one, = self.render(WEBHOOK, step("render", **STORY))
        self.assertEqual(one["alerts"][0]["traceId"], STORY["trace"])
        self.assertEqual((one["alerts"][0]["value"], one["alerts"][0]["unit"]), (0.182, "s"))
        self.assertEqual(one["commonLabels"]["kernel_id"], "graph/pagerank")
        many, = self.render(WEBHOOK, step("render", count=300, **STORY))
        self.assertEqual((len(many["alerts"]), many["truncatedAlerts"]), (256, 44))
        self.assertNotIn("number", many["commonLabels"])
        self.assertEqual(many["commonLabels"]["domain"], "GraphAnalytics")

    def test_details(self):
        """Whoever is told of an alert is told what there is to it, and of each thing its own."""
        details = {"stack": "launch in app\nmain in app", "idle_split": "busy 25.0 % of 8.00 s",
                   "top_holders": "1.0 GiB (90 %) device in 2 by <fill>\n0.1 GiB by main"}
        slack, bare = self.render(SLACK, step("render", **details), step("render"))
        words = slack["attachments"][0]["blocks"][0]["text"]["text"]
        for text in details.values():
            text = text.replace("<", "&lt;").replace(">", "&gt;")
            self.assertIn(f"```{text}```", words)
        self.assertNotIn("```", json.dumps(bare))
        pagerduty, = self.render(PAGERDUTY, step("render", **details))
        self.assertLessEqual(details.items(), pagerduty["payload"]["custom_details"].items())
        alertmanager, = self.render(ALERTMANAGER, step("render", **details))
        self.assertLessEqual(details.items(), alertmanager[0]["annotations"].items())
        webhook, = self.render(WEBHOOK, step("render", **details))
        self.assertLessEqual(details.items(), webhook["alerts"][0]["annotations"].items())
        self.assertLessEqual(details.items(), webhook["commonAnnotations"].items())
        one, = self.render(WEBHOOK, step("render", idle_split="busy"))
        self.assertEqual(set(one["alerts"][0]["annotations"]), {"summary", "idle_split"})

    def test_details_that_are_long_leave_room_for_each_other(self):
        lines = {name: "\n".join(f"{name} {i}" for i in range(300))
                 for name in ("stack", "top_holders", "idle_split")}
        slack, = self.render(SLACK, step("render", **lines))
        words = slack["attachments"][0]["blocks"][0]["text"]["text"]
        self.assertEqual(words.count("```"), 6)
        for name in lines:
            self.assertRegex(words, rf"```{name} 0\n(.*\n)*{name} \d+```")

    def test_hostile_words_stay_words(self):
        members = {"rule": HOSTILE, "summary": HOSTILE, "description": HOSTILE * 400,
                   "label.kernel_id": HOSTILE, "label.d\"<": HOSTILE, "unit": HOSTILE,
                   "stack": HOSTILE, "top_holders": HOSTILE * 400, "idle_split": HOSTILE}
        for row in (SLACK, PAGERDUTY, ALERTMANAGER, WEBHOOK):
            with self.subTest(row):
                self.render(row, step("render", **members), step("render-over", **members))
        bad = os.fsdecode(b"\xff\xfe\xc3(")
        for row in (SLACK, PAGERDUTY, ALERTMANAGER, WEBHOOK):
            self.render(row, step("render", summary=bad, label_k=bad))

    def test_numbers_that_are_none(self):
        for row in (SLACK, PAGERDUTY, ALERTMANAGER, WEBHOOK):
            self.render(row, step("render", value="nan", threshold="inf"))

    def test_units(self):
        body, = self.render(PAGERDUTY, step("render", value=3.5 * 2**30, threshold=2**20,
                                            unit="bytes"))
        details = body["payload"]["custom_details"]
        self.assertEqual((details["value"], details["threshold"]), ("3.5 GiB", "1 MiB"))

    def test_who_takes_what(self):
        row = WEBHOOK.replace(" }", ", min_severity: critical, send_resolved: false }")
        self.finish(self.start([row], step("render", severity="warning"),
                               step("render-over", severity="page"), step("render", severity="page")))
        self.assertEqual([json.loads(line) and 1 for line in self.lines()], [None, None, 1])


class Wire(Case):
    """To a receiver that is well."""

    def test_all_channels_at_once(self):
        with Receiver() as receiver:
            rows = [f'slack: {{ webhook_url: "{receiver.url}/services/T/B/x" }}',
                    f'pagerduty: {{ service_key: {KEY}, url: "{receiver.url}/v2/enqueue" }}',
                    f'webhook: {{ url: "{receiver.url}/hook" }}',
                    f'alertmanager: {{ url: "{receiver.url}" }}', "log:",
                    "command: { argv: [touch, never] }"]
            steps = [step("fire", channel=i, **STORY) for i in range(6)]
            results = self.drive(rows, *steps, "until", 4, 20000, "finish", 2000)
            self.check(receiver)
        kinds = sorted(r["kind"] for r in receiver.requests)
        self.assertEqual(kinds, ["alertmanager", "pagerduty", "slack", "webhook"])
        for kind in kinds:
            self.assertEqual(self.number(results, "sent", kind), 1)
        self.assertEqual(self.warnings(), [])
        self.assertFalse((self.folder / "never").exists())

    def test_an_event_per_alert(self):
        with Receiver() as receiver:
            row = f'pagerduty: {{ service_key: {KEY}, url: "{receiver.url}/v2/enqueue" }}'
            results = self.drive([row], step("fire", count=7), "finish", 2000)
            self.check(receiver)
        self.assertEqual(len({b["dedup_key"] for b in receiver.bodies()}), 7)
        self.assertEqual(self.number(results, "sent", "pagerduty"), 1)

    def test_a_refused_event_does_not_cost_the_others(self):
        with Receiver("ok,400,ok") as receiver:
            row = f'pagerduty: {{ service_key: {KEY}, url: "{receiver.url}/v2/enqueue" }}'
            self.drive([row], step("fire", count=4), "finish", 2000)
        self.assertEqual(len({b["dedup_key"] for b in receiver.bodies()}), 4)
        self.assertEqual(len(self.warnings()), 1)
        self.assertIn("HTTP 400: {\"status\":\"invalid event\"", self.log)

    def test_logins(self):
        password = self.file("password", "open sesame\n")
        token = self.file("token", "tok-123\r\n")
        headers = self.file("headers", "X-Scope-OrgID=a%2Cb\n")
        with Receiver() as receiver:
            self.drive([f'alertmanager: {{ url: "{receiver.url}/", username: me, '
                        f'password_file: {password}, headers_file: {headers} }}',
                        f'alertmanager: {{ url: "{receiver.url}/api/v2/alerts", '
                        f'bearer_token_file: {token} }}',
                        f'webhook: {{ url: "{receiver.url}/hook?x=1", method: PUT }}'],
                       *[step("fire", channel=i) for i in range(3)], "finish", 2000)
            self.check(receiver)
        basic, bearer, webhook = sorted(receiver.requests,
                                        key=lambda r: r["headers"].get("authorization", "~"))
        self.assertEqual(basic["headers"]["authorization"],
                         "Basic " + base64.b64encode(b"me:open sesame").decode())
        self.assertEqual(basic["headers"]["x-scope-orgid"], "a,b")
        self.assertEqual(bearer["headers"]["authorization"], "Bearer tok-123")
        self.assertEqual((webhook["method"], webhook["path"]), ("PUT", "/hook?x=1"))

    def test_a_secret_is_read_when_it_is_used(self):
        with Receiver() as receiver:
            url = self.file("url", f"{receiver.url}/services/old\n")
            process = self.start([f"slack: {{ webhook_url_file: {url} }}"],
                                 step("fire"), "answer", 0, 20000, "hold", 1500,
                                 step("fire", group="other"), "finish", 2000)
            self.assertIn('"accepted":1', process.stdout.readline())
            url.write_text(f"{receiver.url}/services/new\n")
            self.finish(process)
            self.check(receiver)
        self.assertEqual([r["path"] for r in receiver.requests], ["/services/old", "/services/new"])

    def test_tls(self):
        for words in (["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                       "/CN=me", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem",
                       "-out", "cert.pem"],):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        pair = (self.folder / "cert.pem", self.folder / "key.pem")
        with Receiver(certificate=pair) as receiver:
            row = f'slack: {{ webhook_url: "{receiver.url}/services/{SECRET}"'
            good = self.drive([f"{row}, certificate: {pair[0]} }}"], step("fire"), "finish", 2000)
            self.check(receiver)
            self.assertEqual(self.number(good, "sent", "slack"), 1)
            bad = self.drive([f"{row} }}"], step("fire"), "finish", 2000)
        self.assertEqual(self.number(bad, "failed", "slack"), 1)
        self.assertEqual(len(receiver.requests), 1)
        self.assertIn("certificate", self.log)
        self.assertNotIn(SECRET, self.log)

    def test_through_a_proxy(self):
        with Receiver() as proxy:
            self.drive(['webhook: { url: "http://alerts.invalid/hook" }'], step("fire"),
                       "finish", 2000, http_proxy=proxy.url)
        self.assertEqual([r["path"] for r in proxy.requests], ["http://alerts.invalid/hook"])


class Faults(Case):
    ROW = 'slack: {{ webhook_url: "{}/services/T/B/x", {} }}'

    def slack(self, receiver, more="timeout: 10s"):
        return [self.ROW.format(receiver.url, more)]

    def gaps(self, receiver):
        times = [r["time"] for r in receiver.requests]
        return [b - a for a, b in zip(times, times[1:])]

    def test_5xx_and_resets_are_tried_again(self):
        with Receiver("reset,503,500,ok") as receiver:
            results = self.drive(self.slack(receiver), step("fire"), "until", 1, 20000)
        self.assertEqual(self.number(results, "sent", "slack"), 1, self.log)
        self.assertEqual(len(receiver.requests), 4)
        first, second, third = self.gaps(receiver)
        self.assertGreaterEqual(first, 0.24)
        self.assertGreaterEqual(second, 0.49)
        self.assertGreaterEqual(third, 0.99)
        self.assertEqual(self.warnings(), [])
        self.assertIn("; trying again", self.log)
        self.assertIn("takes notices", self.log)

    def test_a_limit_is_respected(self):
        with Receiver("429/2,ok") as receiver:
            results = self.drive(self.slack(receiver), step("fire"), "until", 1, 20000)
        self.assertEqual(self.number(results, "sent", "slack"), 1)
        self.assertGreaterEqual(self.gaps(receiver)[0], 1.9)

    def test_a_refusal_is_final_and_said_once(self):
        with Receiver("400") as receiver:
            results = self.drive(self.slack(receiver), step("fire"), "until", 1, 20000,
                                 step("fire", group="b"), "until", 2, 20000)
        self.assertEqual(self.number(results, "failed", "slack"), 2)
        self.assertEqual(len(receiver.requests), 2)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("HTTP 400: invalid_payload; it is given up", self.log)

    def test_only_the_first_line_is_quoted(self):
        with Receiver("404") as receiver:
            self.drive([f'webhook: {{ url: "{receiver.url}/hook" }}'], step("fire"), "until", 1, 20000)
        self.assertIn("HTTP 404: no;", self.log)
        self.assertNotIn("not at all", self.log)

    def test_a_slow_receiver_gets_the_newest_and_every_end(self):
        with Receiver("slow,ok") as receiver:
            results = self.drive(
                self.slack(receiver), step("fire", group="g", left=1), "hold", 300,
                step("fire", group="g", left=2), step("resolve", group="g", left=1),
                step("fire", group="g", left=3), "until", 2, 20000)
            self.check(receiver)
        self.assertEqual(self.number(results, "sent", "slack"), 2)
        self.assertEqual(len(receiver.requests), 2)
        texts = [b["attachments"] for b in receiver.bodies()][1]
        told = {f["text"].split("\n")[1]: "resolved" in a["blocks"][0]["text"]["text"]
                for a in texts for f in a["blocks"][1]["fields"] if f["text"].startswith("*number*")}
        self.assertEqual(told, {"1": True, "2": False, "3": False})

    def test_what_waits_is_bounded(self):
        with Receiver("hang") as receiver:
            results = self.drive(self.slack(receiver),
                                 *[step("fire", group=f"g{i}") for i in range(80)],
                                 "hold", 300, "finish", 200)
        self.assertEqual(self.number(results, "failed", "slack"), 80)
        self.assertEqual(len(receiver.requests), 1)
        self.assertIn("more than 64 notices wait", self.log)

    def test_a_hang_ends_by_its_time(self):
        with Receiver("hang,ok") as receiver:
            results = self.drive(self.slack(receiver, "timeout: 500ms"), step("fire"), "until", 1, 20000)
        self.assertEqual(self.number(results, "sent", "slack"), 1, self.log)

    def test_old_news_is_given_up(self):
        with Receiver("503") as receiver:
            results = self.drive(self.slack(receiver, "retry_for: 1s"), step("fire"), "until", 1, 20000)
        self.assertEqual(self.number(results, "failed", "slack"), 1)
        self.assertEqual(len(self.warnings()), 1, self.log)
        self.assertIn("given up after 1 s", self.log)

    def test_the_breaker_opens_and_heals(self):
        with Receiver("500,500,ok") as receiver:
            results = self.drive(self.slack(receiver), step("fire"), "until", 1, 20000,
                                 RUSTKERNEL_BREAKER_FAILURE_THRESHOLD="2",
                                 RUSTKERNEL_BREAKER_COOL_DOWN="2s")
        name, row = next((label, row) for (family, label), row in results.items()
                         if family == "circuit_breaker_state")
        self.assertEqual(name, f"alerts/slack 127.0.0.1:{receiver.server_address[1]}")
        self.assertEqual(row["highest"], 2)
        self.assertGreaterEqual(self.gaps(receiver)[1], 1.9)
        self.assertEqual(self.number(results, "sent", "slack"), 1)

    def test_the_exit_is_bounded(self):
        with Receiver("hang") as receiver:
            results = self.drive(self.slack(receiver), step("fire"), "finish", 700)
        self.assertEqual(self.number(results, "failed", "slack"), 1)
        self.assertTrue(600 <= results["finish_ms"] < 3000, results)
        self.assertEqual(len(self.warnings()), 1, self.log)

    def test_nobody_there_costs_no_time_at_exit(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            results = self.drive([self.ROW.format(url, "timeout: 10s")], step("fire"),
                                 "finish", 5000)
        self.assertEqual(self.number(results, "failed", "slack"), 1)
        self.assertLess(results["finish_ms"], 2500)

    def test_the_exit_sends_what_waits(self):
        with Receiver("503,503,ok") as receiver:
            results = self.drive(self.slack(receiver), step("fire"), "finish", 3000)
        self.assertEqual(self.number(results, "sent", "slack"), 1, self.log)


class Alertmanager(Case):
    def test_what_stands_ends_with_the_process_unless_it_is_over(self):
        with Receiver() as receiver:
            self.drive([f'alertmanager: {{ url: "{receiver.url}" }}'],
                       step("fire", left=1, count=2), "until", 1, 20000,
                       step("resolve", left=1), "finish", 2000)
            self.check(receiver)
        first, second = receiver.bodies()
        self.assertEqual(len(first), 2)
        self.assertEqual([a["labels"]["number"] for a in second], ["1"])
        self.assertLess(second[0]["endsAt"], first[0]["endsAt"])


    def test_what_stands_is_told_again(self):
        with Receiver("ok,503,ok") as receiver:
            results = self.drive([f'alertmanager: {{ url: "{receiver.url}", resend_interval: 1s }}'],
                                 step("fire", left=1, count=3), "until", 1, 20000,
                                 step("resolve", left=2), "hold", 3600,
                                 step("resolve", left=1), step("resolve", left=3, group="x"),
                                 "hold", 2500)
            self.check(receiver)
        numbers = [sorted(a["labels"]["number"] for a in b) for b in receiver.bodies()]
        self.assertEqual(numbers[0], ["1", "2", "3"])
        # The end of one, twice because of the 503; then the two that stand, again and again.
        self.assertEqual(numbers[1:3], [["2"], ["2"]])
        again = [n for n in numbers[3:] if len(n) == 2]
        self.assertGreaterEqual(len(again), 2, numbers)
        self.assertEqual(set(map(tuple, again)), {("1", "3")})
        self.assertEqual(sorted(numbers[3 + len(again):]), [["1"], ["3"]])
        self.assertEqual(self.number(results, "sent", "alertmanager"), 4)
        self.assertEqual(self.number(results, "failed", "alertmanager"), 0)
        ends = [b[0]["endsAt"] for b in receiver.bodies() if len(b) == 2]
        self.assertEqual(ends, sorted(set(ends)))


    def test_what_is_not_told_is_not_told_again_either(self):
        with Receiver() as receiver:
            rows = [f'alertmanager: {{ url: "{receiver.url}", resend_interval: 1s, {more} }}'
                    for more in ("min_severity: critical", "send_resolved: false")]
            self.drive(rows, step("fire", channel=0), step("fire", channel=1), "until", 1, 20000,
                       step("resolve", channel=1), "hold", 2500)
        self.assertEqual(len(receiver.requests), 1)


class Secrets(Case):
    """Nothing of them in any line, whatever the receiver does with them."""

    def check_silence(self, *secrets):
        for secret in secrets:
            self.assertNotIn(secret, self.log + self.out)

    def test_they_are_not_in_what_is_said(self):
        token = self.file("token", "tok-SECRET-tok", 0o644)
        key = self.file("key", KEY + "\n", 0o640)
        for script in ("echo", "503", "reset", "hang"):
            with self.subTest(script), Receiver(script) as receiver:
                port = receiver.server_address[1]
                rows = [f'slack: {{ webhook_url: "{receiver.url}/services/T0/{SECRET}" }}',
                        f'pagerduty: {{ service_key_file: {key}, url: "{receiver.url}/v2/enqueue" }}',
                        f'webhook: {{ url: "http://me:passSECRET@127.0.0.1:{port}/{SECRET}?k={SECRET}" }}',
                        f'alertmanager: {{ url: "{receiver.url}", bearer_token_file: {token} }}']
                self.drive(rows, *[step("fire", channel=i) for i in range(4)], "hold", 700,
                           "answer", 0, 1, "answer", 1, 1, "answer", 2, 1, "answer", 3, 1,
                           "finish", 300)
                self.check_silence(SECRET, KEY, "passSECRET", "tok-SECRET-tok")
                self.assertIn("bearer_token_file of channel alertmanager", self.log)
                self.assertIn("600 keeps its secrets", self.log)
                self.assertIn(f"http://127.0.0.1:{port}", self.log)

    def test_a_bad_address_is_not_quoted(self):
        self.file("url", f"htp:/{SECRET}")
        rows = [f"slack: {{ webhook_url_file: {self.folder / 'url'} }}",
                f'webhook: {{ url: "http://no.such.host.invalid/{SECRET}" }}',
                f'webhook: {{ name: odd, url: "http://127.0.0.1:99999/{SECRET}" }}']
        self.drive(rows, *[step("fire", channel=i) for i in range(3)], "hold", 500,
                   "answer", 0, 1, "answer", 1, 1, "answer", 2, 1, "finish", 300)
        self.check_silence(SECRET)
        self.assertIn("its URL cannot be used", self.log)

    def test_a_file_that_is_not_there_is_named(self):
        results = self.drive(["slack: { webhook_url_file: /nowhere/slack }"], step("fire"),
                             "hold", 1500, "finish", 300)
        self.assertEqual(self.number(results, "failed", "slack"), 1)
        self.assertEqual(self.log.count("could not read webhook_url_file of channel slack "
                                        "/nowhere/slack: No such file"), 1, self.log)

    def test_a_file_that_comes_later_is_found(self):
        with Receiver() as receiver:
            path = self.folder / "later"
            process = self.start([f"slack: {{ webhook_url_file: {path} }}"], step("fire"),
                                 "answer", 0, 20000, "hold", 4000, "finish", 2000)
            process.stdout.readline()
            self.file("later", f"{receiver.url}/services/x")
            self.finish(process)
        self.assertEqual(len(receiver.requests), 1)


if __name__ == "__main__":
    test_classes.main()
