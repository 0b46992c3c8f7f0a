# SPDX-License-Identifier: Apache-2.0
"""GPU time where CUPTI gives it, host time labelled as such where not; captures; errors."""
import json
import shutil

import harness


class Ladder(harness.Case):
    def run_storm(self, **env):
        result = self.run_program([self.program("storm"), 200, 2, 4], env=env)
        self.assertEqual(result.code, 0, result.stderr)
        path = self.only_trace(result.folder)
        return path, self.info(path), result

    def check_host_time(self, **env):
        receiver, gateway = self.receiver(), self.gateway()
        path, info, _ = self.run_storm(RUSTKERNEL_TRACE_FILE="host.rkt.zst",
                                       RUSTKERNEL_OTLP_ENDPOINT=receiver.url,
                                       RUSTKERNEL_PUSHGATEWAY_URL=gateway.url, **env)
        self.assertEqual(info["gpu_time_source"], "host")
        self.assertEqual(info["launches"], 200)
        self.assertEqual(info["kernels"], 0)
        self.assertIn("host", self.rktrace("report", path).lower())
        self.assertEqual(json.loads(self.rktrace("report", "--json", path))["gpu_time_source"],
                         "host")
        spans = harness.kernel_spans(receiver.spans())
        self.assertEqual(len(spans), 200)
        for span in spans:
            self.assertEqual(harness.attribute(span, "rustkernel.time_source"), "host")
        samples = gateway.samples()
        self.assertEqual(
            harness.sum_of(samples, "rustkernel_executions_total", source="gpu"), 0)
        self.assertEqual(
            harness.sum_of(samples, "rustkernel_executions_total", source="host"), 200)
        self.assertEqual(receiver.stop(), 0)

    def libraries_but_cupti(self, libcupti=None):
        bare = self.folder / "bare"
        bare.mkdir()
        for name in ["libcuda.so.1", "libcudart.so.13"]:
            shutil.copy(harness.SIMGPU / name, bare)
        if libcupti:
            shutil.copy(libcupti, bare)
        return bare

    def test_cupti_refuses(self):
        self.check_host_time(SIMGPU_CUPTI="refused")

    def test_cupti_is_somebody_elses(self):
        self.check_host_time(SIMGPU_CUPTI="error39")

    def test_cupti_lacks_calls(self):
        self.check_host_time(LD_LIBRARY_PATH=self.libraries_but_cupti(
            libcupti=harness.SIMGPU / "partial" / "libcupti.so.13"))

    def test_no_libcupti(self):
        self.check_host_time(LD_LIBRARY_PATH=self.libraries_but_cupti())

    def test_kernel_record_layouts(self):
        # The first cuptiGetVersion() of each of Kernel4 to Kernel10.
        for version in [10, 13, 15, 17, 18, 19, 130000]:
            with self.subTest(version=version):
                _, info, _ = self.run_storm(SIMGPU_CUPTI_VERSION=version)
                self.assertEqual(info["kernels"], 200)
                self.assertEqual(info["gpu_time_source"], "cupti")
                self.assert_ledger_closes(info)

    def test_refused_kind_degrades_alone(self):
        _, info, _ = self.run_storm(SIMGPU_CUPTI_REFUSE_KINDS="1")
        self.assertEqual(info["kernels"], 200)

    def test_invalid_times_are_counted(self):
        _, info, _ = self.run_storm(SIMGPU_CUPTI_INVALID_TIME_EVERY=10)
        self.assertEqual(info["dropped"].get("invalid_time"), 20)
        self.assertEqual(info["kernels"], 200)

    def test_dropped_buffers_are_counted(self):
        result = self.run_program([self.program("storm"), 20000, 2, 4],
                                  env={"SIMGPU_CUPTI_DROP_EVERY": 3, "SIMGPU_KERNEL_NS": 2000})
        info = self.info(self.only_trace(result.folder))
        self.assertGreater(info["dropped"].get("cupti_dropped", 0), 0)
        self.assertEqual(info["launches"], 20000)
        self.assertEqual(info["kernels"] + info["dropped"]["cupti_dropped"], 20000)


class Captures(harness.Case):
    def test_captured_launches_are_not_launched(self):
        result = self.run_program([self.program("capture")])
        without = self.run_program([self.program("capture")], preload=False)
        self.assertEqual(result.stdout, without.stdout)
        self.assertEqual(result.code, 0, result.stderr)
        counts = self.truth(result.folder).counts
        self.assertGreater(counts["launches_captured"], 0)
        self.assertGreater(counts["graph_launches"], 0)
        info = self.info(self.only_trace(result.folder))
        self.assertEqual(info["launches"], counts["launches"])
        self.assertEqual(info["graph_launches"], counts["graph_launches"])
        self.assertEqual(info["kernels"], counts["kernels"])
        self.assert_ledger_closes(info)


class Injection(harness.Case):
    def test_second_way_in(self):
        result = self.run_program([self.program("storm"), 300, 2, 4],
                                  preload=False,
                                  env={"CUDA_INJECTION64_PATH": harness.PRELOAD})
        self.assertEqual(result.code, 0, result.stderr)
        info = self.info(self.only_trace(result.folder))
        self.assertEqual(info["kernels"], 300)
        self.assertEqual(info["launches"], 300)

    def test_both_ways_start_once(self):
        result = self.run_program([self.program("storm"), 300, 2, 4],
                                  env={"CUDA_INJECTION64_PATH": harness.PRELOAD})
        info = self.info(self.only_trace(result.folder))
        self.assertEqual(info["kernels"], 300)
        self.assertEqual(info["launches"], 300)
        self.assert_ledger_closes(info)


class Errors(harness.Case):
    def test_failing_calls_are_counted(self):
        gateway = self.gateway()
        result = self.run_program([self.program("errors"), "oom"],
                                  env={"RUSTKERNEL_PUSHGATEWAY_URL": gateway.url})
        self.assertEqual(result.code, self.run_program([self.program("errors"), "oom"],
                                                       preload=False).code)
        counted = harness.sum_of(gateway.samples(), "rustkernel_errors_total",
                                 error="CUDA_ERROR_OUT_OF_MEMORY")
        self.assertGreater(counted, 0)


if __name__ == "__main__":
    harness.main()
