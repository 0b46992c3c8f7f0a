# SPDX-License-Identifier: Apache-2.0
"""python/rustkernel.py in programs with and without the preload, on the simulated GPU."""
import json
import re
import textwrap

import harness

MODULE = harness.ROOT / "python"
# A launch is a memset: it needs no module, and gets a leaf span as kernels do.
GPU = """
import asyncio, contextvars, ctypes, json, os, sys, threading
import rustkernel as rk
cuda = ctypes.CDLL("libcuda.so.1")
_context, _ptr = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuDevicePrimaryCtxRetain(ctypes.byref(_context), 0) == 0
assert cuda.cuCtxSetCurrent(_context) == 0
assert cuda.cuMemAlloc_v2(ctypes.byref(_ptr), 1 << 20) == 0
def launch(size):
    assert cuda.cuCtxSetCurrent(_context) == 0
    assert cuda.cuMemsetD8_v2(_ptr, 1, size) == 0
def wait():
    assert cuda.cuCtxSynchronize() == 0
"""
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Spans(list):
    """Those of a receiver, with the questions that tests have."""

    def one(self, name):
        found = [span for span in self if span["name"] == name]
        assert len(found) == 1, f"{name}: {len(found)} in {[span['name'] for span in self]}"
        return found[0]

    def leaf(self, size):
        found = [span for span in self if harness.attribute(span, "rustkernel.bytes") == size]
        assert len(found) == 1, f"{size} bytes: {len(found)} in {self}"
        return found[0]

    def parent_name(self, span):
        parents = [other["name"] for other in self if other["span_id"] == span["parent_span_id"]]
        return parents[0] if parents else None

    def path(self, span):
        """Names from the root to the span's parent."""
        names = []
        while span:
            parents = [other for other in self if other["span_id"] == span["parent_span_id"]]
            span = parents[0] if parents else None
            if span:
                names.insert(0, span["name"])
        return names


class Python(harness.Case):
    def run_python(self, text, preload=True, env=None, code=0):
        script = self.folder / f"program{self.runs}.py"
        script.write_text(GPU + textwrap.dedent(text), encoding="utf-8")
        settings = {"PYTHONPATH": f"{MODULE}:{harness.ROOT / 'build' / 'python'}",
                    "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
        done = self.run_program(["/usr/bin/python3", script], preload=preload, env=settings)
        self.assertEqual(done.code, code, done.stderr.decode())
        return done

    def spans_of(self, text, **env):
        receiver = self.receiver()
        done = self.run_python(text, env={"RUSTKERNEL_OTLP_ENDPOINT": receiver.url, **env})
        self.assertEqual(receiver.stop(), 0)
        self.printed = done.stdout.decode().split()
        return Spans(receiver.spans())

    def test_without_the_preload_nothing_happens(self):
        done = self.run_python("""
            assert not rk.is_active()
            with rk.kernel("k", domain="d", attributes={"a": 1}) as kernel:
                with rk.stage("s") as stage:
                    stage.set_attribute("x", None).add_event("e").add_link(rk.current())
                assert not kernel.context and not rk.current() and not rk.capture()
            @rk.traced
            async def double(x):
                await asyncio.sleep(0)
                return 2 * x
            loop = asyncio.new_event_loop()
            loop.set_task_factory(rk.task_factory)
            assert loop.run_until_complete(double(21)) == 42
            loop.close()
            assert rk.inject() == {} and rk.environment() == {}
            assert not rk.extract({"traceparent": "%s"})
            rk.Counter("c").add(); rk.Gauge("g").set(1); rk.Histogram("h").record(1)
            metrics = rk.KernelMetrics("k")
            with metrics.execution():
                pass
            rk.log("info", "hello", x=1)
            rk.circuit_breaker_set("b", "open")
            assert rk.slo_check("s").verdict == "no_data"
            print("fine")
        """ % PARENT, preload=False)
        self.assertEqual(done.stdout, b"fine\n")
        self.assertEqual(done.stderr, b"")

    def test_kernel_stages_and_gpu_work(self):
        spans = self.spans_of("""
            with rk.kernel("graph/pagerank", domain="GraphAnalytics") as kernel:
                with rk.stage("prepare_input"):
                    launch(11)
                with rk.stage("gpu_execute") as stage:
                    launch(12)
                    stage.set_attributes({"text": "t", "whole": 7, "real": 0.5, "yes": True,
                                          "none": None, "big": 2**70})
                    stage.add_event("halfway", {"step": 3})
                wait()
                kernel.set_status(rk.OK)
            try:
                with rk.span("fails", kind=rk.CLIENT):
                    raise KeyError("no such thing")
            except KeyError:
                pass
        """)
        self.assertEqual(spans.path(spans.leaf(11)), ["kernel:graph/pagerank", "prepare_input"])
        self.assertEqual(spans.path(spans.leaf(12)), ["kernel:graph/pagerank", "gpu_execute"])
        stage = spans.one("gpu_execute")
        attributes = stage["attributes"]
        self.assertEqual({key: attributes.get(key) for key in ("text", "whole", "real", "yes", "big")},
                         {"text": "t", "whole": 7, "real": 0.5, "yes": True, "big": str(2**70)})
        self.assertNotIn("none", attributes)
        self.assertEqual([event["name"] for event in stage["events"]], ["halfway"])
        failed = spans.one("fails")
        self.assertEqual(failed["status"]["code"], 2)
        self.assertIn("KeyError", failed["status"]["message"])
        self.assertEqual(failed["events"][0]["attributes"]["exception.type"], "KeyError")

    def test_traced_functions_threads_and_contexts(self):
        spans = self.spans_of("""
            @rk.traced
            def plain():
                launch(21)
            @rk.traced(name="generated", attributes={"n": 1})
            def generate():
                launch(22)
                yield 1
            with rk.kernel("outer") as outer:
                plain()
                list(generate())
                captured, own = rk.capture(), outer.context
                def elsewhere():
                    launch(23)
                    with rk.attach(captured):
                        launch(24)
                    with rk.attach(own):
                        launch(25)
                    wait()
                thread = threading.Thread(target=elsewhere)
                thread.start()
                thread.join()
                rk.run(None, launch, 26)
                launch(27)
                wait()
                print(outer.context.trace_id)
        """)
        trace = self.printed[0]
        self.assertEqual(spans.path(spans.leaf(21)), ["kernel:outer", "plain"])
        self.assertEqual(spans.path(spans.leaf(22)), ["kernel:outer", "generated"])
        self.assertNotEqual(spans.leaf(23)["trace_id"], trace)
        # A captured context goes on as an execution of its own, the span's own is the same one.
        self.assertEqual(spans.path(spans.leaf(24))[0], "kernel:outer")
        self.assertGreater(len(spans.path(spans.leaf(24))), 1)
        self.assertEqual(spans.path(spans.leaf(25)), ["kernel:outer"])
        self.assertNotEqual(spans.leaf(26)["trace_id"], trace)
        self.assertEqual(spans.path(spans.leaf(27)), ["kernel:outer"])

    def test_tasks_take_turns(self):
        spans = self.spans_of("""
            async def work(name, size, gate, other):
                with rk.kernel(name):
                    gate.set()
                    await other.wait()
                    launch(size)
                    await asyncio.sleep(0)
                    with rk.stage("late"):
                        await asyncio.sleep(0)
                        launch(size + 1)
                await asyncio.sleep(0)
                launch(size + 2)
            async def bystander(first, second):
                await first.wait()
                await second.wait()
                launch(41)
            async def main():
                a, b = asyncio.Event(), asyncio.Event()
                await asyncio.gather(work("a", 31, a, b), work("b", 35, b, a), bystander(a, b))
                await asyncio.to_thread(lambda: rk.run(rk.current(), launch, 42))
            loop = asyncio.new_event_loop()
            loop.set_task_factory(rk.task_factory)
            loop.run_until_complete(main())
            launch(43)
            wait()
            assert not rk.current()
        """)
        for name, size in (("kernel:a", 31), ("kernel:b", 35)):
            self.assertEqual(spans.path(spans.leaf(size)), [name])
            self.assertEqual(spans.path(spans.leaf(size + 1)), [name, "late"])
        for size in (33, 37, 41, 42, 43):
            self.assertFalse(set(spans.path(spans.leaf(size))) & {"kernel:a", "kernel:b"}, size)

    def test_traced_coroutines_need_no_factory(self):
        spans = self.spans_of("""
            @rk.traced
            async def one(size):
                for _ in range(3):
                    await asyncio.sleep(0)
                launch(size)
                try:
                    await asyncio.wait_for(asyncio.sleep(60), 0.001)
                except asyncio.TimeoutError:
                    launch(size + 1)
            async def main():
                await asyncio.gather(one(51), one(53))
            asyncio.run(main())
            wait()
        """)
        ids = {span["span_id"] for span in spans if span["name"].endswith("one")}
        self.assertEqual(len(ids), 2)
        for size in (51, 53):
            self.assertIn(spans.leaf(size)["parent_span_id"], ids)
            self.assertEqual(spans.leaf(size)["parent_span_id"], spans.leaf(size + 1)["parent_span_id"])
        self.assertNotEqual(spans.leaf(51)["parent_span_id"], spans.leaf(53)["parent_span_id"])

    def test_headers_and_baggage(self):
        spans = self.spans_of("""
            there = rk.extract({"Traceparent": "%s", "tracestate": "v=1", "BAGGAGE": "tenant_id=acme"})
            assert there.is_sampled and there.baggage("tenant_id") == "acme"
            there = there.with_baggage("region", "eu west")
            with rk.attach(there), rk.kernel("served"):
                launch(61)
                wait()
                sent = rk.inject({"accept": "*/*"})
                assert sent["accept"] == "*/*" and sent["tracestate"].endswith("v=1"), sent
                assert dict(p.split("=") for p in sent["baggage"].split(",")) == {
                    "tenant_id": "acme", "region": "eu%%20west"}, sent
                assert rk.environment()["TRACEPARENT"] == sent["traceparent"]
                print(sent["traceparent"])
            assert rk.extract({"traceparent": "rubbish"}).trace_id == "0" * 32
            assert not rk.from_environment()
        """ % PARENT, RUSTKERNEL_TRACING_BAGGAGE_ATTRIBUTES="tenant_id")
        root = spans.one("kernel:served")
        self.assertEqual((root["trace_id"], root["parent_span_id"]), (TRACE, "b7ad6b7169203331"))
        self.assertEqual(harness.attribute(root, "tenant_id"), "acme")
        self.assertEqual(self.printed[0].split("-")[1:3], [TRACE, root["span_id"]])

    def test_metrics_logs_and_breakers(self):
        log = self.folder / "log.json"
        gateway = self.gateway()
        self.run_python("""
            with rk.kernel("k"):
                launch(1)
                rk.log("warn", "almost", "Graph", left=3, name="x")
                import logging
                logging.getLogger("app").addHandler(rk.LogHandler())
                logging.getLogger("app").error("broken %s", "thing")
            rk.Counter("requests_total", labels={"route": "/a"}).add(2)
            rk.Gauge("temperature").set(20.5)
            with rk.Histogram("step_seconds", bounds=(0.5, 10)).time():
                pass
            metrics = rk.KernelMetrics("my-kernel", "Graph")
            metrics.record_execution(0.25)
            metrics.record_execution(0.5, rk.ERROR)
            metrics.record_memory_allocated(100)
            metrics.record_memory_freed(40)
            metrics.set_queue_depth(7)
            rk.circuit_breaker_set("db", "half-open")
            wait()
        """, env={"RUSTKERNEL_PUSHGATEWAY_URL": gateway.url, "RUSTKERNEL_LOGGING_FORMAT": "json",
                  "RUSTKERNEL_LOGGING_OUTPUT": log})
        samples = gateway.samples()
        self.assertEqual(harness.sum_of(samples, "requests_total", route="/a"), 2)
        self.assertEqual(harness.sum_of(samples, "temperature"), 20.5)
        self.assertEqual(harness.sum_of(samples, "step_seconds_count"), 1)
        self.assertEqual(harness.sum_of(samples, "rustkernel_executions_total",
                                        kernel_id="my-kernel", source="api", status="ok"), 1)
        self.assertEqual(harness.sum_of(samples, "rustkernel_executions_total",
                                        kernel_id="my-kernel", source="api", status="error"), 1)
        self.assertEqual(harness.sum_of(samples, "rustkernel_memory_bytes", pool="user"), 60)
        self.assertEqual(harness.sum_of(samples, "rustkernel_queue_depth"), 7)
        self.assertEqual(samples['rustkernel_circuit_breaker_state{name="db"}'], 1)
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        almost = next(line for line in lines if line["message"] == "almost")
        self.assertEqual((almost["level"], almost["domain"], almost["left"], almost["name"]),
                         ("WARN", "Graph", 3, "x"))
        self.assertRegex(almost["trace_id"], "^[0-9a-f]{32}$")
        broken = next(line for line in lines if line["message"] == "broken thing")
        self.assertEqual((broken["level"], broken["logger"]), ("ERROR", "app"))

    def test_kernels_under_the_span_of_opentelemetry(self):
        spans = self.spans_of("""
            try:
                from opentelemetry import baggage, context, trace
                from opentelemetry.sdk.trace import TracerProvider
            except ImportError:
                print("none")
                sys.exit()
            provider = TracerProvider()
            tracer = provider.get_tracer("test")
            def tell(span):
                there = span.get_span_context()
                print(f"{there.trace_id:032x} {there.span_id:016x}")
            with rk.attach_current():
                launch(70)
            with tracer.start_as_current_span("request") as span:
                tell(span)
                with rk.attach_current():
                    launch(71)
                    wait()
                # A span of ours does not need it.
                with rk.kernel("direct"):
                    launch(72)
                launch(73)
            provider.add_span_processor(rk.SpanProcessor())
            token = context.attach(baggage.set_baggage("tenant_id", "a b"))
            with tracer.start_as_current_span("automatic") as span:
                tell(span)
                launch(74)
                wait()
                with tracer.start_as_current_span("inner") as span:
                    tell(span)
                    launch(75)
                    wait()
                assert rk.current().baggage("tenant_id") == "a b"
            context.detach(token)
            launch(76)
            wait()
            assert not rk.current()
        """)
        if self.printed == ["none"]:
            self.skipTest("opentelemetry is not installed")
        request, automatic, inner = zip(self.printed[::2], self.printed[1::2])

        def asked_by(size):
            """(trace, remote parent) of the execution of a leaf."""
            top = spans.leaf(size)
            while True:
                above = [span for span in spans if span["span_id"] == top["parent_span_id"]]
                if not above:
                    return top["trace_id"], top["parent_span_id"]
                top = above[0]

        self.assertEqual(asked_by(71), request)
        self.assertEqual(asked_by(72), request)
        self.assertEqual(spans.path(spans.leaf(72)), ["kernel:direct"])
        self.assertEqual(asked_by(74), automatic)
        self.assertEqual(asked_by(75), inner)
        traces = {request[0], automatic[0]}
        for size in (70, 73, 76):
            self.assertNotIn(spans.leaf(size)["trace_id"], traces, size)

    def test_the_example_of_three_lines(self):
        """What the module's own text promises holds as it is written."""
        text = (MODULE / "rustkernel.py").read_text(encoding="utf-8")
        example = re.search(r"children of the request's span:\n\n((?:    .*\n)+)", text).group(1)
        self.assertEqual(len(example.splitlines()), 3)
        spans = self.spans_of("""
            try:
                from opentelemetry.sdk.trace import TracerProvider
            except ImportError:
                sys.exit()
            batch = 81
            def model(batch):
                launch(batch)
                wait()
            with TracerProvider().get_tracer("t").start_as_current_span("request") as span:
                print(f"{span.get_span_context().trace_id:032x}")
                exec(os.environ["EXAMPLE"])
        """, EXAMPLE=textwrap.dedent(example))
        if not self.printed:
            self.skipTest("opentelemetry is not installed")
        self.assertEqual(spans.leaf(81)["trace_id"], self.printed[0])


if __name__ == "__main__":
    harness.main()
