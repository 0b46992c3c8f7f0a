#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many launches while nothing of ours gets anywhere: the collector and the Pushgateway take
connections and never answer, and the disk is full. Memory is flat after the first quarter, the
CPU time of our threads is bounded, and what was lost is counted to the last launch.

usage: soak_test.py [SECONDS [LAUNCHES_PER_SECOND]]     60 and 20,000
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from guest_harness import BlackHole, harness, program

FLAT_KIB = 2 << 10       # from the end of the first quarter on
GROWN_KIB = (32 + 1 + 16) << 10  # as any program's: and a queue that is full
CPU_SECONDS = 20         # of our threads, for a million launches, on a slow machine
SETTLE_SECONDS = 30
SMALL_DISK = ('mount -t tmpfs -o size=256k none traces && "$@"; status=$?;'
              ' for file in traces/*.zst; do [ ! -f "$file" ] || cp "$file" kept/; done; exit $status')
SAMPLE = re.compile(r"^(\w+)(\{.*\})? (\S+)$", re.M)


def samples_of(port):
    """{name{labels}: value} of a scrape."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        text = reply.read().decode()
    return {name + (labels or ""): float(value) for name, labels, value in SAMPLE.findall(text)}


def can_mount():
    return subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp"], check=False,
                          capture_output=True).returncode == 0


class Soak:
    """One run of the program, and what can be asked of it."""

    def __init__(self, folder, preload, seconds, rate, hole):
        self.folder = folder / ("traced" if preload else "bare")
        for name in ("traces", "kept"):
            (self.folder / name).mkdir(parents=True)
        self.port = harness.free_port()
        environment = harness.environment(
            self.folder, preload, GUEST_MEASURE=self.folder / "measure",
            SIMGPU_TRUTH="", RUSTKERNEL_LOG_LEVEL="off", RUSTKERNEL_TRACE_FILE="traces/x.rkt.zst",
            RUSTKERNEL_METRICS_ENABLED="true", RUSTKERNEL_METRICS_PORT=self.port,
            RUSTKERNEL_OTLP_ENDPOINT=hole, RUSTKERNEL_PUSHGATEWAY_URL=hole,
            RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL="1s", RUSTKERNEL_SUMMARY="never",
            RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE="1MiB")
        argv = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", program("soak"), str(seconds),
                str(rate)]
        self.process = subprocess.Popen(argv, cwd=self.folder, env=environment, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def wait_until_launched(self):
        return int(self.process.stdout.readline().split()[1])

    def end(self):
        began = time.monotonic()
        self.process.stdin.close()
        status = self.process.wait(harness.PROGRAM_TIMEOUT)
        return status, time.monotonic() - began

    def rows(self):
        """[[second, launches, KiB resident, CPU ms of our threads, of all]]"""
        text = (self.folder / "measure").read_text()
        return [[int(word) for word in line.split()] for line in text.splitlines()]


def settled(soak, launches):
    """Metrics, once every launch is an execution or a loss."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        samples = samples_of(soak.port)
        executed = harness.sum_of(samples, "rustkernel_executions_total", source="gpu")
        lost = harness.sum_of(samples, "rustkernel_dropped_total", reason="cupti_dropped")
        lost += harness.sum_of(samples, "rustkernel_dropped_total", reason="ring_full")
        if executed + lost >= launches or time.monotonic() > deadline:
            return samples, executed, lost
        time.sleep(0.1)


def check_metrics(samples, executed, lost, launches):
    outcome = {name: harness.sum_of(samples, "rustkernel_tracer_spans_total", outcome=name)
               for name in ("eligible", "sent", "sampled_out", "dropped")}
    queued = outcome["eligible"] - sum(outcome[name] for name in ("sent", "sampled_out", "dropped"))
    print({"executed": executed, "lost": lost, "queued": queued, **outcome},
          {name: value for name, value in samples.items() if "dropped_total" in name}, flush=True)
    assert executed + lost == launches, (executed, lost, launches)
    assert outcome["sent"] == 0 and 0 <= queued < 100000, outcome
    assert outcome["eligible"] >= executed, outcome
    assert harness.sum_of(samples, "rustkernel_dropped_total", reason="disk") > 0, samples
    assert harness.sum_of(samples, "rustkernel_dropped_total", reason="queue_full") > 0, samples


def check_rows(rows, bare):
    quarter, last = rows[len(rows) // 4], rows[-1]
    late = last[2] - quarter[2] - (bare[-1][2] - bare[len(bare) // 4][2])
    grown = last[2] - bare[-1][2]
    cpu = (last[3] - quarter[3]) / 1e3 / ((last[1] - quarter[1]) / 1e6)
    print(f"{last[1]} launches in {last[0]} s: {grown} KiB more than without, {late} KiB of them "
          f"after the first quarter, {cpu:.2f} CPU s of our threads per million launches",
          flush=True)
    assert late <= FLAT_KIB, rows
    assert grown <= GROWN_KIB, rows
    assert cpu <= CPU_SECONDS, rows


def main(seconds=60, rate=20000):
    if not can_mount():
        print("this machine lets nobody mount a small disk", file=sys.stderr)
        return 77
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-soak-"))
    hole = BlackHole()
    bare = Soak(folder, False, seconds // 4, rate, hole.url)
    bare.wait_until_launched()
    assert bare.end()[0] == 0
    soak = Soak(folder, True, seconds, rate, hole.url)
    launches = soak.wait_until_launched()
    check_metrics(*settled(soak, launches), launches)
    status, exit_seconds = soak.end()
    assert status == 0, status
    assert exit_seconds < 2 + 1.5, f"the end took {exit_seconds} s"
    check_rows(soak.rows(), bare.rows())
    kept = list((soak.folder / "kept").iterdir())
    assert len(kept) == 1, kept
    for path in kept:
        done = subprocess.run([str(harness.RKTRACE), "info", "--json", str(path)], check=False,
                              capture_output=True, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
    hole.close()
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
