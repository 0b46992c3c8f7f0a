# SPDX-License-Identifier: Apache-2.0
"""Live = replay: the same spans and metrics, whatever the program does."""
import harness
import live_replay


class Replay(live_replay.LiveReplay):
    def test_storm(self):
        self.check([self.program("storm"), 1000, 4, 8])

    def test_storm_longer_than_a_frame(self):
        self.check([self.program("storm_driver_linked"), 4000, 4, 8], SIMGPU_KERNEL_NS=5000000)

    def test_graphs_and_captures(self):
        self.check([self.program("capture")])

    def test_memory_of_every_pool(self):
        self.check([self.program("memory")])

    def test_copies(self):
        self.check([self.program("copies")])

    def test_remote_parent(self):
        self.check([self.program("storm"), 100, 2, 2],
                   TRACEPARENT="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

    def test_host_time(self):
        self.check([self.program("storm"), 100, 2, 2],
                   SIMGPU_CUPTI="refused")

    def test_invalid_times(self):
        self.check([self.program("storm"), 100, 2, 2],
                   SIMGPU_CUPTI_INVALID_TIME_EVERY=7)

    def test_dropped_buffers(self):
        self.check([self.program("storm"), 5000, 2, 2],
                   SIMGPU_CUPTI_DROP_EVERY=2)


if __name__ == "__main__":
    harness.main()
