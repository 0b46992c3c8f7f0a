# SPDX-License-Identifier: Apache-2.0
"""Bad surroundings: the program runs on unharmed, one clear line says what is wrong."""
import os
import re
import resource
import socket
import subprocess
import threading
import unittest

import harness

LAUNCHES = 200


class Endpoint(harness.Case):
    def storm(self, **env):
        settings = {"RUSTKERNEL_TRACE_FILE": "kept.rkt.zst"}
        settings.update(env)
        result = self.run_program([self.program("storm"), LAUNCHES, 2, 2],
                                  env=settings)
        without = self.run_program([self.program("storm"), LAUNCHES, 2, 2],
                                   preload=False)
        self.assertEqual(result.code, 0)
        self.assertEqual(result.stdout, without.stdout)
        self.delay = result.seconds - without.seconds
        info = self.info(result.folder / "kept.rkt.zst")
        self.assertEqual(info["kernels"], LAUNCHES)
        return result

    def lines(self, result, word):
        return [line for line in result.stderr.decode().splitlines() if word in line]

    def test_refused(self):
        result = self.storm(RUSTKERNEL_OTLP_ENDPOINT="http://127.0.0.1:9")
        self.assertEqual(len(self.lines(result, "127.0.0.1:9")), 1, result.stderr)
        self.assertLess(self.delay, 2.5)

    def other_build(self, old, new):
        """A librknet.so that differs in some bytes. Return: its path."""
        text = harness.NET.read_bytes()
        self.assertEqual(len(old), len(new))
        self.assertIn(old, text)
        path = self.folder / "other" / "librknet.so"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.replace(old, new))
        return path

    def test_a_module_of_another_build(self):
        """Its structs may be others: it is not used, and both files are named."""
        receiver = self.receiver()
        stamp = re.search(rb"\d+\.\d+\.\d+-([0-9a-f]{16})\0", harness.NET.read_bytes())
        others = [(stamp.group(1), b"0123456789abcdef", b"0123456789abcdef"),
                  (b"rk_net_stamp", b"rk_nobodys_1", b"build unknown")]
        for old, new, told in others:
            module = self.other_build(old, new)
            result = self.storm(RUSTKERNEL_OTLP_ENDPOINT=receiver.url,
                                RK_NET_LIBRARY=str(module))
            said = self.lines(result, "librknet.so")
            self.assertEqual(len(said), 1, result.stderr)
            for word in [str(module), "librkpreload.so", told.decode(), stamp.group(1).decode()]:
                self.assertIn(word, said[0])
            self.rktrace("replay", result.folder / "kept.rkt.zst", "--otlp", receiver.url,
                         env={"RK_NET_LIBRARY": str(module)}, code=69)
            self.assertIn(str(module), self.tool_errors)
        self.assertEqual(receiver.spans(), [])

    def test_black_hole(self):
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(listener.close)
        threading.Thread(target=self.swallow, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        result = self.storm(RUSTKERNEL_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
        self.assertLess(self.delay, 2.5)
        self.assertEqual(len(self.lines(result, str(port))), 1, result.stderr)

    def swallow(self, listener):
        kept = []
        while True:
            try:
                kept.append(listener.accept())
            except OSError:
                return

    def test_no_such_host(self):
        self.storm(RUSTKERNEL_OTLP_ENDPOINT="http://no-such-host.invalid:4318")
        self.assertLess(self.delay, 2.5)

    def test_pushgateway_refused(self):
        result = self.storm(RUSTKERNEL_PUSHGATEWAY_URL="http://127.0.0.1:9")
        self.assertLess(self.delay, 2.5)
        self.assertGreaterEqual(len(self.lines(result, "127.0.0.1:9")), 1)

    def test_grpc_refused(self):
        result = self.storm(RUSTKERNEL_OTLP_ENDPOINT="http://127.0.0.1:9",
                            OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        self.assertEqual(len(self.lines(result, "127.0.0.1:9")), 1, result.stderr)
        self.assertLess(self.delay, 2.5)

    def test_slow_receiver_is_told_apart(self):
        slow = self.receiver("--script", "slow=30")
        result = self.storm(RUSTKERNEL_OTLP_ENDPOINT=slow.url)
        self.assertLess(self.delay, 2.5)
        self.assertTrue(result.stderr, "what was not sent is said")

    def test_rate_limit_is_counted(self):
        receiver, gateway = self.receiver(), self.gateway()
        self.storm(RUSTKERNEL_OTLP_ENDPOINT=receiver.url,
                   RUSTKERNEL_PUSHGATEWAY_URL=gateway.url,
                   RUSTKERNEL_TRACING_SAMPLING_RATE="0")
        self.assertEqual(receiver.spans(), [])
        spans = {outcome: harness.sum_of(gateway.samples(), "rustkernel_tracer_spans_total",
                                       outcome=outcome)
                 for outcome in ["eligible", "sent", "sampled_out", "dropped"]}
        self.assertGreater(spans["eligible"], LAUNCHES)
        self.assertEqual(spans["sampled_out"], spans["eligible"])
        self.assertEqual((spans["sent"], spans["dropped"]), (0, 0))

    def test_no_network_module(self):
        result = self.storm(RUSTKERNEL_OTLP_ENDPOINT="http://127.0.0.1:9",
                            RK_NET_LIBRARY="/nonexistent/librknet.so")
        self.assertEqual(len(self.lines(result, "librknet.so")), 1, result.stderr)


class Settings(harness.Case):
    def storm(self, **env):
        result = self.run_program([self.program("storm"), 50, 1, 1], env=env)
        self.assertEqual(result.code, 0)
        return result.stderr.decode()

    def test_nonsense_in_a_variable(self):
        errors = self.storm(RUSTKERNEL_METRICS_PORT="eighty")
        self.assertEqual(len(errors.splitlines()), 1, errors)
        for word in ["RUSTKERNEL_METRICS_PORT", "eighty"]:
            self.assertIn(word, errors)

    def test_ranges_that_come_too_late_say_so(self):
        path = self.folder / "nvtx.yaml"
        path.write_text("nvtx: true\n")
        errors = self.storm(RUSTKERNEL_CONFIG=path)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertIn("nvtx: the setting comes too late", errors)
        self.assertEqual(self.storm(RUSTKERNEL_NVTX="1"), "")

    def test_unknown_variable_names_the_nearest(self):
        errors = self.storm(RUSTKERNEL_OTLP_ENDPIONT="http://x")
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertIn("RUSTKERNEL_OTLP_ENDPOINT", errors)

    def test_yaml_names_file_line_and_key(self):
        path = self.folder / "rk.yaml"
        path.write_text("metrics:\n  enabled: true\n  prot: 9000\ntracing:\n  sampling_rate: 7\n")
        errors = self.storm(RUSTKERNEL_CONFIG=path, RUSTKERNEL_METRICS_ENABLED="false")
        self.assertIn("rk.yaml:3", errors)
        self.assertIn("metrics.port", errors)
        self.assertIn("rk.yaml:5", errors)

    def test_unreadable_yaml(self):
        errors = self.storm(RUSTKERNEL_CONFIG="/nonexistent/rk.yaml")
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertIn("/nonexistent/rk.yaml", errors)


class Disk(harness.Case):
    def test_unwritable_folder(self):
        result = self.run_program([self.program("storm"), 50, 1, 1],
                                  env={"RUSTKERNEL_TRACE_FILE": "/proc/nothing/x.rkt.zst"})
        self.assertEqual(result.code, 0)
        self.assertEqual(len(result.stderr.decode().splitlines()), 1, result.stderr)
        self.assertIn("/proc/nothing/x.rkt.zst", result.stderr.decode())

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small file system takes root")
    def test_full_disk(self):
        small = self.folder / "small"
        small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", str(small)],
                                 check=False, capture_output=True)
        if mounted.returncode != 0:
            self.skipTest("a tmpfs could not be mounted")
        self.addCleanup(subprocess.run, ["umount", str(small)], check=False)
        result = self.run_program([self.program("storm_driver_linked"), 60000, 4, 8],
                                  env={"RUSTKERNEL_TRACE_FILE": small / "x.rkt.zst",
                                       "SIMGPU_KERNEL_NS": 1000,
                                       "RUSTKERNEL_SUMMARY": "always"})
        self.assertEqual(result.code, 0, result.stderr)
        self.assertIn("disk", result.stderr.decode())
        info = self.info(small / "x.rkt.zst")
        self.assertLess(info["kernels"], 60000)

    def test_file_size_limit(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))

        folder = self.folder / "limited"
        folder.mkdir()
        done = subprocess.run([self.program("storm_driver_linked"), "60000", "4", "8"], cwd=folder,
                              env=harness.environment(folder, SIMGPU_KERNEL_NS=1000),
                              preexec_fn=limit, check=False, capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_existing_file_is_never_overwritten(self):
        folder = self.folder / "twice"
        folder.mkdir()
        (folder / "x.rkt.zst").write_text("precious")
        for _ in range(2):
            self.run_program([self.program("storm"), 10, 1, 1], folder=folder,
                             env={"RUSTKERNEL_TRACE_FILE": "x.rkt.zst"})
        self.assertEqual((folder / "x.rkt.zst").read_text(), "precious")
        self.assertEqual(len(self.traces(folder)), 3)


class Verdict(harness.Case):
    def test_always_never_and_a_path(self):
        argv = [self.program("storm"), 100, 2, 2]
        quiet = self.run_program(argv, env={"RUSTKERNEL_SUMMARY": "never"})
        self.assertEqual(quiet.stderr, b"")
        loud = self.run_program(argv, env={"RUSTKERNEL_SUMMARY": "always"})
        lines = loud.stderr.decode().splitlines()
        self.assertTrue(2 <= len(lines) <= 12, loud.stderr)
        for word in ["GPU busy", "next:", "rktrace report"]:
            self.assertIn(word, loud.stderr.decode())
        written = self.run_program(argv, env={"RUSTKERNEL_SUMMARY": "verdict.txt"})
        self.assertEqual(written.stderr, b"")
        self.assertIn("GPU busy", (written.folder / "verdict.txt").read_text())


if __name__ == "__main__":
    harness.main()
