#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a scrape of 10,000 series takes, and what being scraped costs the program.

usage: bench_scrape.py

A scrape is timed from sending the request to the last byte, on a connection that is kept, with
pauses so that each one is rendered afresh. Its cost to the program: launches of a loop in as much
time, in runs that take turns, scraped ten times a second and not, and what was lost.
Environment: RK_SCRAPE_DRIVER, RK_NET_LIBRARY; RK_BUILD as for the end-to-end tests.
"""
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

SCRAPES, ROUNDS = 15, 7
RUN_S, EVERY_S = 2, 0.1
LIMIT_MS = 20
FORMATS = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                "encoding=delimited",
}


def scrape(connection, **headers):
    start = time.perf_counter()
    connection.request("GET", "/metrics", headers={k.replace("_", "-"): v
                                                   for k, v in headers.items()})
    body = connection.getresponse().read()
    return (time.perf_counter() - start) * 1e3, body


def time_format(port, accept, encoding):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        took = []
        for _ in range(SCRAPES):
            ms, body = scrape(connection, Accept=accept, Accept_Encoding=encoding)
            took.append(ms)
            time.sleep(min(1.1, ms * 12e-3))  # a rendering is kept for ten times what it took
    return took, body


def bench_size(folder):
    env = {**os.environ, "RUSTKERNEL_METRICS_PORT": str(harness.free_port()),
           "RUSTKERNEL_METRICS_TOP_K": "400", "XDG_RUNTIME_DIR": str(folder),
           "RUSTKERNEL_METRICS_EXEMPLARS": "always_on"}
    process = subprocess.Popen(
        [os.environ["RK_SCRAPE_DRIVER"], os.environ["RK_NET_LIBRARY"], "kernels=400", "runs=60"],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = json.loads(process.stdout.readline())["port"]
    slow = []
    for name, accept in FORMATS.items():
        for encoding in ("identity", "gzip"):
            took, body = time_format(port, accept, encoding)
            plain = gzip.decompress(body) if encoding == "gzip" else body
            lines = [line for line in plain.split(b"\n") if line and line[:1] != b"#"]
            series = f"{len(lines)} series" if name != "protobuf" else "the same"
            print(f"scrape {name:12} {encoding:9} {series:13} {len(body):8} bytes  "
                  f"median {statistics.median(took):6.2f} ms  worst {max(took):6.2f} ms")
            if encoding == "identity" and name != "protobuf" and \
                    statistics.median(took) >= LIMIT_MS:
                slow.append(name)
    process.communicate()
    return slow


def scrape_until(stop, port, done):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    while not stop.wait(EVERY_S):
        try:
            scrape(connection, Accept=FORMATS["openmetrics"], Accept_Encoding="gzip")
            done.append(1)
        except OSError:
            connection.close()


def run_loop(folder, is_scraped):
    """Return: ns per launch, what was dropped, scrapes."""
    port, trace = harness.free_port(), folder / "loop.rkt.zst"
    trace.unlink(missing_ok=True)
    env = harness.environment(folder, RUSTKERNEL_METRICS_PORT=port, XDG_RUNTIME_DIR=folder,
                              RUSTKERNEL_TRACE_FILE=trace)
    stop, done = threading.Event(), []
    thread = threading.Thread(target=scrape_until, args=(stop, port, done))
    if is_scraped:
        thread.start()
    subprocess.run([harness.PROGRAMS / "endless", str(RUN_S)], cwd=folder, env=env, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stop.set()
    if is_scraped:
        thread.join()
    info = json.loads(subprocess.run(
        [harness.RKTRACE, "info", "--json", trace], check=True, capture_output=True,
        env=harness.environment(folder, preload=False)).stdout)
    return RUN_S * 1e9 / info["launches"], info["launches"], sum(info["dropped"].values()), len(done)


def bench_cost(folder):
    results = {False: [], True: []}
    for number in range(2 * ROUNDS):
        is_scraped = number % 4 in (1, 2)  # whoever comes first has no advantage
        results[is_scraped].append(run_loop(folder, is_scraped))
    for is_scraped, runs in results.items():
        ns = [run[0] for run in runs]
        print(f"loop {'scraped every 100 ms' if is_scraped else 'not scraped':21} "
              f"median {statistics.median(ns):7.0f} ns a launch ({min(ns):.0f} to {max(ns):.0f})  "
              f"dropped {sum(run[2] for run in runs)} of {sum(run[1] for run in runs)}  "
              f"scrapes {sum(run[3] for run in runs)}")


def main():
    with tempfile.TemporaryDirectory(prefix="rk-bench-scrape-") as name:
        folder = pathlib.Path(name)
        slow = bench_size(folder)
        bench_cost(folder)
    if slow:
        sys.exit(f"slower than {LIMIT_MS} ms: {', '.join(slow)}")


if __name__ == "__main__":
    main()
