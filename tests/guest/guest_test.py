#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of a good guest, and the programs that break tracers; docs/guest.md lists which test
holds which rule.

usage: guest_test.py [CLASS[.TEST]]...
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from guest_harness import (BUILD, OUR_THREADS, ROOT, SANITIZE, SIGNALS, Case, harness,
                           library, only_plain, program)

LITTLE = ["nothing", "everything"]


def readelf(*words):
    return subprocess.run(["readelf", "-W", *map(str, words)], check=True, capture_output=True,
                          text=True).stdout


class Rules(Case):
    """What can be asked of the library itself, and of programs that do nothing special."""

    @only_plain("a sanitizer has thread-local memory of its own")
    def test_thread_local_memory_is_small(self):
        sizes = re.findall(r"^\s+TLS\s+(?:0x\w+\s+){4}(0x\w+)", readelf("-l", harness.PRELOAD), re.M)
        self.assertEqual(len(sizes), 1)
        self.assertLess(int(sizes[0], 16), 256)
        self.assertIn("STATIC_TLS", readelf("-d", harness.PRELOAD))
        self.assertNotIn("STATIC_TLS", readelf("-d", harness.NET))

    def test_flags_of_the_library(self):
        dynamic = readelf("-d", harness.PRELOAD)
        for flag in ("NOW", "NODELETE"):
            self.assertRegex(dynamic, rf"FLAGS_1\).*\b{flag}\b")
        stack = re.search(r"GNU_STACK.*", readelf("-l", harness.PRELOAD)).group(0)
        self.assertRegex(stack, r"\bRW\s+0x")
        self.assertNotIn("RPATH", dynamic)

    @only_plain("a sanitizer's library exports its own names")
    def test_exports_are_those_listed(self):
        script = ROOT / "tests" / "checks" / "symbols.py"
        done = subprocess.run([shutil.which("python3"), str(script), str(BUILD)], check=False,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_same_as_without(self):
        """Descriptors, signals, masks, environment, limits, output: the whole self-portrait."""
        runs = self.compare([program("edges")], env={"GUEST_EARLY": "1"})
        self.assertEqual(self.only_info(runs["nothing"])["launches"], 300)
        names = sorted(thread["name"] for thread in runs["nothing"].measure["threads"]
                       if thread["name"].startswith("rk-"))
        self.assertEqual(names, ["rk-cupti", "rk-exporter"])

    def test_hooks_pass_through_before_and_after(self):
        """A library uses the driver before our constructor, and when exit handlers are over."""
        bare = self.run_once([program("edges")], preload=False, env={"GUEST_EARLY": "1"})
        run = self.run_once([program("edges")], env={"GUEST_EARLY": "1"})
        self.assert_same(bare, run)
        self.assertIn(b"first 0\n", run.stdout)
        self.assertIn(b"the library ends\n", run.stdout)
        self.assertEqual(self.only_info(run)["launches"], 300)

    def test_nothing_heavy_before_the_first_context(self):
        runs = self.compare([program("edges"), "idle"])
        for name, run in runs.items():
            names = {thread["name"] for thread in run.measure["threads"]}
            self.assertFalse(names & OUR_THREADS, (name, names))
            self.assertEqual(self.traces(run), [])

    def test_a_shell_has_nothing_of_ours(self):
        script = "grep -c . /proc/self/task/*/comm; ls /proc/self/fd; cat /proc/self/maps"
        bare = self.run_once(["sh", "-c", script], preload=False)
        run = self.run_once(["sh", "-c", script], env=self.configurations()["everything"])

        def libraries(output):
            return set(re.findall(r"/\S*\.so\S*", output.decode()))

        allowed = {str(harness.PRELOAD), harness.SANITIZER_PRELOAD}
        new = libraries(run.stdout) - libraries(bare.stdout) - allowed
        if SANITIZE == "none":
            self.assertEqual(new, set())
        self.assertEqual(run.stdout.split(b"\n", 1)[0], bare.stdout.split(b"\n", 1)[0])
        self.assertEqual([path.name for path in run.folder.iterdir()
                          if path.name not in ("out", "err", "traces")], [])

    def test_kill_switch_comes_first(self):
        everything = self.configurations()["everything"]
        for switch in ({"RUSTKERNEL_DISABLE": "1"}, {"OTEL_SDK_DISABLED": "true"}):
            bare = self.run_once([program("edges")], preload=False)
            run = self.run_once([program("edges")], env={**everything, **switch,
                                                         "RUSTKERNEL_CONFIG": "/nonexistent"})
            self.assert_same(bare, run)
            self.assertEqual(self.traces(run), [])
            self.assertFalse({t["name"] for t in run.measure["threads"]} & OUR_THREADS)

    def test_only_the_sockets_asked_for(self):
        wanted = {"nothing": (0, 0), "file": (0, 0), "otlp": (0, None), "scrape": (1, 0)}
        for name, (listening, connected) in wanted.items():
            with self.subTest(configuration=name):
                settings = {**self.configurations()[name], "GUEST_LINGER_MS": "500"}
                run = self.run_once([program("edges")], env=settings, look=True)
                self.assertEqual(run.code, 0)
                self.assertEqual(len(run.listening[0]), listening, run.listening)
                if connected is not None:
                    self.assertEqual(len(run.listening[1]), connected, run.listening)

    @only_plain("a sanitizer calls what it likes")
    def test_hot_path_calls_nothing(self):
        run = self.run_once([program("hot_path")], driver=self.fake_driver(),
                            behind=[library("spy")], env={"RUSTKERNEL_CUPTI_ENABLED": "false"})
        self.assertEqual(run.code, 0, run.stderr)
        self.assertEqual(run.stdout.decode().splitlines(),
                         ["main thread: 0 calls of others ", "another thread: 0 calls of others "])
        self.assertEqual(run.stderr, b"")

    @only_plain("a sanitizer's memory is not ours")
    def test_memory_is_bounded_and_losses_are_told(self):
        """More calls than a ring of the least size holds, from a driver that takes no time."""
        run = self.run_once([program("hot_path")], driver=self.fake_driver(),
                            behind=[library("spy")],
                            env={"RUSTKERNEL_CUPTI_ENABLED": "false",
                                 "RUSTKERNEL_RING_SIZE": "64KiB"})
        self.assertEqual(run.code, 0, run.stderr)
        info = self.only_info(run)
        # As many as of each: launches, allocations, memsets, and launches that fail.
        count = 2 * 10000 + 1
        launch, memset = info["ledger"]["launch"], info["ledger"]["memset"]
        self.assertEqual((info["calls"], info["launches"]), (3 * count, count), info)
        self.assertEqual((launch["calls"], launch["failed"], memset["calls"], memset["failed"]),
                         (2 * count, count, count, 0), info)
        for row in (launch, memset):
            self.assertGreater(row["lost"], 0, info)
            self.assertEqual(row["joined"] + row["lost"], count, info)
        self.assertEqual(info["dropped"], {"ring_full": launch["lost"] + memset["lost"]
                                           + count - info["allocs"]}, info)


class Lookups(Case):
    """Program 1: interposers, and names that begin like ours."""

    def test_lookups_are_the_callers_own(self):
        for level in ("O0", "O2"):
            for inner in ("O0", "O2"):
                argv = [program(f"lookups_{level}"), library(f"lookup_{inner}")]
                run = self.compare(argv, ["nothing"])["nothing"]
                self.assertIn(b"frames of the tracer under dlsym(): 0\n", run.stdout)

    def test_chain_of_interposers(self):
        hook = BUILD / "tests" / "hook"
        forwarders = [hook / "libforwarder_a.so", hook / "libforwarder_b.so"]
        for level in ("O0", "O2"):
            argv = [hook / f"guest_chain_{level}"]
            bare = self.run_once(argv, preload=False, before=forwarders, driver=self.fake_driver())
            self.assertEqual(bare.code, 0, bare.stderr)
            for before, behind in ((forwarders, []), ([], forwarders),
                                   (forwarders[:1], forwarders[1:])):
                run = self.run_once(argv, before=before, behind=behind, driver=self.fake_driver())
                self.assert_same(bare, run)


class Forks(Case):
    """Programs 2 and 3: children of every kind, and workers."""
    children = 150

    def test_fork_storm_while_launching(self):
        configurations = LITTLE if SANITIZE == "none" else ["nothing"]
        for run in self.compare([program("fork_storm"), self.children], configurations).values():
            infos = [self.info(path) for path in self.traces(run)]
            self.assertEqual([info["launches"] for info in infos], [run.measure["launches"]],
                             "one file, of the parent alone, with everything in it")
            self.assertTrue(infos[0]["clean_exit"])

    def test_workers_that_fork_first(self):
        for run in self.compare([program("workers"), "fork"], LITTLE).values():
            self.assert_workers(run)

    def test_workers_that_are_spawned(self):
        for run in self.compare([program("workers"), "spawn"], ["nothing"]).values():
            self.assert_workers(run)

    def assert_workers(self, run):
        traces = self.traces(run)
        self.assertEqual(len(traces), 5, traces)
        infos = [self.info(path) for path in traces]
        self.assertEqual([info["clean_exit"] for info in infos].count(True), 1)
        for path in traces:
            self.assert_sealed(path)

    def test_children_of_a_traced_program_have_nothing_of_ours(self):
        for run in self.compare([program("workers"), "late"], LITTLE).values():
            self.assertEqual(self.only_info(run)["launches"], 50)


class WaysOut(Case):
    """Program 4: every way out, with a receiver that never answers."""
    codes = {"return": 3, "exit": 4, "thread": 7, "_exit": 5, "quick_exit": 6, "exec": 0, **SIGNALS}

    def leave(self, way, *more, configurations, code):
        runs = self.compare([program("ways_out"), way, *more], configurations, code=code)
        for run in runs.values():
            for path in self.traces(run):
                self.assert_sealed(path)
        return runs

    def test_exits_that_run_handlers(self):
        for way in ("return", "exit", "thread"):
            runs = self.leave(way, configurations=["nothing", "otlp"], code=self.codes[way])
            info = self.only_info(runs["nothing"])
            # The launch of the handler that was registered after the context, and not the other.
            self.assertEqual(info["launches"], 201)
            self.assertTrue(info["clean_exit"])

    def test_main_thread_ends_first(self):
        """The process ends with the program's last thread, not never, and not before it."""
        for mode, launches in (("alone", 10), ("other", 15)):
            runs = self.compare([program("last_thread"), mode], LITTLE, code=0)
            for run in runs.values():
                info = self.only_info(run)
                self.assertEqual(info["launches"], launches)
                self.assertTrue(info["clean_exit"])

    def test_exits_that_run_nothing(self):
        for way in ("_exit", "quick_exit", "exec"):
            self.leave(way, configurations=LITTLE, code=self.codes[way])

    @only_plain("a sanitizer handles signals itself")
    def test_signals(self):
        for way in SIGNALS:
            self.leave(way, configurations=LITTLE, code=self.codes[way])

    def test_exit_in_the_constructor_of_a_library(self):
        self.leave("library", library("exit_in_constructor"),
                   configurations=["nothing", "otlp", "everything"], code=9)


class Closing(Case):
    """Program 5: everything is closed, then the numbers are used again."""

    def test_own_table(self):
        for run in self.compare([program("close_all")], LITTLE).values():
            info = self.only_info(run)
            self.assertTrue(info["clean_exit"], "our file does not mind")
            self.assertEqual(info["launches"], 200 * 13)

    @only_plain("a sanitizer needs the system calls that are refused here")
    def test_shared_table(self):
        """Where a table of one's own is refused: our file is lost, nobody else's is touched."""
        quiet = {"env": {"RUSTKERNEL_LOG_LEVEL": "off"}}
        self.compare([program("close_all"), "shared"], LITTLE, **quiet)


class Threads(Case):
    """Programs 6 and 7: thread-local memory of others, and threads that do not last."""
    threads = 2000
    churn_settings = {}

    def test_plugins(self):
        plugins = [library(f"plugin_{name}")
                   for name in ("4096", "static_256", "static_1024", "static_4096")]
        runs = self.compare([program("plugins"), *plugins], LITTLE)
        self.assertIn(b"plugin 0 opened\n", runs["nothing"].stdout)
        self.assertIn(b"plugin 1 opened\n", runs["nothing"].stdout)

    def test_churn(self):
        count = self.threads if SANITIZE == "none" else 200
        for run in self.compare([program("thread_churn"), count], LITTLE,
                                env=self.churn_settings).values():
            info = self.only_info(run)
            self.assertEqual(info["launches"], run.measure["launches"])


class Loading(Case):
    """Program 8: the driver comes late, goes, comes back, or is another one."""

    def test_late_load(self):
        run = self.compare([program("late_load")], LITTLE)["nothing"]
        self.assertEqual(self.only_info(run)["launches"], 100)

    def test_driver_that_lacks_functions(self):
        run = self.compare([program("late_load")], LITTLE, driver=self.fake_driver())["nothing"]
        self.assertIn(b"cuGraphLaunch 0\n", run.stdout)


class Hostile(Case):
    """Program 9: signals, the environment, limits."""

    def check(self, mode, configurations, **more):
        return self.compare([program("hostile"), mode], configurations, **more)

    @only_plain("a sanitizer handles signals itself")
    def test_signals(self):
        self.check("signals", LITTLE)

    @only_plain("a sanitizer sees the program's own race")
    def test_environment(self):
        self.check("environment", LITTLE)

    def test_descriptors(self):
        self.check("descriptors", LITTLE)

    @only_plain("a sanitizer reserves more than the limit")
    def test_memory(self):
        self.check("memory", LITTLE, env={"RUSTKERNEL_LOG_LEVEL": "off"})

    def test_file_size(self):
        run = self.check("size", LITTLE)["nothing"]
        for path in self.traces(run):
            self.assertLessEqual(os.path.getsize(path), 4096)
            self.assert_sealed(path)

    @only_plain("the programs are the same, the disk is small")
    def test_full_disk(self):
        mount = ["unshare", "-rm", "sh", "-c",
                 "mount -t tmpfs -o size=8k none traces && exec \"$@\"", "sh"]
        if subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp"], check=False,
                          capture_output=True).returncode != 0:
            self.skipTest("this machine lets nobody mount")
        self.check("disk", ["file", "everything"], prefix=mount)


class Confined(Case):
    """Program 10: sandboxes, more rights than the caller, planted files."""

    @only_plain("a sanitizer opens files when it likes")
    def test_sandbox_after_the_start(self):
        self.compare([program("confined"), "0.7", "1.5"], ["nothing", "file"])

    def wires(self):
        """Everything that is opened for the network in the course of a run."""
        dead = f"http://localhost:{harness.free_port()}"
        everything = self.configurations()["everything"]
        return {"everything": everything,
                "a name": {**everything, "RUSTKERNEL_OTLP_ENDPOINT": dead},
                "grpc": {**everything, "RUSTKERNEL_OTLP_ENDPOINT": dead,
                         "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
                "push": {**everything, "RUSTKERNEL_METRICS_PUSHGATEWAY_INTERVAL": "1s",
                         "RUSTKERNEL_PUSHGATEWAY_URL": dead}}

    @only_plain("a sanitizer opens files when it likes")
    def test_sandbox_with_a_network(self):
        """It is entered with a connection, without one, and while a name is looked up."""
        bare = self.run_once([program("confined"), "0", "0"], preload=False)
        for name, settings in self.wires().items():
            with self.subTest(wire=name):
                before = "0.3" if name == "everything" else "0.02"
                run = self.run_once([program("confined"), before, "1.2"],
                                    env={**settings, "RUSTKERNEL_EXIT_TIMEOUT": "300ms"})
                self.assert_same(bare, run)

    @only_plain("a sanitizer opens files when it likes")
    def test_sandbox_at_once(self):
        """Behind the first launches, when nothing of ours was written or sent as yet."""
        argv = [program("confined"), "0", "0.3"]
        bare = self.run_once(argv, preload=False)
        for _ in range(3):
            for name, settings in self.configurations().items():
                with self.subTest(configuration=name):
                    # That there is no file is said, where it is so.
                    run = self.run_once(argv, env={**settings, "RUSTKERNEL_LOG_LEVEL": "off",
                                                   "RUSTKERNEL_EXIT_TIMEOUT": "300ms"})
                    self.assert_same(bare, run)

    def test_inert_with_more_rights(self):
        if os.getuid() != 0:
            self.skipTest("only root can give a program more rights than its caller has")
        secure = pathlib.Path(tempfile.mkdtemp(prefix="rkpreload-secure-"))
        self.addCleanup(shutil.rmtree, secure)
        secure.chmod(0o755)
        shutil.copy(program("secure"), secure / "guest_secure")
        (secure / "guest_secure").chmod(0o4755)
        run = self.run_once([secure / "guest_secure"], preload=False, user=65534,
                            env=self.configurations()["everything"])
        if b"secure 1" not in run.stdout:
            self.skipTest("the file system of the test ignores the set-id bit")
        self.assertEqual(run.code, 0, run.stderr)
        self.assertEqual(self.traces(run), [])
        self.assertFalse({t["name"] for t in run.measure.get("threads", [])} & OUR_THREADS)
        # The same program without more rights is traced: it is the rights that count.
        plain = self.run_once([program("secure")], preload=False)
        self.assertEqual(len(self.traces(plain)), 1)

    def test_planted_link(self):
        """The name of the trace file is taken by a link to something dear."""
        dear = self.folder / "dear"
        dear.write_bytes(b"dear")
        link = self.folder / "planted.rkt.zst"
        link.symlink_to(dear)
        dangling = self.folder / "dangling.rkt.zst"
        dangling.symlink_to(self.folder / "not-there")
        for path in (link, dangling):
            run = self.run_once([program("edges")], env={"RUSTKERNEL_TRACE_FILE": path,
                                                         "RUSTKERNEL_LOG_LEVEL": "off"})
            self.assertEqual(run.code, 0)
        self.assertEqual(dear.read_bytes(), b"dear")
        self.assertFalse((self.folder / "not-there").exists())
        self.assertEqual(link.resolve(), dear)

    def test_another_subscriber(self):
        """Another tool uses CUPTI: it gets what it would have got without us."""
        profiler = BUILD / "tests" / "hook" / "guest_profiler"
        if not profiler.exists():
            self.skipTest("this build has no program with a profiler")
        for when in ("first", "later"):
            bare = self.run_once([profiler, when], preload=False)
            run = self.run_once([profiler, when], env={"RUSTKERNEL_LOG_LEVEL": "off"})
            self.assert_same(bare, run)


class Long(Forks, Threads):
    """The full numbers of programs 2 and 7; minutes, so not with every commit."""
    children = 10000
    threads = 100000
    # The simulated CUPTI keeps its own account of records in the arenas of the threads that launch.
    # Its own queue is held to its size elsewhere; here it would hide what threads leave behind.
    churn_settings = {"MALLOC_ARENA_MAX": "1", "RUSTKERNEL_TRACING_OTLP_QUEUE_SIZE": "1MiB",
                      "RUSTKERNEL_LOG_LEVEL": "off"}
    hang_seconds = 400
    test_workers_that_fork_first = test_workers_that_are_spawned = None
    test_children_of_a_traced_program_have_nothing_of_ours = test_plugins = None


if __name__ == "__main__":
    unittest.main(verbosity=2)
