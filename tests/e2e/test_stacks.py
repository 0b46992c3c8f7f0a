#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Call stacks of a program whose functions the test knows: taken, kept, given names, told."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import harness

HANGING = """
logging: {level: warn}
trace: {file: t.rkt.zst}
alerting:
  group_wait: 0s
  rules:
    - {name: hangs, condition: {kernel_in_flight: {longer_than: 1500ms}}, kernels: ["endless*"]}
  channels: [{webhook: {name: hook, url: "HOOK"}}]
"""
PLUGIN = harness.PROGRAMS / "stacks_plugin.so"
CHAINS = [  # innermost first, and how often
    (["launch", "forward", "train", "main"], 10),
    (["launch", *["dive"] * 31], 1),
    (["launch", "plugin_launch", "load_plugin", "train", "main"], 1),
    (["launch", "in_thread"], 1),
    (["launch", "on_signal"], 1),
]

FORKS = """
import ctypes, os, sys
cu = ctypes.CDLL("libcuda.so.1")
def take(count):
    context, memory = ctypes.c_void_p(), ctypes.c_uint64()
    calls = [cu.cuInit(0), cu.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0),
             cu.cuCtxSetCurrent(context)]
    calls += [cu.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(64)) for _ in range(count)]
    return any(calls)
for before in (True, False):
    if os.fork() == 0:
        sys.exit(take(3) if before else os._exit(0))
    assert os.wait()[1] == 0
    assert not take(5)
print("stacks: ok")
"""

REFUSED = """
import ctypes
cu = ctypes.CDLL("libcuda.so.1")
context, memory = ctypes.c_void_p(), ctypes.c_uint64()
assert not (cu.cuInit(0) or cu.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
            or cu.cuCtxSetCurrent(context))
taken = [cu.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(size))
         for size in (64, 1 << 50, 64, 1 << 50, 1 << 50)]
assert taken == [0, 2, 0, 2, 2], taken
print("stacks: ok")
"""


def functions(row):
    return [frame.get("function", "") for frame in row["frames"]]


class Stacks(harness.Case):
    def trace(self, program, *args, mode="all", **env):
        path = program if os.path.isabs(program) else self.program(program)
        result = self.run_program([path, *args], env={"RUSTKERNEL_STACKS_MODE": mode, **env})
        self.assertEqual((result.code, result.stdout), (0, b"stacks: ok\n"), result.stderr)
        return self.only_trace(result.folder), result

    def report(self, trace):
        return json.loads(self.rktrace("report", "--stacks", "--json", trace))

    def row(self, report, chain):
        found = [row for row in report["stacks"] if functions(row)[:len(chain)] == chain]
        self.assertEqual(len(found), 1, [functions(row)[:5] for row in report["stacks"]])
        return found[0]

    def has_lines(self):
        text = subprocess.run(["ldd", str(harness.RKTRACE)], capture_output=True, text=True,
                              check=False).stdout
        return "libdw" in text

    def check_chains(self, program):
        trace, result = self.trace(program, "10", str(PLUGIN))
        self.assertEqual(result.stderr, b"")
        report = self.report(trace)
        for chain, launches in CHAINS:
            row = self.row(report, chain)
            self.assertEqual(row["launches"], launches, chain)
            self.assertGreater(row["gpu_ns"], 0)
            for frame in row["frames"][:2] if self.has_lines() else []:
                self.assertRegex(frame["file"], r"stacks(_plugin)?\.c$")
                self.assertGreater(frame["line"], 20 if "plugin" not in frame["function"] else 5)
        self.assertEqual(self.row(report, ["reserve", "train"])["allocated_bytes"], 4096)
        self.assertEqual(self.row(report, ["fail", "train"])["failed"], 1)
        self.assertEqual(report["calls_without_stack"], 0)
        self.assert_ledger_closes(self.info(trace))

    def test_an_executable_at_any_address(self):
        self.check_chains("stacks_pie")

    def test_an_executable_at_a_fixed_address(self):
        self.check_chains("stacks_nopie")

    def test_nothing_of_ours_and_every_line_is_right(self):
        trace, _ = self.trace("stacks_pie", "1")
        report = self.report(trace)
        modules = {pathlib.Path(frame["module"]).name for row in report["stacks"]
                   for frame in row["frames"] if "module" in frame}
        self.assertFalse([name for name in modules if "rkpreload" in name or "unwind" in name])
        if self.has_lines():
            source = (harness.ROOT / "tests" / "programs" / "stacks.c").read_text().splitlines()
            frame = self.row(report, ["launch", "forward"])["frames"][0]
            self.assertIn("cuLaunchKernel", source[frame["line"] - 1])

    def test_a_stripped_program_has_offsets_and_no_names(self):
        trace, _ = self.trace("stacks_stripped", "3")
        for row in self.report(trace)["stacks"]:
            for frame in row["frames"]:
                if frame.get("module", "").endswith("stacks_stripped"):
                    self.assertNotIn("function", frame)
                    self.assertGreater(frame["offset"], 0)
        self.assertRegex(self.rktrace("report", "--stacks", trace),
                         r"\n +stacks_stripped\+0x[0-9a-f]+\n")

    def test_a_file_that_was_changed_or_is_gone_gives_no_names(self):
        copy = self.folder / "program"
        shutil.copy(self.program("stacks_pie"), copy)
        trace, _ = self.trace(str(copy), "3")
        self.row(self.report(trace), ["launch", "forward"])
        shutil.copy(self.program("stacks_nopie"), copy)
        for _ in range(2):
            for row in self.report(trace)["stacks"]:
                self.assertFalse({"launch", "train", "main"} & set(functions(row)), functions(row))
            self.assertRegex(self.rktrace("report", "--stacks", trace), r"program\+0x")
            copy.unlink(missing_ok=True)

    def test_off_takes_none(self):
        trace, _ = self.trace("stacks_pie", "3", mode="off")
        self.assertEqual(self.report(trace)["stacks"], [])
        self.assertIn("holds no call stacks", self.rktrace("report", "--stacks", trace))

    def test_what_was_refused_is_no_allocation(self):
        result = self.run_program(["/usr/bin/python3", "-c", REFUSED],
                                  env={"RUSTKERNEL_STACKS_MODE": "all"})
        self.assertEqual((result.code, result.stdout), (0, b"stacks: ok\n"), result.stderr)
        trace = self.only_trace(result.folder)
        report = self.report(trace)
        counted = [sum(row[key] for row in report["stacks"])
                   for key in ("allocations", "allocated_bytes", "failed")]
        self.assertEqual(counted, [2, 128, 3])
        memory = json.loads(self.rktrace("report", "--memory", "--json", trace))["memory_use"]
        self.assertEqual([pool["allocations"] for pool in memory["pools"]], [2], memory)

    def test_alloc_takes_those_of_allocations_and_failures(self):
        trace, _ = self.trace("stacks_pie", "3", mode="alloc")
        report = self.report(trace)
        self.assertEqual(sorted(functions(row)[0] for row in report["stacks"]), ["fail", "reserve"])
        self.assertEqual(report["calls_without_stack"], 6)

    def test_sampled_takes_the_first_and_every_nth_of_a_thread(self):
        trace, _ = self.trace("stacks_pie", "100", mode="sampled", RUSTKERNEL_STACKS_SAMPLE_EVERY=25)
        # 1, 26, 51, 76 of the loop; the free is one of the calls, behind it.
        self.assertEqual(self.row(self.report(trace), ["launch", "forward"])["launches"], 4)
        self.assertEqual(self.row(self.report(trace), ["launch", "in_thread"])["launches"], 1)

    def test_a_forked_child_takes_its_own(self):
        result = self.run_program([sys.executable, "-c", FORKS],
                                  env={"RUSTKERNEL_STACKS_MODE": "alloc"})
        self.assertEqual((result.code, result.stdout), (0, b"stacks: ok\n"), result.stderr)
        counts = sorted(self.report(trace)["calls_with_stack"]
                        for trace in self.traces(result.folder))
        self.assertEqual(counts, [3, 10])

    def test_depth_is_bounded(self):
        trace, _ = self.trace("stacks_pie", "1", RUSTKERNEL_STACKS_MAX_DEPTH=3)
        self.assertEqual({len(row["frames"]) for row in self.report(trace)["stacks"]} - {2}, {3})

    def test_without_libunwind_it_is_said_once_and_tracing_goes_on(self):
        folder = self.folder / "libraries"
        folder.mkdir()
        (folder / "libunwind.so.8").write_bytes(b"not a library")
        trace, result = self.trace("stacks_pie", "3",
                                   LD_LIBRARY_PATH=f"{folder}:{harness.SIMGPU}")
        lines = result.stderr.decode().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], r"stacks: could not open libunwind\.so\.8")
        self.assertEqual(self.report(trace)["stacks"], [])
        self.assertEqual(self.info(trace)["launches"], 6)

    def test_spans_say_where_and_a_replay_says_the_same(self):
        live, again = self.receiver(), self.receiver()
        result = self.run_program([self.program("stacks_pie"), "2"], env={
            "RUSTKERNEL_STACKS_MODE": "all", "RUSTKERNEL_OTLP_ENDPOINT": live.url,
            "RUSTKERNEL_TRACE_FILE": "live.rkt.zst"})
        self.assertEqual(result.code, 0, result.stderr)
        self.rktrace("replay", result.folder / "live.rkt.zst", "--otlp", again.url)
        self.assertEqual((live.stop(), again.stop()), (0, 0))
        told = []
        for receiver in (live, again):
            told.append(sorted((span["span_id"], span["attributes"]["code.stacktrace"],
                                span["attributes"]["code.function.name"])
                               for span in receiver.spans()
                               if "code.stacktrace" in span["attributes"]))
        self.assertEqual(told[0], told[1])
        self.assertEqual({function for _, _, function in told[0]}, {"launch"})
        self.assertEqual(len(told[0]), 5)
        self.assertTrue(any(re.match(r"launch in stacks_pie\nforward in stacks_pie\ntrain in", text)
                            for _, text, _ in told[0]), told[0])

    def test_an_alert_about_a_hang_has_the_stack_of_the_launcher(self):
        gateway = self.gateway()
        (self.folder / "c.yaml").write_text(HANGING.replace("HOOK", gateway.url + "/hook"))
        result = self.run_program([self.program("endless"), "2.5"], folder=self.folder, env={
            "RUSTKERNEL_CONFIG": self.folder / "c.yaml", "RUSTKERNEL_STACKS_MODE": "all",
            "SIMGPU_KERNEL_NS_endless": 400000000})
        self.assertEqual(result.code, 0, result.stderr)
        done = subprocess.run([harness.RKTRACE, "alert", "list", "--json", "t.rkt.zst", "--config",
                               "c.yaml"], check=False, capture_output=True, text=True, timeout=60,
                              cwd=self.folder)
        fired = [alert for alert in json.loads(done.stdout) if alert["state"] == "firing"]
        self.assertTrue(fired, done.stderr)
        self.assertRegex(fired[0]["stack"], r"(?m)^main in endless$")
        self.assertIn("main in endless", gateway.groups["/hook"])


if __name__ == "__main__":
    unittest.main()
