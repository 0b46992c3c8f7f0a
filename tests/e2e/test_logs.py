# SPDX-License-Identifier: Apache-2.0
"""The log of a traced program: what is in it, where it goes, and that the program never feels it."""
import collections
import json
import os
import pathlib
import socket
import subprocess
import unittest

import harness

SCHEMA = harness.ROOT / "docs" / "log_line.schema.json"
EXECUTION = "Kernel execution complete"
SERVICE_SECONDS = "1"


def parse(text):
    return [json.loads(line) for line in text.splitlines()]


def same(lines):
    """Lines without what differs between a run and its replay, in one order."""
    return sorted(json.dumps(line, sort_keys=True) for line in lines)


class Logs(harness.Case):
    def log_of(self, argv, **env):
        """Run with a log of JSON lines. Return: result, its lines."""
        settings = {"RUSTKERNEL_LOGGING_FORMAT": "json", "RUSTKERNEL_LOG_LEVEL": "info",
                    "RUSTKERNEL_LOGGING_OUTPUT": "./app.log", "RUSTKERNEL_TRACE_FILE": "auto",
                    "RUSTKERNEL_LOGGING_RATE_LIMIT": "0", **env}
        result = self.run_program(argv, env=settings)
        self.assertEqual(result.code, 0, result.stderr)
        path = result.folder / "app.log"
        return result, parse(path.read_text()) if path.exists() else []

    def replayed(self, result, *options, env=None):
        return parse(self.rktrace("replay", self.only_trace(result.folder), "--log", "-",
                                  *options, env=env))

    def test_one_line_per_execution_live_and_replayed(self):
        result, lines = self.log_of([self.program("storm"), 400, 4, 2])
        self.assertEqual(result.stderr, b"")
        self.assertGreaterEqual(len(lines), 4)
        for line in lines:
            self.assertEqual((line["message"], line["level"]), (EXECUTION, "INFO"))
            self.assertIn(line["kernel_id"], {"storm_a", "storm_b"})
            self.assertGreater(line["duration_ms"], 0)
        self.assertEqual(len({line["span_id"] for line in lines}), len(lines))
        self.assertEqual(same(self.replayed(result)), same(lines))

    def test_lines_follow_the_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("no jsonschema: tools/setup brings it")
        validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
        lines = self.log_of([self.program("service"), SERVICE_SECONDS],
                            RUSTKERNEL_LOG_LEVEL="debug")[1]
        lines += self.log_of([self.program("errors"), "illegal"],
                             SIMGPU_ILLEGAL_ADDRESS_AT="3")[1]
        for line in lines:
            validator.validate(line)
        self.assertLessEqual({"INFO", "ERROR"}, {line["level"] for line in lines})

    def test_failed_execution_has_cudas_words(self):
        _, lines = self.log_of([self.program("errors"), "illegal"],
                               SIMGPU_ILLEGAL_ADDRESS_AT="3")
        failed = [line for line in lines if line["level"] == "ERROR"]
        self.assertEqual([(line["message"], line["error.type"]) for line in failed],
                         [(EXECUTION, "CUDA_ERROR_ILLEGAL_ADDRESS")])
        self.assertRegex(failed[0]["error.message"],
                         r"^cu\w+ failed: CUDA_ERROR_ILLEGAL_ADDRESS "
                         r"\(an illegal memory access was encountered\); in flight: errors_kernel$")

    def test_what_the_program_says_belongs_to_its_span(self):
        result, lines = self.log_of(
            [self.program("service"), SERVICE_SECONDS], BAGGAGE="tenant_id=acme",
            RUSTKERNEL_TRACING_BAGGAGE_ATTRIBUTES="tenant_id")
        requests = {line["span_id"]: line for line in lines if line["message"] == EXECUTION and
                    line["kernel_id"] == "service/request"}
        said = [line for line in lines if line["message"].startswith("request ")]
        self.assertGreater(len(requests), 10)
        self.assertGreater(len(said), 0)
        for line in said:
            request = requests[line["span_id"]]
            self.assertEqual((line["level"], line["domain"]), ("ERROR", "Service"))
            self.assertEqual(request["level"], "ERROR")
            self.assertEqual(request["error.message"], "not enough memory")
            self.assertEqual(line["trace_id"], request["trace_id"])
            self.assertEqual(line.get("kernel_id"), "service/request", line)
            self.assertEqual((line["tenant_id"], request["tenant_id"]), ("acme", "acme"))
            self.assertLessEqual(line["timestamp"], request["timestamp"])
        self.assertEqual(same(self.replayed(result, env={
            "RUSTKERNEL_TRACING_BAGGAGE_ATTRIBUTES": "tenant_id"})), same(lines))

    def test_levels_by_domain(self):
        config = self.folder / "c.yaml"
        config.write_text("kernels: [{match: 'storm_a*', domain: A}, {match: '*', domain: B}]\n"
                          "logging: {level: warn, per_domain_levels: {A: info}}\n")
        _, lines = self.log_of([self.program("storm"), 100, 4, 1], RUSTKERNEL_CONFIG=config,
                               RUSTKERNEL_LOG_LEVEL="")
        self.assertEqual({line["domain"] for line in lines}, {"A"})

    def test_without_kernel_context(self):
        _, lines = self.log_of([self.program("storm"), 20, 1, 1],
                               RUSTKERNEL_LOGGING_INCLUDE_KERNEL_CONTEXT="false")
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertEqual(set(line), {"timestamp", "level", "message", "domain",
                                         "duration_ms"})

    def test_alerts_are_events_live_and_replayed(self):
        config = self.folder / "c.yaml"
        config.write_text(
            "alerting: {rules: [{name: slow, severity: critical, for_duration: 0s,\n"
            "  condition: {latency_exceeds: {threshold: 1ns, percentile: 50}}}]}\n")
        result, lines = self.log_of([self.program("service"), "1"], RUSTKERNEL_CONFIG=config)
        fired = [line for line in lines if line.get("state") == "firing"]
        self.assertEqual({(line["alert"], line["level"], line["severity"]) for line in fired},
                         {("slow", "ERROR", "critical")})
        self.assertIn("service_kernel", {line["kernel_id"] for line in fired})
        for line in fired:
            self.assertTrue(line["message"].startswith("alerts: slow is firing (critical): "))
            self.assertGreater(line["value"], line["threshold"])
        self.assertEqual(same(self.replayed(result, "--config", config)), same(lines))

    def test_same_events_by_otlp(self):
        """What is written is sent as well, live and from the file."""
        sent = []
        for run in ("live", "replayed"):
            out = self.folder / f"{run}.logs"
            receiver = self.receiver("--logs-out", str(out))
            if run == "live":
                result, lines = self.log_of([self.program("service"), SERVICE_SECONDS],
                                            RUSTKERNEL_METRICS_ENABLED="false",
                                            RUSTKERNEL_TRACE_FILE="./x.rkt.zst",
                                            RUSTKERNEL_OTLP_ENDPOINT=receiver.url)
            else:
                self.rktrace("replay", self.only_trace(result.folder), "--otlp", receiver.url,
                             env={"RUSTKERNEL_LOG_LEVEL": "info"})
            self.assertEqual(receiver.stop(), 0)
            sent.append([json.loads(line) for line in out.read_text().splitlines()])
        # Without what the tracer says of its receiver.
        told = sorted((line["message"], line["level"], line["trace_id"], line["span_id"])
                      for line in lines if "trace_id" in line)
        self.assertGreater(len(told), 10)
        for records in sent:
            self.assertEqual(told, sorted((r["body"], r["severity_text"], r["trace_id"],
                                           r["span_id"]) for r in records if r["trace_id"]))

    def test_quiet_unless_asked(self):
        """A failing call is the program's business; so is what it says, where nobody listens."""
        illegal = {"SIMGPU_ILLEGAL_ADDRESS_AT": "3"}
        for argv, env in ((["service", "0.2"], {}), (["errors", "illegal"], illegal),
                          (["errors", "illegal"], {"RUSTKERNEL_RING_THREADS": "100", **illegal})):
            result = self.run_program([self.program(argv[0]), *argv[1:]], env=env)
            self.assertEqual((result.code, result.stderr), (0, b""))

    def test_text_for_people(self):
        def storm(**env):
            return self.run_program([self.program("storm"), 20, 1, 1], env={
                "RUSTKERNEL_LOG_LEVEL": "info", **env}).stderr.decode().splitlines()

        plain = storm()
        self.assertEqual(len(plain), 1)
        self.assertRegex(plain[0], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z INFO  "
                         + EXECUTION + r"  kernel_id=storm_\w domain=unknown duration_ms=[\d.]+ "
                         r"trace_id=[0-9a-f]{32} span_id=[0-9a-f]{16}$")
        self.assertIn("\033[32mINFO ", storm(CLICOLOR_FORCE="1")[0])
        self.assertNotIn("\033", storm(CLICOLOR_FORCE="1", NO_COLOR="1")[0])

    def test_own_lines_take_the_format(self):
        result = self.run_program([self.program("storm"), 20, 1, 1], env={
            "RUSTKERNEL_LOGGING_FORMAT": "json", "RUSTKERNEL_METRICS_PORT": "eighty"})
        lines = parse(result.stderr.decode())
        self.assertEqual([line["level"] for line in lines], ["WARN"])
        self.assertIn("eighty", lines[0]["message"])

    def test_standard_output_is_refused(self):
        result = self.run_program([self.program("storm"), 20, 1, 1], env={
            "RUSTKERNEL_LOGGING_OUTPUT": "stdout"})
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn(b"stdout is the program's own", result.stderr)
        bare = self.run_program([self.program("storm"), 20, 1, 1], preload=False)
        self.assertEqual(result.stdout, bare.stdout)

    def test_output_that_cannot_be_had(self):
        for output in ("/nowhere/x.log", "syslog:/nowhere/log", "journald:/nowhere/socket"):
            result = self.run_program([self.program("storm"), 20, 1, 1], env={
                "RUSTKERNEL_LOGGING_OUTPUT": output, "RUSTKERNEL_LOG_LEVEL": "info"})
            self.assertEqual(result.code, 0)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(output.encode(), result.stderr)

    def listen(self, name):
        path = self.folder / name
        daemon = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(daemon.close)
        daemon.bind(str(path))
        daemon.settimeout(30)
        return daemon, path

    def test_syslog(self):
        daemon, path = self.listen("log")
        self.run_program([self.program("storm"), 20, 1, 1], env={
            "RUSTKERNEL_LOGGING_OUTPUT": f"syslog:{path}", "RUSTKERNEL_LOG_LEVEL": "info"})
        entry = daemon.recv(65536).decode()
        self.assertRegex(entry, r"^<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d rkpreload\[\d+\]: "
                         + EXECUTION + " kernel_id=storm_")

    def test_journald(self):
        daemon, path = self.listen("socket")
        self.run_program([self.program("storm"), 20, 1, 1], env={
            "RUSTKERNEL_LOGGING_OUTPUT": f"journald:{path}", "RUSTKERNEL_LOG_LEVEL": "info"})
        entry = daemon.recv(65536)
        fields = {}
        while entry:
            name, entry = entry.split(b"\n", 1)
            length = int.from_bytes(entry[:8], "little")
            fields[name.decode()], entry = entry[8:8 + length].decode(), entry[9 + length:]
        self.assertEqual(fields["PRIORITY"], "6")
        self.assertRegex(fields["RK_KERNEL_ID"], "storm_")
        self.assertRegex(fields["TRACE_ID"], "^[0-9a-f]{32}$")
        self.assertTrue(fields["MESSAGE"].startswith(EXECUTION + " kernel_id="))

    def test_flood_is_limited_and_counted(self):
        result, lines = self.log_of([self.program("service"), SERVICE_SECONDS],
                                    RUSTKERNEL_LOGGING_RATE_LIMIT="1")
        kinds = collections.Counter()
        for line in lines:
            kinds[line["message"].startswith(EXECUTION), line["level"]] += 1
        all_lines = self.replayed(result)
        suppressed = [line for line in lines if "suppressed" in line]
        self.assertLessEqual(kinds[True, "INFO"], 30)  # ten at once, then one a second
        self.assertEqual(kinds[True, "INFO"] + kinds[True, "ERROR"] +
                         sum(line["suppressed"] for line in suppressed
                             if line["message"].endswith(EXECUTION)),
                         sum(line["message"] == EXECUTION for line in all_lines))
        self.assertRegex(suppressed[0]["message"], r"^\d+ similar suppressed: ")

    def test_files_are_rotated(self):
        result, _ = self.log_of([self.program("service"), "1.5"], RUSTKERNEL_LOGGING_MAX_FILES="2",
                                RUSTKERNEL_LOGGING_MAX_SIZE="64KiB")
        folder = result.folder
        names = {path.name for path in folder.glob("app.log*")}
        if len(self.replayed(result)) > 500:  # a slow machine serves few requests
            self.assertIn("app.log.1", names)
        self.assertLessEqual(names, {"app.log", "app.log.1", "app.log.2"})
        for name in names:
            path = folder / name
            parse(path.read_text())  # no line is torn
            self.assertLessEqual(path.stat().st_size, 64 * 1024)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_full_pipe_costs_lines_and_no_time(self):
        """Nobody reads standard error; the program ends as it would without us."""
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        with open(self.folder / "out", "wb") as out:
            program = subprocess.Popen(
                [self.program("service"), "2"], cwd=self.folder, stdout=out, stderr=writer,
                stdin=subprocess.DEVNULL, env=harness.environment(
                    self.folder, RUSTKERNEL_LOG_LEVEL="info", RUSTKERNEL_LOGGING_FORMAT="json",
                    RUSTKERNEL_LOGGING_RATE_LIMIT="0"))
        os.close(writer)
        self.assertEqual(program.wait(timeout=60), 0)
        os.set_blocking(reader, False)
        text = b""
        while True:
            part = os.read(reader, 65536)
            if not part:
                break
            text += part
        parse(text.decode())  # whole lines only
        self.assertLessEqual(len(text), 65536)
        self.assertEqual((self.folder / "out").read_bytes(), b"ready\ndone\n")

    def test_forked_child_writes_to_the_same_file(self):
        """One that starts to record in the child, and one that records before the fork."""
        for way, kernels in (("fork-first", {"parent", "child"}), ("fork", {"fork", "back"})):
            _, lines = self.log_of([self.program("context"), way])
            self.assertLessEqual(kernels, {line.get("kernel_id") for line in lines}, way)

    def test_replay_into_a_file(self):
        result, lines = self.log_of([self.program("storm"), 20, 2, 1])
        target = self.folder / "replayed.log"
        text = self.rktrace("replay", self.only_trace(result.folder), "--log", target)
        self.assertIn("rkpreload: storm:", text)
        self.assertEqual(same(parse(target.read_text())), same(lines))
        self.rktrace("replay", self.only_trace(result.folder), "--log",
                     pathlib.Path("/nowhere/x"), code=73)


unittest.main()
