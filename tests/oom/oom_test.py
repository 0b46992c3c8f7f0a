#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The n-th request for memory of the tracer's own fails; the program must not notice.

refuse.c says which requests are ours and refuses them. For every n that is tried the program
ends as it does without the preload: same exit status, same standard output, no hang; with nothing
configured its standard error is the same to the byte. What is in the trace file can be read, and
of the calls made none is missing without a count.

usage: oom_test.py quick | places | full [CONFIGURATION]...
   quick   the first request of every place in the code, and each of those of the start
   places  and all requests of the places in our own code, and refusals that last from some n on
   full    every n, and refusals that last from every third n on
   oom_test.py one CONFIGURATION VARIABLE=VALUE...   one run, and what it says
"""
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

FOLDER = harness.BUILD / "tests" / "oom"
PROGRAM = [str(FOLDER / "oom_everything"), "5"]
REFUSE = FOLDER / "liboom_refuse.so"
LINE_BYTES = 64  # of refuse.c's report
HANG_SECONDS = 30
START = 60  # requests, all of which the quick form tries
QUICK_STEPS = 10  # from which on all fail, between the first request and the last
STEPS = 100
AT_A_TIME = 2 * (os.cpu_count() or 1)  # they wait for the exit more than they work
SHOWN = 20
SETTINGS = """
metrics: {enabled: true, port: %d, baggage_labels: tenant_id, pushgateway: {url: "http://127.0.0.1:%d", interval: 100ms}}
tracing: {baggage_attributes: "tenant_id,region", keep_slower_than: p99, otlp: {endpoint: "http://127.0.0.1:%d", protocol: %s, flush_interval: 20ms}}
logging: {level: info, format: json, output: log.txt, per_domain_levels: {Test: debug}}
trace: {file: "%%p.rkt.zst"}
stacks: {mode: all}
control: {enabled: true}
exit: {timeout: 500ms}
kernels: [{match: "first*", id: test/first, domain: Test}]
alerting:
  group_wait: 0s
  rules:
    - {name: slow, condition: {latency_exceeds: {threshold: 1us, window: 60s}}}
    - {name: failing, condition: {error_rate_exceeds: {threshold: 0.01, window: 60s}}}
    - {name: held, condition: {memory_exceeds: {pool: device, threshold: 1KiB}}}
  channels: [{log: {}}, {webhook: {url: "http://127.0.0.1:%d/hook"}}]
slo: [{name: test, domain: Test, latency_p99: 1us, availability: 0.999}]
"""


class Trouble(Exception):
    """What the program must not have noticed, or what was lost without a word."""


class Configuration:
    """Settings, and what the program does under them when nothing is refused."""

    def __init__(self, name, folder, receiver):
        self.name = name
        self.folder = folder
        folder.mkdir()
        self.settings = getattr(self, name)(receiver)

    def nothing(self, _):
        return {}

    def everything(self, _):
        return self.file_of("http/protobuf", 9)

    def sent(self, receiver):
        return self.file_of("http/json", receiver.port)

    def grpc(self, _):
        return self.file_of("grpc", 9)

    def file_of(self, protocol, port):
        path = self.folder / "settings.yaml"
        path.write_text(SETTINGS % (harness.free_port(), 9, port, protocol, 9))
        return {"RUSTKERNEL_CONFIG": path, "RUSTKERNEL_NVTX": "1",
                "XDG_RUNTIME_DIR": self.folder}


def run(configuration, preload=True, **variables):
    """One run in a folder of its own. Return: (folder, exit status or None, stdout, stderr)."""
    folder = pathlib.Path(tempfile.mkdtemp(dir=configuration.folder))
    environment = harness.environment(folder, False, **configuration.settings, **variables,
                                      SIMGPU_TRUTH=folder / "truth.json",
                                      REFUSE_REPORT=folder / "report")
    if preload:
        environment["LD_PRELOAD"] = f"{harness.PRELOAD} {REFUSE}"
    try:
        done = subprocess.run(PROGRAM, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=HANG_SECONDS, check=False)
    except subprocess.TimeoutExpired as trouble:
        return folder, None, trouble.stdout or b"", trouble.stderr or b""
    return folder, done.returncode, done.stdout, done.stderr


def report_of(folder):
    """[(granted or refused, kind of request, place)] in the order of the requests."""
    lines = []
    with open(folder / "report", "rb") as report:
        while line := report.read(LINE_BYTES).rstrip(b"\0"):
            lines.append(tuple((line.decode().split(" ", 2) + ["", ""])[:3]))
    return lines


def check_file(folder):
    """Whatever there is can be read, and what was called is counted."""
    for path in folder.glob("*.rkt.zst"):
        done = subprocess.run([str(harness.RKTRACE), "info", "--json", str(path)], check=False,
                              capture_output=True, env=harness.environment(folder, False))
        if path.stat().st_size == 0:
            continue  # it was refused before anything was written
        if done.returncode != 0:
            raise Trouble(f"the file cannot be read: {done.stderr!r}")
        check_ledger(json.loads(done.stdout), harness.Truth(folder / "truth.json"))


def check_ledger(info, truth):
    if not info["clean_exit"]:
        return  # it says itself what may be missing
    lost = sum(info["dropped"].values()) + info["open"] + info["orphans"]
    missing = truth.counts["launches"] - info["launches"]
    if missing < 0 or missing > 0 and not lost:
        raise Trouble(f"{missing} launches of {truth.counts['launches']} are missing: {info}")


def check(configuration, bare, **variables):
    """One run with refusals. Return: what was wrong, or None."""
    folder, code, stdout, stderr = run(configuration, **variables)
    try:
        if code is None:
            raise Trouble(f"it hangs; {stderr!r}")
        if code != bare[1] or stdout != bare[2]:
            raise Trouble(f"status {code}, {stdout!r}, {stderr[-2000:]!r}")
        if not configuration.settings and stderr != bare[3]:
            raise Trouble(f"on stderr: {stderr!r}")
        check_file(folder)
    except Trouble as trouble:
        refused = [line for line in report_of(folder) if line[0] == "refused"]
        return f"{configuration.name} {variables}: {trouble}\n    {refused[:3]} in {folder}"
    shutil.rmtree(folder)
    return None


def choose(lines, form):
    """The refusals to try, given the requests of a run without any."""
    count = len(lines)
    if form == "full":
        tries = [{"REFUSE_AT": n} for n in range(1, count + 1)]
        return tries + [{"REFUSE_FROM": n} for n in range(1, count + 1, 3)]
    places = dict.fromkeys(line[2] for line in lines[START:])
    tries = [{"REFUSE_AT": n} for n in range(1, min(count, START) + 1)]
    tries += [{"REFUSE_AT": 1, "REFUSE_SITE": place} for place in places]
    if form == "quick":
        return tries + [{"REFUSE_FROM": n} for n in range(1, count + 1, count // QUICK_STEPS)]
    tries += [{"REFUSE_FROM": 1, "REFUSE_SITE": place} for place in places if "librk" in place]
    return tries + [{"REFUSE_FROM": n} for n in range(1, count + 1, count // STEPS)]


def sweep(name, folder, receiver, form):
    """Return: what was wrong."""
    configuration = Configuration(name, folder / name, receiver)
    bare = run(configuration, preload=False)
    usual = run(configuration)
    if usual[1] != bare[1] or usual[2] != bare[2]:
        return [f"{name}: without a refusal: {usual[1:]}, bare: {bare[1:]}"]
    lines = report_of(usual[0])
    tries = choose(lines, form)
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        wrong = list(filter(None, pool.map(lambda one: check(configuration, bare, **one), tries)))
    print(f"{name}: {len(lines)} requests of {len(set(line[2] for line in lines))} places, "
          f"{len(tries)} runs in {time.monotonic() - began:.0f} s, {len(wrong)} wrong", flush=True)
    return wrong


def main(form, *words):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-oom-"))
    receiver = harness.Receiver(folder)
    try:
        if form == "one":
            configuration = Configuration(words[0], folder / words[0], receiver)
            done = run(configuration, **dict(word.split("=", 1) for word in words[1:]))
            print(done, *report_of(done[0]), sep="\n")
            return 0
        names = words or ["nothing", "everything"]
        wrong = [one for name in names for one in sweep(name, folder, receiver, form)]
    finally:
        status = receiver.stop()
    if status != 0:
        wrong.append(f"what was sent was not in order: the receiver ended with {status}")
    print(*wrong[:SHOWN], sep="\n")
    if not wrong:
        shutil.rmtree(folder)
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
