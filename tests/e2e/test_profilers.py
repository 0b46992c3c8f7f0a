# SPDX-License-Identifier: Apache-2.0
"""A profiler of the program's comes and goes: it has CUPTI, we have host time, nothing is lost."""
import json
import subprocess

import harness

HOOK = harness.BUILD / "tests" / "hook"


class Profilers(harness.Case):
    def run_tool(self, style, when, turns, **env):
        command = [HOOK / "guest_tools", HOOK / "guest_tool_linked.so", style, when, str(turns)]
        bare = self.run_program(command, preload=False)
        result = self.run_program(command, env=env)
        self.assertEqual((result.code, result.stdout), (bare.code, bare.stdout), result.stderr)
        path = self.only_trace(result.folder)
        return path, self.info(path), result

    def host_and_gpu(self, path):
        """Kernels the report labels as host time, and those with GPU time."""
        rows = json.loads(self.rktrace("report", "--json", path))["kernels"]
        return [sum(row["count"] for row in rows if row["time_source"] == source)
                for source in ("host", "gpu")]

    def test_in_turn(self):
        for style in ("subscriber", "activity", "again", "sharing"):
            with self.subTest(style=style):
                path, info, result = self.run_tool(style, "later", 5,
                                                   RUSTKERNEL_LOG_LEVEL="info")
                self.assertEqual(info["launches"], 800 * 11)
                # Six times without the tool, five times with it.
                self.assertEqual(info["kernels"], 800 * 6)
                self.assert_ledger_closes(info)
                self.assertEqual((info["open"], info["orphans"]), (0, 0))
                self.assertEqual(result.stderr.count(b"guest_tool_linked.so"), 5, result.stderr)
                self.assertEqual(result.stderr.count(b"GPU time again"), 5, result.stderr)

    def test_said_once_by_default(self):
        _, _, result = self.run_tool("subscriber", "later", 8, RUSTKERNEL_LOG_LEVEL="warn")
        self.assertEqual(result.stderr.count(b"host time only"), 1, result.stderr)

    def test_told_for_how_long(self):
        path, info, _ = self.run_tool("subscriber", "later", 5)
        self.assertEqual((info["gpu_time_source"], info["host_time_holder"]),
                         ("cupti", "guest_tool_linked.so"))
        self.assertGreater(info["host_time_ns"], 0)
        self.assertIn("while guest_tool_linked.so held CUPTI", self.rktrace("info", path))

    def test_older_functions_win(self):
        """We came by the newer functions: the tool gets all it would, and we come back."""
        for style in ("subscriber", "activity"):
            with self.subTest(style=style):
                _, info, _ = self.run_tool(style, "later", 3, SIMGPU_CUPTI_VERSION=140000)
                self.assertEqual((info["launches"], info["kernels"]), (800 * 7, 800 * 4))
                self.assertEqual(info["open"], 0)
                self.assert_ledger_closes(info)

    def test_first(self):
        _, info, _ = self.run_tool("activity", "first", 3)
        self.assertEqual(info["launches"], 800 * 7)
        self.assertEqual(info["kernels"], 800 * 3)
        self.assert_ledger_closes(info)

    def test_storm(self):
        for style in ("subscriber", "v2", "activity", "again"):
            with self.subTest(style=style):
                _, info, _ = self.run_tool(style, "storm", 10)
                self.assertEqual(info["launches"], 800 * 21)
                self.assert_ledger_closes(info)
                self.assertEqual(info["open"], 0)


if __name__ == "__main__":
    harness.main()
