#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The alert engine and Prometheus, given the same story, say the same at the same time.

usage: test_alert_prometheus.py ALERT_DRIVE RKTRACE

A story is made up, told to the engine, and written down as the series a scrape every five seconds
would have seen. `rktrace alert export --prometheus` gives the rules; `promtool test rules`
evaluates them. Thresholds lie on bounds of buckets.

The rule is: both agree within one interval. The engine looks at every tick, Prometheus every STEP
seconds, so what lasts for less than STEP may be seen by one of them only. It matters for longer
than it lasts, because for_duration and keep_firing_for begin anew with it. Alerts can only become
more where a condition holds for longer. So there are bounds: at most those fire that would if no
gap shorter than STEP were seen, and at least those that would if every gap were and nothing were
that holds for less. What is between both bounds, each moved by STEP, is open; all else must agree.
"""
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

STEP = 5  # seconds between scrapes and between evaluations
LENGTH = 600
TICK = 1  # more than there is between two ticks
SEEDS = int(os.environ.get("RK_SEEDS", "4"))  # the first are as good as others: 40 agree
BOUNDS = [0.001, 0.01, 0.05, 0.1, 0.2, 1.0]
MIB = 1 << 20
EXECUTION = {"domain": "unknown", "device": "0"}

# No share of a few hundred executions is exactly one of these: where one is, the rounding of
# rate() decides in Prometheus.
CONFIG = """
alerting:
  rules:
  - {name: latency, condition: {latency_exceeds: {threshold: 100ms, percentile: 93.7, window: 60s}},
     severity: critical, annotations: {summary: s}}
  - {name: held, condition: {latency_exceeds: {threshold: 100ms, percentile: 93.7, window: 60s}},
     for_duration: 20s, kernels: ["rank*"], annotations: {summary: s}}
  - {name: kept, condition: {latency_exceeds: {threshold: 100ms, percentile: 93.7, window: 60s}},
     keep_firing_for: 15s, domains: ["unkn?wn"], annotations: {summary: s}}
  - {name: settles, condition: {latency_exceeds: {threshold: 100ms, resolve: 10ms, percentile: 49.3,
     window: 60s}}, labels: {team: gpu}, annotations: {summary: s}}
  - {name: errors, condition: {error_rate_exceeds: {threshold: 0.103, window: 60s}},
     annotations: {summary: s}}
  - {name: errors_of_all, condition: {error_rate_exceeds: {threshold: 0.053, window: 60s}}, by: [],
     annotations: {summary: s}}
  - {name: many, condition: {execution_rate_above: {threshold: 2.03, window: 60s}},
     annotations: {summary: s}}
  - {name: few, condition: {execution_rate_below: {threshold: 0.51, window: 60s}},
     annotations: {summary: s}}
  - {name: memory, condition: {memory_exceeds: {pool: device, threshold: 64MiB, resolve: 32MiB}},
     annotations: {summary: s}}
  - {name: growth, condition: {memory_growth: {bytes: 20MiB, window: 60s}}, annotations: {summary: s}}
  - {name: breaker, condition: {circuit_breaker_open: {name: "db*"}}, annotations: {summary: s}}
  - {name: dead, condition: {no_executions_for: {duration: 40s}}, annotations: {summary: s}}
  - {name: lost, condition: {losses_above: {threshold: 3, window: 60s, reason: ring_full}},
     annotations: {summary: s}}
"""


class Story:
    """What happens, always between two scrapes; and what each scrape would have seen."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = ["define 1 db-main"]
        self.counts = collections.Counter()
        self.gauges = {}
        self.samples = collections.defaultdict(dict)
        for kernel in ("rank_a", "sort_b"):
            for le in [*BOUNDS, "+Inf"]:
                self.counts[self.series("rustkernel_execution_duration_seconds_bucket",
                                        kernel_id=kernel, source="gpu", le=str(le), **EXECUTION)] = 0
            for source, status in (("gpu", "ok"), ("host", "error")):
                self.counts[self.executions(kernel, source, status)] = 0
        self.lose(0)
        self.set_gauge("rustkernel_circuit_breaker_state", 0, name="db-main")
        self.set_gauge("rustkernel_memory_bytes", 0, device="0", pool="device")
        self.lines.append("memory 0 1")
        self.lines.append("memory 0 -1")

    @staticmethod
    def series(metric, **labels):
        inside = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        return f"{metric}{{{inside}}}"

    def executions(self, kernel, source, status):
        return self.series("rustkernel_executions_total", kernel_id=kernel, source=source,
                           status=status, **EXECUTION)

    def set_gauge(self, metric, value, **labels):
        self.gauges[self.series(metric, **labels)] = value

    def run(self, kernel, count, ms):
        self.lines.append(f"run {kernel} {count} {ms}")
        self.counts[self.executions(kernel, "gpu", "ok")] += count
        for le in [*BOUNDS, "+Inf"]:
            if ms / 1000 <= float(le):
                self.counts[self.series("rustkernel_execution_duration_seconds_bucket",
                                        kernel_id=kernel, source="gpu", le=str(le),
                                        **EXECUTION)] += count

    def fail(self, kernel, count):
        self.lines.append(f"fail {kernel} {count}")
        self.counts[self.executions(kernel, "host", "error")] += count

    def lose(self, count):
        self.lines.append(f"lose {count}")
        self.counts[self.series("rustkernel_dropped_total", reason="ring_full")] += count

    def memory(self, bytes_):
        name = self.series("rustkernel_memory_bytes", device="0", pool="device")
        bytes_ = max(bytes_, -self.gauges[name])
        self.gauges[name] += bytes_
        if bytes_:
            self.lines.append(f"memory 0 {bytes_}")

    def breaker(self, state):
        self.lines.append(f"breaker 1 {state}")
        self.set_gauge("rustkernel_circuit_breaker_state", state, name="db-main")

    def happen(self, mood):
        """One moment; a mood lasts for some time, so that alerts come and go."""
        pick = self.random
        if mood["runs"]:
            for kernel in ("rank_a", "sort_b"):
                self.run(kernel, pick.randint(1, mood["runs"]), pick.choice([0.5, 5, 10]))
                if mood["slow"]:
                    self.run(kernel, pick.randint(1, mood["slow"]), pick.choice([50, 100, 150, 900]))
                if mood["failing"]:
                    self.fail(kernel, pick.randint(0, mood["failing"]))
        if pick.random() < 0.05:
            self.lose(pick.randint(1, 4))
        if pick.random() < 0.08:
            self.breaker(pick.choice([0, 0, 1, 2]))
        self.memory(pick.choice([0, mood["memory"] * MIB, -mood["memory"] * MIB // 2]))

    def tell(self):
        mood, left = None, 0
        for now in range(0, LENGTH, STEP):
            for series, value in (*self.counts.items(), *self.gauges.items()):
                self.samples[series][now] = value
            if not left:
                left = self.random.randint(4, 25)
                mood = {"runs": self.random.choice([0, 2, 5, 20]),
                        "slow": self.random.choice([0, 0, 1, 6]),
                        "failing": self.random.choice([0, 0, 2, 6]),
                        "memory": self.random.choice([0, 2, 24, -24])}
                if now == 0:
                    mood.update(runs=20)
            left -= 1
            self.lines.append(f"wait {now + STEP / 2}")
            self.happen(mood)
        self.lines.append(f"wait {LENGTH}")

    def input_series(self):
        return [{"series": series,
                 "values": " ".join(str(values.get(now, "_")) for now in range(0, LENGTH, STEP))}
                for series, values in self.samples.items()]


def engine_says(drive, config, story):
    """{rule and labels: [(fired, resolved)]}"""
    done = subprocess.run([drive, config], input="\n".join(story.lines) + "\n", check=True,
                          capture_output=True, text=True, timeout=60)
    spans = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        at, state, rule, labels = line.split("\t")
        labels = frozenset(tuple(label.split("=", 1)) for label in labels.split(",")
                           if not label.startswith("rule="))
        if state == "firing":
            spans[rule, labels].append([float(at), float("inf")])
        else:
            spans[rule, labels][-1][1] = float(at)
    return spans


def plain(config, threshold):
    """The same rules, whose alerts fire while the value is beyond @threshold or resolve."""
    config = re.sub(r"(for_duration|keep_firing_for): \w+, *", "", config)
    if threshold == "resolve":
        config = re.sub(r"threshold: \w+, resolve:", "threshold:", config)
    return re.sub(r", resolve: \w+", "", config)


def durations(config):
    """{rule: (for_duration, keep_firing_for)}, in seconds"""
    found = {}
    for rule in config.split("- {name: ")[1:]:
        seconds = [re.search(rf"{key}: (\d+)s", rule)
                   for key in ("for_duration", "keep_firing_for")]
        found[rule.split(",")[0]] = tuple(int(match[1]) if match else 0 for match in seconds)
    return found


def join(spans, gap=TICK):
    """As if what is over for less than @gap had gone on."""
    joined = []
    for begin, end in spans:
        if joined and begin - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def latch(beyond, unsettled):
    """What begins with @beyond and goes on for as long as @unsettled."""
    held = []
    for begin, end in unsettled:
        first = [start for start, _ in beyond if begin <= start <= end]
        if first:
            held.append((first[0], end))
    return held


def fire(held, for_duration, keep_firing_for):
    """When an alert fires whose condition holds during @held."""
    fired = []
    for begin, end in held:
        if fired and begin <= fired[-1][1]:
            fired[-1] = (fired[-1][0], end + keep_firing_for)
        elif end - begin >= for_duration:
            fired.append((begin + for_duration, end + keep_firing_for))
    return fired


def lasting_only(spans):
    return [(begin, end) for begin, end in spans if end - begin >= STEP]


def bounds(beyond, unsettled, lasting):
    """What must fire, and what may."""
    least = fire(latch(lasting_only(beyond), lasting_only(unsettled)), *lasting)
    most = fire(latch(join(beyond, STEP), join(unsettled, STEP)), *lasting)
    return ([(begin + STEP, end - STEP) for begin, end in least],
            [(begin - STEP, end + STEP) for begin, end in most])


def is_within(spans, now):
    return any(begin <= now < end for begin, end in spans)


def expectations(conditions, lasting):
    """One test per rule and evaluation at which none of its alerts is open; and how many are."""
    tests, left_open = [], 0
    for rule, durations_of_rule in lasting.items():
        mine = {labels: bounds(*conditions[name, labels], durations_of_rule)
                for name, labels in conditions if name == rule}
        for now in range(STEP, LENGTH - STEP, STEP):
            must = [labels for labels, (least, _) in mine.items() if is_within(least, now)]
            may = [labels for labels, (_, most) in mine.items() if is_within(most, now)]
            if len(must) != len(may):
                left_open += 1
                continue
            tests.append({"eval_time": f"{now}s", "alertname": rule,
                          "exp_alerts": [{"exp_labels": dict(labels), "exp_annotations":
                                          {"summary": "s"}} for labels in must]})
    return tests, left_open


class Agreement(unittest.TestCase):
    drive = rktrace = None

    def setUp(self):
        if not shutil.which("promtool"):
            self.skipTest("no promtool: tools/setup brings it")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rk-alert-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.config = self.folder / "alerts.yaml"
        self.rules = self.folder / "rules.yml"
        self.config.write_text(CONFIG)
        subprocess.run([self.rktrace, "alert", "export", "--prometheus", "--config", self.config,
                        "-o", self.rules], check=True, timeout=60)

    def promtool(self, *args):
        return subprocess.run(["promtool", *map(str, args)], check=False, capture_output=True,
                              text=True, timeout=300)

    def judge(self, story, conditions):
        """What promtool says, and the share of evaluations that was compared."""
        tests, left_open = expectations(conditions, durations(CONFIG))
        test = {"rule_files": [str(self.rules)], "evaluation_interval": f"{STEP}s", "tests": [
            {"interval": f"{STEP}s", "input_series": story.input_series(),
             "alert_rule_test": tests}]}
        path = self.folder / "test.yml"
        path.write_text(json.dumps(test))  # JSON is YAML
        return self.promtool("test", "rules", path), len(tests) / (len(tests) + left_open)

    def hold(self, story):
        """{rule and labels: when it is beyond its threshold, when beyond what resolves it}"""
        path = self.folder / "conditions.yaml"
        both = []
        for threshold in ("threshold", "resolve"):
            path.write_text(plain(CONFIG, threshold))
            both.append(engine_says(self.drive, path, story))
        return {key: (both[0].get(key, []), held) for key, held in both[1].items()}

    def compare_durations(self, conditions, fired):
        """The engine makes of its conditions what resolve and the durations say."""
        for (rule, labels), both in conditions.items():
            lasting, held = durations(CONFIG)[rule], latch(*both)
            # The least tick later or earlier it would have been otherwise.
            if any(abs(end - begin - lasting[0]) < TICK for begin, end in held):
                continue
            expected = join(fire(held, *lasting))
            got = join(fired.get((rule, labels), []))
            for spans in (expected, got):  # what ends with the story may not have got as far
                spans[:] = [(begin, min(end, LENGTH - STEP)) for begin, end in spans
                            if begin < LENGTH - STEP]
            self.assertEqual(len(expected), len(got), (rule, expected, got))
            for one, other in zip(expected, got):
                self.assertAlmostEqual(one[0], other[0], delta=TICK, msg=f"{rule} begins")
                self.assertAlmostEqual(one[1], other[1], delta=TICK, msg=f"{rule} ends")

    def test_rules_are_well_formed(self):
        done = self.promtool("check", "rules", self.rules)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_same_story_gives_the_same_alerts(self):
        fired = collections.Counter()
        for seed in range(SEEDS):
            story = Story(seed)
            story.tell()
            spans = engine_says(self.drive, self.config, story)
            conditions = self.hold(story)
            self.compare_durations(conditions, spans)
            for (rule, _), found in spans.items():
                fired[rule] += sum(end < LENGTH for _, end in found)
            done, share = self.judge(story, conditions)
            self.assertEqual(done.returncode, 0, f"seed {seed}\n{done.stdout[:4000]}"
                                                 f"{done.stderr[:4000]}")
            self.assertGreater(share, 0.6, f"seed {seed}: too little was compared")
        # Every rule must have fired and resolved, or nothing was compared.
        for rule in durations(CONFIG):
            self.assertGreater(fired[rule], 0, rule)

    def test_a_difference_is_seen(self):
        story = Story(1)
        story.tell()
        for rule, lasting in durations(CONFIG).items():
            conditions = self.hold(story)
            key = next((key for key, both in conditions.items() if key[0] == rule and
                        any(begin + sum(lasting) + 4 * STEP < end
                            for begin, end in latch(*both))), None)
            if key:
                conditions[key] = [[(begin + 3 * STEP, end + 3 * STEP) for begin, end in spans]
                                   for spans in conditions[key]]
                self.assertNotEqual(self.judge(story, conditions)[0].returncode, 0, rule)


if __name__ == "__main__":
    Agreement.drive, Agreement.rktrace = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
