# SPDX-License-Identifier: Apache-2.0
"""`rktrace run` of a program that is killed, or ends without its exit handlers: all it committed
is in the file. The program's own count of calls that had returned is the truth.

RK_KILLS: moments at which it is killed (10).
"""
import array
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import harness

KILLS = int(os.environ.get("RK_KILLS", "10"))
AT_A_TIME = 2
THREADS = 3
DEADLINE = 60
# What was delivered so long before the end is in rk-exporter's hands.
SETTLED = 1.0


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Counts:
    """What the program says has returned."""

    def __init__(self, path):
        numbers = array.array("Q", path.read_bytes())
        self.pid, self.runs = numbers[:2]
        by_kind = [sum(numbers[2 + kind::4]) for kind in range(4)]
        self.launches, self.memsets, self.allocations, self.frees = by_kind


class Run:
    """The program below the launcher, in a folder of its own."""

    def __init__(self, folder, *words, env=None, below=(), above=()):
        """@below, @above: words of a program that runs it, as the launcher's child; that runs the
        launcher."""
        folder.mkdir()
        self.folder = folder
        self.path = folder / "counts"
        settings = {"SIMGPU_TRUTH": folder / "truth.json", **(env or {})}
        self.process = subprocess.Popen(
            [*above, str(harness.RKTRACE), "run", "-o", "killed.rkt.zst", "--", *below,
             str(harness.PROGRAMS / "killed"), "counts", str(THREADS), *map(str, words)],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=harness.environment(folder, preload=False, **settings))

    def pid(self):
        def find():
            return (self.path.exists() and self.path.stat().st_size >= 16
                    and Counts(self.path).pid)
        return harness.wait_until(find, DEADLINE, "the program")

    def delivered(self):
        """Kernel records that the simulated CUPTI has delivered so far."""
        path = self.folder / "truth.json.ledger"
        if not path.exists() or path.stat().st_size < 19 * 8:
            return 0
        return harness.Accounts(path).delivered["launch"]

    def kill_after(self, seconds):
        """Return: kernel records that were delivered long before."""
        pid = self.pid()
        until = time.monotonic() + seconds
        settled = 0
        if seconds > SETTLED:
            time.sleep(seconds - SETTLED)
            settled = self.delivered()
        time.sleep(max(0, until - time.monotonic()))
        os.kill(pid, signal.SIGKILL)
        return settled

    def end(self, lines=None):
        """Return: the exit status of the launcher, which is the program's. @lines: to be read of
        its output, where somebody else keeps that open."""
        if lines:
            self.out = b"".join(self.process.stdout.readline() for _ in range(lines))
            self.process.wait(DEADLINE)
            self.process.stdout.close()
            self.process.stderr.close()
        else:
            self.out, self.err = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def info(self):
        done = subprocess.run([str(harness.RKTRACE), "info", "--json",
                               str(self.folder / "killed.rkt.zst")],
                              capture_output=True, check=True, timeout=DEADLINE)
        return json.loads(done.stdout)

    def rows(self):
        """How many rows of each kind the file has, as its export counts them."""
        done = subprocess.run([str(harness.RKTRACE), "export", "--format", "ndjson",
                               str(self.folder / "killed.rkt.zst")],
                              capture_output=True, check=True, timeout=DEADLINE)
        return collections.Counter(re.findall(rb'"type":"(\w+)"', done.stdout))

    def trace(self):
        return self.folder / "killed.rkt.zst"

    def exporter(self):
        """The process beside the program, or None: it has the program's environment, too."""
        home = f"HOME={self.folder}".encode()
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if ((process / "comm").read_text().startswith("rk-exp-")
                        and home in (process / "environ").read_bytes().split(b"\0")):
                    return int(process.name)
            except OSError:
                pass
        return None


class Killed(harness.Case):
    def run_it(self, *words, **settings):
        self.runs += 1
        run = Run(self.folder / f"killed{self.runs}", *words, **settings)
        self.addCleanup(run.stop)
        return run

    def check_calls(self, info, counts):
        """Each thread may have been in a call that it did not come to count."""
        for work, returned in (("launch", counts.launches), ("memset", counts.memsets)):
            row = info["ledger"][work]
            self.assertGreaterEqual(row["calls"], returned, work)
            self.assertLessEqual(row["calls"], returned + THREADS, work)
            self.assertEqual(row["failed"] + row["captured"], 0, work)
            self.assertEqual(row["calls"], row["joined"] + row["open"] + row["lost"], work)
        lost = info["dropped"].get("ring_full", 0)
        self.assertGreaterEqual(info["allocs"], counts.allocations - lost)
        self.assertLessEqual(info["allocs"], counts.allocations + THREADS)

    def check_rows(self, info):
        """What the ledger says is there, is: one row for every call. Where the machine has not let
        the exporter run for long a ring was full, which is told; the GPU's record of such a call
        is an orphan."""
        launch, memset = info["ledger"]["launch"], info["ledger"]["memset"]
        self.assertEqual(set(info["dropped"]) - {"ring_full"}, set(), info["dropped"])
        self.assertLessEqual(info["orphans"], launch["lost"] + memset["lost"])
        self.assertEqual(info["kernels"] + info["memsets"],
                         launch["joined"] + memset["joined"] + info["orphans"])
        self.assertEqual(info["open"], launch["open"] + memset["open"])

    def check_complete(self, run, settled=0):
        counts = Counts(run.path)
        if not run.trace().exists():
            self.assertEqual(counts.launches + counts.allocations, 0, "there is no file")
            return
        info = run.info()
        self.check_calls(info, counts)
        self.check_rows(info)
        rows, lost = run.rows(), info["dropped"].get("ring_full", 0)
        for kind, returned in ((b"kernel", counts.launches), (b"memset", counts.memsets),
                               (b"alloc", counts.allocations), (b"free", counts.frees)):
            self.assertGreaterEqual(rows[kind], returned - lost, kind)
            self.assertLessEqual(rows[kind], returned + THREADS, kind)
        self.assertGreaterEqual(info["kernels"], settled)
        self.assertFalse(info["clean_exit"])
        self.assertEqual(info["loss_bound_ns"], 0)
        self.assertEqual(subprocess.run(["zstd", "-tq", str(run.trace())],
                                        check=False).returncode, 0)

    def check_end(self, run, info):
        """Its threads had ended before: every call has returned."""
        counts = Counts(run.path)
        self.assertTrue(info["clean_exit"])
        self.check_rows(info)
        self.assertEqual(info["ledger"]["launch"]["calls"], counts.launches)
        self.assertEqual(info["ledger"]["memset"]["calls"], counts.memsets)

    def kill_once(self, moment):
        number, seconds = moment
        run = Run(self.folder / f"moment{number}")
        try:
            settled = run.kill_after(seconds)
            self.assertEqual(run.end(), 128 + signal.SIGKILL)
            self.assertIn(run.out, (b"", b"begun\n"))
            self.assertIn(b"was ended by signal 9", run.err)
            self.check_complete(run, settled)
            if run.trace().exists():
                self.assertIn(b"nothing it committed is lost", run.err)
        except AssertionError as error:
            raise AssertionError(f"killed after {seconds:.3f} s: {error}") from error
        finally:
            run.stop()

    def test_sigkill_at_random_moments(self):
        chance = random.Random(KILLS)
        moments = [(i, chance.uniform(0, (0.1, 0.6, 1.5)[i % 3])) for i in range(KILLS)]
        with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(self.kill_once, moments))

    def test_ends_without_exit_handlers(self):
        for how, code in (("_exit", 3), ("exec", 0)):
            with self.subTest(how=how):
                run = self.run_it(how, 300)
                self.assertEqual(run.end(), code, run.err)
                self.check_complete(run)

    def test_exit_is_clean(self):
        run = self.run_it("exit", 300)
        self.assertEqual(run.end(), 4, run.err)
        info = run.info()
        self.check_end(run, info)

    def test_runs_beside_the_program(self):
        run = self.run_it()
        pid = run.pid()
        exporter = harness.wait_until(run.exporter, DEADLINE, "an exporter beside the program")
        harness.wait_until(lambda: Counts(run.path).launches, DEADLINE, "launches")
        self.assertNotEqual(os.getsid(exporter), os.getsid(pid), "no signal of the group reaches it")
        listed = [int(line.split()[0]) for line in self.rktrace("ctl", "list").splitlines()]
        self.assertIn(pid, listed)
        self.assertNotIn(exporter, listed, "it is no program")
        os.kill(pid, signal.SIGKILL)
        run.end()
        self.assertFalse(pathlib.Path(f"/proc/{exporter}").exists(), "it was waited for")

    def test_other_children_are_not_waited_for(self):
        """Whoever becomes the launcher by exec may have left it some."""
        run = self.run_it("exit", 100, above=["sh", "-c", 'sleep 100 & echo $!; exec "$@"', "sh"])
        self.assertEqual(run.end(lines=2), 4)
        os.kill(int(run.out.split()[0]), signal.SIGKILL)
        self.check_end(run, run.info())

    def test_below_a_shell(self):
        """A process that the program starts has one, too, which is nobody's child."""
        run = self.run_it(below=["sh", "-c", '"$@"; echo "status $?"', "sh"])
        pid = run.pid()
        exporter = harness.wait_until(run.exporter, DEADLINE, "an exporter beside the program")
        harness.wait_until(lambda: Counts(run.path).launches, DEADLINE, "launches")
        for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            self.assertEqual(children.read_text(), "")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(run.end(), 0, run.err)
        self.assertEqual(run.out, b"begun\nstatus 137\n")
        self.assertFalse(alive(exporter), "it was waited for")
        self.check_complete(run)

    def test_rights_that_are_given_up(self):
        """In a sandbox nobody may share the memory who is not in it."""
        run = self.run_it("confine", 500)
        harness.wait_until(run.exporter, DEADLINE, "an exporter beside the program")
        harness.wait_until(lambda: not run.exporter(), DEADLINE, "its return")
        self.assertIsNone(run.process.poll(), "before the program ended")
        self.assertEqual(run.end(), 4, run.err)
        info = run.info()
        self.check_end(run, info)

    def test_exporter_is_killed(self):
        """The program goes on, and says so."""
        run = self.run_it("exit", 1500)
        exporter = harness.wait_until(run.exporter, DEADLINE, "an exporter beside the program")
        harness.wait_until(lambda: Counts(run.path).launches, DEADLINE, "launches")
        os.kill(exporter, signal.SIGKILL)
        self.assertEqual(run.end(), 4, run.err)
        self.assertIn(b"its process was ended", run.err)

    def test_network_stays_in_the_program(self):
        run = self.run_it("exit", 500, env={"RUSTKERNEL_METRICS_PORT": 0,
                                           "RUSTKERNEL_METRICS_ENABLED": "true"})
        run.pid()
        harness.wait_until(lambda: Counts(run.path).launches, DEADLINE, "launches")
        self.assertIsNone(run.exporter())
        self.assertEqual(run.end(), 4, run.err)


if __name__ == "__main__":
    harness.main()
