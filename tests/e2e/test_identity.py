# SPDX-License-Identifier: Apache-2.0
"""Who a process is: its GPUs, its instance, its job, as the file tells them."""
import sys

import harness

# Uses the driver by itself; forks first when told to, so both processes start tracing.
PROGRAM = """
import ctypes, os, sys
cuda = ctypes.CDLL("libcuda.so.1")
if sys.argv[1] == "fork":
    child = os.fork()
context, memory = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0
assert cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
assert cuda.cuCtxSetCurrent(context) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(4096)) == 0
assert cuda.cuMemsetD8_v2(memory, ctypes.c_ubyte(7), ctypes.c_size_t(4096)) == 0
assert cuda.cuCtxSynchronize() == 0
if sys.argv[1] == "fork" and child:
    assert os.waitpid(child, 0)[1] == 0
"""


class Identity(harness.Case):
    def run_python(self, what, **options):
        done = self.run_program([sys.executable, "-c", PROGRAM, what], **options)
        self.assertEqual(done.code, 0, done.stderr)
        return [self.info(path) for path in self.traces(done.folder)]

    def assert_two_gpus(self, info):
        self.assertEqual([gpu["device"] for gpu in info["gpus"]], [0, 1])
        self.assertEqual(len({gpu["uuid"] for gpu in info["gpus"]}), 2)
        resource = info["resource"]
        self.assertEqual(resource["rustkernel.gpu.count"], "2")
        self.assertEqual(resource["rustkernel.cuda.driver_version"], "13.0")
        for gpu in info["gpus"]:
            self.assertRegex(gpu["uuid"], r"^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
            prefix = f"rustkernel.gpu.{gpu['device']}."
            self.assertEqual(resource[prefix + "name"], gpu["name"])
            self.assertEqual(resource[prefix + "uuid"], gpu["uuid"])
            self.assertEqual(resource[prefix + "memory_bytes"], str(gpu["memory_bytes"]))
            self.assertEqual(resource[prefix + "compute_capability"], gpu["compute_capability"])

    def test_gpus(self):
        (info,) = self.run_python("plain", env={"SIMGPU_DEVICES": 2})
        self.assert_two_gpus(info)

    def test_gpus_without_hooks(self):
        way = {"SIMGPU_DEVICES": 2, "CUDA_INJECTION64_PATH": harness.PRELOAD}
        (info,) = self.run_python("plain", preload=False, env=way)
        self.assertEqual(info["memsets"], 1)
        self.assert_two_gpus(info)

    def test_as_many_gpus_as_are_described(self):
        (info,) = self.run_python("plain", env={"SIMGPU_DEVICES": 16})
        self.assertEqual(len(info["gpus"]), 16)

    def test_forked_child_is_an_instance_of_its_own(self):
        infos = self.run_python("fork")
        self.assertEqual(len(infos), 2)
        first, second = (info["resource"] for info in infos)
        self.assertNotEqual(first["service.instance.id"], second["service.instance.id"])
        self.assertNotEqual(first["process.pid"], second["process.pid"])
        self.assertTrue(first["process.pid"] == second["process.parent_pid"] or
                        second["process.pid"] == first["process.parent_pid"], infos)

    def test_job_and_own_words(self):
        env = {"RANK": 3, "SLURM_JOB_ID": 99,
               "OTEL_RESOURCE_ATTRIBUTES": "host.name=mine,service.name=theirs",
               "OTEL_SERVICE_NAME": "named"}
        (info,) = self.run_python("plain", env=env)
        resource = info["resource"]
        self.assertEqual(resource["rustkernel.rank"], "3")
        self.assertEqual(resource["rustkernel.slurm.job_id"], "99")
        self.assertEqual(resource["host.name"], "mine")
        self.assertEqual(resource["service.name"], "named")
        self.assertNotIn("process.command_line", resource)

    def test_replay_names_the_same_instance(self):
        receiver, again = self.receiver(), self.receiver()
        env = {"RUSTKERNEL_OTLP_ENDPOINT": receiver.url, "RUSTKERNEL_TRACE_FILE": "t.rkt.zst",
               "SIMGPU_DEVICES": 16, "OTEL_RESOURCE_ATTRIBUTES": "own=last"}
        (info,) = self.run_python("plain", env=env)
        (path,) = self.folder.glob("run*/t.rkt.zst")
        self.rktrace("replay", path, "--otlp", again.url)
        live, replayed = receiver.spans(), again.spans()
        self.assertGreater(len(live), 0)
        for span in live + replayed:
            sent = {key: str(value) for key, value in span["resource"].items()}
            self.assertEqual(sent, info["resource"])
        self.assertEqual(len([key for key in sent if key.endswith(".uuid")]), 16)
        self.assertEqual(sent["own"], "last")


if __name__ == "__main__":
    harness.main()
