# SPDX-License-Identifier: Apache-2.0
"""The three sums of contracts.md, held to what the simulated driver and CUPTI counted.

A program does work of many forms, some trouble comes over it, and afterwards the file, the metrics
and the verdict are compared with the accounts of the driver, of CUPTI and of the receiver, and with
each other. RK_LEDGER_ALL=1 takes every program through every trouble.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess

import harness

WORK = harness.Accounts.WORK
RECORDS = {"kernels": "launch", "memcpys": "memcpy", "memsets": "memset", "graphs": "graph_launch"}
OUTCOMES = ["eligible", "sent", "sampled_out", "dropped"]
AT_ONCE = 6
HOOK = harness.BUILD / "tests" / "hook"
EVERYTHING = os.environ.get("RK_LEDGER_ALL") == "1"

# name -> words of the command line, settings of the simulated GPU
PROGRAMS = {
    "every form": (["every_work", "every", 2], {}),
    "per-thread streams": (["every_work_per_thread", "every", 2], {}),
    "launches": (["launches", "plain"], {}),
    "launches per thread": (["launches", "ptsz"], {}),
    "failures": (["every_work", "fail"], {}),
    "threads that die": (["every_work", "threads", 3], {}),
    "devices": (["every_work", "devices", 2], {"SIMGPU_DEVICES": 3}),
    "contexts": (["every_work", "churn", 2], {}),
    "a fault": (["every_work", "fault", 6], {"SIMGPU_ILLEGAL_ADDRESS_AT": 3}),
    "kernels that do not end": (["every_work", "long", 20], {"SIMGPU_KERNEL_NS": 10**11}),
    "storm": (["storm_static", 400, 4, 4], {}),
    "captures": (["capture", 5], {}),
    "copies": (["copies"], {}),
    "memory": (["memory_churn"], {}),
    "ranges": (["nvtx", "mixed"], {"RUSTKERNEL_NVTX": "1"}),
    "the C API": (["spans", "pagerank"], {}),
    "forks": (["every_work", "fork", 2], {"SIMGPU_TRUTH": "truth.%p.json"}),
    "storm of calls": (["every_work", "storm", 30000], {"SIMGPU_KERNEL_NS": 100}),
    "exit in a thread": (["every_work", "threads", 2, "thread"], {}),
}

# What is found in every program, and what only in some.
QUICK = ["every form", "threads that die"]
STORMS = {"small rings": ["storm of calls"]}
TROUBLES = {
    "none": {},
    "stacks": {"RUSTKERNEL_STACKS_MODE": "all"},
    "whole graphs": {"RUSTKERNEL_GRAPH_TRACE": "graph"},
    "records dropped": {"SIMGPU_CUPTI_DROP_EVERY": 7},
    "times missing": {"SIMGPU_CUPTI_INVALID_TIME_EVERY": 5},
    "times inverted": {"SIMGPU_CUPTI_INVERTED_TIME_EVERY": 5},
    "newest first": {"SIMGPU_CUPTI_NEWEST_FIRST": 1,
                     "RUSTKERNEL_CUPTI_BUFFER_SIZE": "64KiB"},
    "slow kernels": {"SIMGPU_KERNEL_NS": 2000000},
    "ids come round": {"SIMGPU_FIRST_CORRELATION": 2**32 - 100},
    "no CUPTI": {"SIMGPU_CUPTI": "refused"},
    "kinds refused": {"SIMGPU_CUPTI_REFUSE_KINDS": "1,2"},
    "another tool": {"SIMGPU_CUPTI": "error39"},
    "few rings": {"RUSTKERNEL_RING_THREADS": 2},
    "small rings": {"RUSTKERNEL_RING_SIZE": "64KiB"},
    "old records": {"SIMGPU_CUPTI_VERSION": 13},
    "launches on the device": {"SIMGPU_DEVICE_LAUNCH_EVERY": 2, "SIMGPU_DEVICE_LAUNCH_KERNELS": 3},
    "small file": {"RUSTKERNEL_TRACE_MAX_SIZE": "64KiB"},
    "no file": {"RUSTKERNEL_TRACE_FILE": "/proc/nothing/x.rkt.zst"},
}


# Settings of the exporters and how the receiver answers; None: nobody listens.
WIRES = {
    "all sent": ({}, []),
    "a tenth": ({"RUSTKERNEL_TRACING_SAMPLING_RATE": "0.1"}, []),
    "none": ({"RUSTKERNEL_TRACING_SAMPLING_RATE": "0"}, []),
    "slow ones kept": ({"RUSTKERNEL_TRACING_SAMPLING_RATE": "0.1",
                        "RUSTKERNEL_TRACING_KEEP_SLOWER_THAN": "p99"}, []),
    "a limit": ({"RUSTKERNEL_TRACING_MAX_SPANS_PER_SECOND": 50}, []),
    "grpc": ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, None),
    "some rejected": ({}, ["--script", "partial=3/text=why,200"]),
    "refused": ({}, ["--script", "401"]),
    "unwell": ({}, ["--script", "503"]),
    "then well": ({}, ["--script", "503/retry-after=0,200"]),
    "closed": ({}, ["--script", "reset"]),
    "silent": ({}, ["--script", "hole"]),
    "slow": ({}, ["--script", "slow=0.05"]),
    "dead": ({}, None),
    "a short queue": ({"RUSTKERNEL_TRACING_OTLP_MAX_QUEUE_SPANS": 100}, ["--script", "slow=0.1"]),
}


class Run:
    """One program in its folder, and what it left. @prefix: words before the program."""

    def __init__(self, case, name, words, settings, prefix=()):
        self.case, self.name = case, name
        self.folder = case.folder / re.sub(r"\W+", "-", name)
        self.folder.mkdir()
        self.gateway = case.gateway()
        env = {"SIMGPU_TRUTH": "truth.json",
               "RUSTKERNEL_SUMMARY": "verdict.%p.txt" if "fork" in words else "verdict.txt",
               "RUSTKERNEL_TRACE_FILE": "%e.%p.rkt.zst", "RUSTKERNEL_LOG_LEVEL": "error",
               "RUSTKERNEL_PUSHGATEWAY_URL": self.gateway.url, **settings}
        argv = [*prefix, case.program(words[0]), *[str(word) for word in words[1:]]]
        done = subprocess.run(argv, cwd=self.folder, env=harness.environment(self.folder, **env),
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=harness.PROGRAM_TIMEOUT)
        self.code, self.errors = done.returncode, done.stderr.decode()

    def accounts(self, trace):
        path = self.folder / "truth.json.ledger"
        if path.exists():
            return harness.Accounts(path)
        pid = trace.name.split(".")[1]
        return harness.Accounts(self.folder / f"truth.{pid}.json.ledger")


class Sums:
    """All differences between the accounts and what one output tells, in words."""

    def __init__(self):
        self.wrong = []

    def same(self, what, told, counted):
        if told != counted:
            self.wrong.append(f"{what}: {told}, counted {counted}")

    def host(self, ledger, accounts):
        for work in WORK:
            row = ledger[work]
            for column in ["calls", "failed", "captured"]:
                self.same(f"{work} {column}", row[column], getattr(accounts, column)[work])
            self.same(f"{work} submitted = joined + open + lost",
                      row["joined"] + row["open"] + row["lost"], accounts.submitted(work))

    def gpu(self, ledger, accounts):
        gpu = ledger["gpu"]
        for kind, work in RECORDS.items():
            self.same(kind, gpu[kind], accounts.delivered[work])
        self.same("GPU records dropped", gpu["dropped"], accounts.lost)
        self.same("GPU records without a time", gpu["invalid_time"], accounts.wrong_time)
        self.same("GPU records = joined + orphan + invalid + dropped",
                  gpu["joined"] + gpu["orphan"] + gpu["invalid_time"] + gpu["dropped"],
                  sum(accounts.delivered.values()) + accounts.lost)

    def metrics(self, samples, ledger):
        columns = {"made": "calls", "failed": "failed", "captured": "captured",
                   "joined": "joined", "lost": "lost"}
        for work in WORK:
            for outcome, column in columns.items():
                self.same(f"metric of {work} {outcome}",
                          harness.sum_of(samples, "rustkernel_tracer_calls_total", work=work,
                                         outcome=outcome), ledger[work][column])
            self.same(f"metric of open {work}",
                      harness.sum_of(samples, "rustkernel_tracer_open_calls", work=work),
                      ledger[work]["open"])
        gpu = ledger["gpu"]
        for outcome in ["joined", "orphan", "invalid_time", "dropped"]:
            self.same(f"metric of GPU records {outcome}",
                      harness.sum_of(samples, "rustkernel_tracer_gpu_records_total",
                                     outcome=outcome), gpu[outcome])
        self.same("metric of GPU records made",
                  harness.sum_of(samples, "rustkernel_tracer_gpu_records_total", outcome="made"),
                  sum(gpu[kind] for kind in RECORDS) + gpu["dropped"])

    def dropped(self, samples, dropped):
        """Reasons: the metrics have those of the wire as well, which are not in the file."""
        for reason, count in dropped.items():
            self.same(f"metric of {reason}",
                      harness.sum_of(samples, "rustkernel_dropped_total", reason=reason), count)

    def verdict(self, text, info):
        ledger, losses = info["ledger"], next(line for line in text.splitlines()
                                              if "losses:" in line)
        launch = ledger["launch"]
        complete = re.search(r"\((\d+) of (\d+) launches complete", losses)
        self.same("launches of the verdict", [int(number) for number in complete.groups()],
                  [launch["joined"],
                   launch["calls"] - launch["failed"] - launch["captured"]])
        told = {reason: int(count) for count, reason in re.findall(r"(\d+) (\w+)",
                                                                  losses.split("(")[0])}
        self.same("losses of the verdict", told, info["dropped"])
        for pattern, count in [(r"(\d+) graph launches", ledger["graph_launch"]["joined"]),
                               (r"(\d+) calls OPEN", info["open"]),
                               (r"(\d+) orphans", info["orphans"])]:
            found = re.search(pattern, losses)
            self.same(f"verdict's {pattern}", int(found.group(1)) if found else 0, count)

    def wire(self, samples, received=None):
        """Return: the number of spans that were sent, as the metrics have it."""
        told = {}
        for signal, family in [("traces", "spans"), ("metrics", "data_points"),
                               ("logs", "log_records")]:
            told[signal] = {outcome: harness.sum_of(
                samples, f"rustkernel_tracer_{family}_total", outcome=outcome)
                            for outcome in OUTCOMES}
            row = told[signal]
            row["queued"] = harness.sum_of(samples, "rustkernel_tracer_queued", signal=signal)
            self.same(f"{signal}: eligible", row["eligible"],
                      row["sent"] + row["sampled_out"] + row["queued"] + row["dropped"])
        if received is not None:
            self.same("spans sent", told["traces"]["sent"] + told["traces"]["queued"], received)
        return told


class Table(harness.Case):
    """Rows of a table side by side, most of whose time is spent waiting."""

    def side_by_side(self, check, rows):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for row, wrong in zip(rows, pool.map(check, rows)):
                with self.subTest(row=row):
                    self.assertEqual(wrong, [])


class Wire(Table):
    """eligible = sent + sampled out + queued + dropped, and sent is what the receiver counted."""

    def test_wires(self):
        self.side_by_side(self.check, WIRES)

    def check(self, name):
        settings, options = WIRES[name]
        url = f"http://127.0.0.1:{harness.free_port()}"
        receiver = None
        if options is not None:
            receiver = self.receiver(*(["--script-signal", "traces"] if options else []), *options)
            url = receiver.url
        run = Run(self, name, ["every_work", "threads", 2],
                  {"RUSTKERNEL_OTLP_ENDPOINT": url, **settings})
        sums = Sums()
        samples = run.gateway.samples()
        told = sums.wire(samples)
        (trace,) = self.traces(run.folder)
        info = self.info(trace)
        sums.metrics(samples, info["ledger"])
        verdict = (run.folder / "verdict.txt").read_text()
        sums.verdict(verdict, info)
        self.check_verdict(sums, verdict, told["traces"], receiver)
        return sums.wrong

    def check_verdict(self, sums, verdict, told, receiver):
        """The last word: nothing is queued any more."""
        line = next(line for line in verdict.splitlines() if "spans sent" in line)
        sent, eligible = map(int, re.match(r"  (\d+) of (\d+) spans sent", line).groups())
        rest = [int(found.group(1)) if found else 0 for found in
                [re.search(pattern, line) for pattern in [r"(\d+) sampled out", r"(\d+) dropped"]]]
        sums.same("spans of the verdict", sent + sum(rest), eligible)
        sums.same("eligible in the verdict", eligible, told["eligible"])
        sums.same("sampled out in the verdict", rest[0], told["sampled_out"])
        received = len(receiver.spans()) if receiver else 0
        # Where no answer came in time the receiver may have more than is known to be sent.
        if rest[1] and received > sent:
            received = sent
        sums.same("spans sent", sent, received)
        if told["sent"] > sent or told["dropped"] > rest[1]:
            sums.wrong.append(f"more in the last push than at the end: {told}, {line}")


class Ends(Table):
    """Where nobody can write the end of the file, it holds what was sealed, and the rest is bounded."""

    CODES = {"_exit": 0, "quick_exit": 0, "exec": 0, "kill": -9}

    def check(self, how):
        run = Run(self, how, ["every_work", "storm", 20000, how], {"SIMGPU_LAUNCH_NS": 100000})
        (trace,) = self.traces(run.folder)
        info, sums = self.info(trace), Sums()
        sums.same("exit status", run.code, self.CODES[how])
        sums.same("clean end", info["clean_exit"], False)
        sums.same("the ledger closes", info["ledger"]["closes"], True)
        sums.same("the file holds something", info["ledger"]["launch"]["calls"] > 0, True)
        accounts = harness.Accounts(run.folder / "truth.json.ledger")
        most = [(f"{work} calls", info["ledger"][work]["calls"], accounts.calls[work])
                for work in WORK]
        most += [("launches", info["launches"], accounts.submitted("launch")),
                 ("kernels", info["kernels"], accounts.delivered["launch"])]
        sums.wrong += [f"{what}: {told} of {counted}" for what, told, counted in most
                       if told > counted]
        return sums.wrong

    def test_sudden_ends(self):
        self.side_by_side(self.check, self.CODES)


class Tools(Table):
    """Another tool has CUPTI for some of the time; its records are not ours."""

    STYLES = [(style, when) for style in ["subscriber", "activity", "again"]
              for when in ["later", "storm"]]

    def check(self, row):
        words = [HOOK / "guest_tools", HOOK / "guest_tool_linked.so", *row, 3]
        run, sums = Run(self, " ".join(row), words, {}), Sums()
        (trace,) = self.traces(run.folder)
        info = self.info(trace)
        accounts = harness.Accounts(run.folder / "truth.json.ledger")
        gpu = info["ledger"]["gpu"]
        sums.same("exit status", run.code, 0)
        sums.host(info["ledger"], accounts)
        sums.same("GPU records = joined + orphan + invalid",
                  gpu["joined"] + gpu["orphan"] + gpu["invalid_time"],
                  sum(gpu[kind] for kind in RECORDS))
        sums.same("calls that are open or lost", (info["open"], info["dropped"]), (0, {}))
        sums.metrics(run.gateway.samples(), info["ledger"])
        sums.verdict((run.folder / "verdict.txt").read_text(), info)
        if gpu["kernels"] > accounts.delivered["launch"]:
            sums.wrong.append(f"{gpu['kernels']} kernels of {accounts.delivered['launch']}")
        return sums.wrong

    def test_in_turn(self):
        self.side_by_side(self.check, self.STYLES)


class Troubled(Table):
    """A program over which trouble came: its files, metrics and verdict."""

    def check_file(self, run, trace, sums):
        info = self.info(trace)
        accounts = run.accounts(trace)
        if not info["clean_exit"]:
            sums.wrong.append("the file has no end")
        if not info["ledger"]["closes"]:
            sums.wrong.append(info["ledger"]["broken"])
        sums.host(info["ledger"], accounts)
        sums.gpu(info["ledger"], accounts)
        sums.dropped(run.gateway.samples(), info["dropped"])
        return info

    def check(self, run, has_file=True):
        sums = Sums()
        traces = [pathlib.Path(path) for path in self.traces(run.folder)]
        sums.same("exit status", run.code, 0)
        if has_file and not traces:
            sums.wrong.append("there is no file")
        infos = [self.check_file(run, trace, sums) for trace in traces]
        # A push replaces the one before: of several processes the last one's are there.
        if len(infos) == 1:
            sums.metrics(run.gateway.samples(), infos[0]["ledger"])
            sums.verdict((run.folder / "verdict.txt").read_text(), infos[0])
        sums.wire(run.gateway.samples())
        return sums.wrong


class Ledger(Troubled):
    """Trouble by trouble; programs side by side."""

    def take(self, pair):
        trouble, name = pair
        words, own = PROGRAMS[name]
        run = Run(self, f"{trouble} {name}", words, {**own, **TROUBLES[trouble]})
        return self.check(run, trouble != "no file")

    def test_pairs(self):
        self.side_by_side(self.take, [
            (trouble, program) for trouble in TROUBLES
            for program in (PROGRAMS if EVERYTHING or trouble == "none" else
                            STORMS.get(trouble, QUICK))])


if __name__ == "__main__":
    harness.main()
