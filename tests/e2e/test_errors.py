# SPDX-License-Identifier: Apache-2.0
"""Calls that fail: told with CUDA's words, wherever one looks; what a lost context took along."""
import json

import harness


class Errors(harness.Case):
    def errors(self, mode, **env):
        result = self.run_program([self.program("errors"), mode], env=env)
        self.assertEqual(result.code, 0, result.stderr)
        path = self.only_trace(result.folder)
        rows = json.loads(self.rktrace("report", "--errors", "--json", path))["errors"]
        return rows, result.stdout.decode(), path

    def test_lost_context_names_what_was_under_way(self):
        rows, said, path = self.errors("illegal", SIMGPU_ILLEGAL_ADDRESS_AT=4)
        self.assertIn("illegal: 3 launches, then cudaErrorIllegalAddress", said)
        first = min(rows, key=lambda row: row["first_ns"])
        self.assertEqual(first["error"], "CUDA_ERROR_ILLEGAL_ADDRESS")
        self.assertIn("an illegal memory access was encountered", first["message"])
        self.assertTrue(first["message"].endswith("; in flight: errors_kernel"), first)
        for row in rows:
            self.assertFalse(row is not first and "in flight" in row["message"], row)
        receiver = self.receiver()
        self.rktrace("replay", "--otlp", receiver.url, path)
        events = [event for span in receiver.spans() for event in span.get("events", [])
                  if event["name"] == "exception"]
        messages = {harness.attribute(event, "exception.message") for event in events}
        self.assertIn(first["message"], messages)
        self.assertEqual(receiver.stop(), 0)

    def test_out_of_memory(self):
        rows, said, _ = self.errors("oom", SIMGPU_OOM_AT=12)
        self.assertIn("oom: 11 blocks", said)
        row = next(row for row in rows if row["error"] == "CUDA_ERROR_OUT_OF_MEMORY")
        self.assertEqual((row["api"], row["count"]), ("cuMemAlloc_v2", 1))
        self.assertNotIn("in flight", row["message"])

    def test_what_the_driver_says_is_counted_by_function_and_error(self):
        gateway = self.gateway()
        rows, _, _ = self.errors("config", RUSTKERNEL_PUSHGATEWAY_URL=gateway.url,
                                 RUSTKERNEL_TRACE_FILE="config.rkt.zst")
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual(
                harness.sum_of(gateway.samples(), "rustkernel_errors_total", api=row["api"],
                               error=row["error"]), row["count"], row)


if __name__ == "__main__":
    harness.main()
