# SPDX-License-Identifier: Apache-2.0
"""What an outage held back: `rktrace replay --unsent` sends it, and only it, with the same ids."""
import json
import signal
import subprocess
import time

import harness

SETTINGS = {"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0,
            "RUSTKERNEL_TRACE_FILE": "live.rkt.zst",
            "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
# Small batches, so that an outage has something to fall between.
SMALL = {"RUSTKERNEL_TRACING_OTLP_FLUSH_SIZE": "8KiB", "OTEL_BSP_SCHEDULE_DELAY": 20}


def ids(spans):
    return {(span["trace_id"], span["span_id"]) for span in spans}


class Unsent(harness.Case):
    def live(self, url, threads=2, argv=None, **env):
        program, *words = argv or ["storm", 2000, threads, 2]
        done = self.run_program([self.program(program), *words],
                                env={"RUSTKERNEL_OTLP_ENDPOINT": url, **SETTINGS, **SMALL, **env})
        self.assertEqual(done.code, 0)
        return done.folder / "live.rkt.zst"

    def replay(self, path, *options, **env):
        """Return: spans a fresh receiver got, what the tool says of it."""
        receiver = self.receiver()
        told = self.rktrace("replay", path, "--otlp", receiver.url, "--json", *options,
                            env={"OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
                                 "RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 0, **env})
        self.assertEqual(receiver.stop(), 0)
        return receiver.spans(), json.loads(told)["spans"]

    def assert_parts(self, before, after, everything):
        """Two halves of one whole, each span in one of them."""
        self.assertEqual(len(ids(before)), len(before))
        self.assertEqual(ids(before) & ids(after), set())
        self.assertEqual(ids(before) | ids(after), ids(everything))
        self.assertEqual(len(before) + len(after), len(everything))

    def test_an_outage_in_between(self):
        receiver = self.receiver("--script", "200,200,200,503")
        path = self.live(receiver.url)
        receiver.stop()
        before = receiver.spans()
        everything, _ = self.replay(path)
        after, told = self.replay(path, "--unsent")
        self.assertGreater(len(before), 0)
        self.assertGreater(len(after), 0)
        self.assert_parts(before, after, everything)
        self.assertEqual((told["arrived_before"], told["sent"]), (len(before), len(after)))

    def test_spans_that_the_program_made(self):
        receiver = self.receiver("--script", "200,200,200,503")
        path = self.live(receiver.url, argv=["spans", "pagerank", 300])
        receiver.stop()
        before = receiver.spans()
        everything, _ = self.replay(path)
        after, _ = self.replay(path, "--unsent")
        self.assertEqual(len(everything), 300 * 11)
        self.assertGreater(len(before), 0)
        self.assertGreater(len(after), 0)
        self.assert_parts(before, after, everything)

    def test_nobody_listened(self):
        path = self.live(f"http://127.0.0.1:{harness.free_port()}")
        everything, _ = self.replay(path)
        after, told = self.replay(path, "--unsent")
        self.assertEqual(ids(after), ids(everything))
        self.assertEqual(told["arrived_before"], 0)

    def test_everything_arrived(self):
        receiver = self.receiver()
        path = self.live(receiver.url, RUSTKERNEL_EXIT_TIMEOUT="60s")
        receiver.stop()
        after, told = self.replay(path, "--unsent")
        self.assertEqual(after, [])
        self.assertEqual(told["arrived_before"], len(receiver.spans()))
        self.assertEqual(told["sent"], 0)

    def test_sampling_is_that_of_the_recording(self):
        sampled = {"RUSTKERNEL_TRACING_SAMPLING_RATE": 0.5}
        receiver = self.receiver("--script", "200,200,503")
        path = self.live(receiver.url, threads=20, RUSTKERNEL_TRACING_KEEP_SLOWER_THAN="p99", **sampled)
        receiver.stop()
        before = receiver.spans()
        everything, whole = self.replay(path, RUSTKERNEL_TRACING_KEEP_SLOWER_THAN="p99", **sampled)
        after, _ = self.replay(path, "--unsent")
        self.assertGreater(whole["sampled_out"], 0)
        self.assertGreater(len(before), 0)
        self.assert_parts(before, after, everything)

    def test_killed(self):
        """At least once: nothing of the file is missing, no id is new."""
        rare = {"RUSTKERNEL_TRACING_SAMPLING_RATE": 0.05}
        receiver = self.receiver()
        folder = self.folder / "killed"
        folder.mkdir()
        process = subprocess.Popen(
            [self.program("endless")], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=harness.environment(folder, **{"RUSTKERNEL_OTLP_ENDPOINT": receiver.url,
                                               **SETTINGS, **SMALL, **rare}))
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 20
        while len(receiver.spans()) < 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.5)    # until what was acknowledged is sealed
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.5)
        receiver.stop()
        path = self.only_trace(folder)
        everything, _ = self.replay(path, **rare)
        after, told = self.replay(path, "--unsent")
        self.assertGreater(told["arrived_before"], 0)
        self.assertLess(len(after), len(everything))
        self.assertLessEqual(ids(everything), ids(receiver.spans()) | ids(after))
        self.assertLessEqual(ids(after), ids(everything))


if __name__ == "__main__":
    harness.main()
