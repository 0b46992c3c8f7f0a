# SPDX-License-Identifier: Apache-2.0
"""Which file a kernel comes from and what it is called, by every route code is loaded."""
import json

import harness

# Kernel of modules.c -> where its code was; "program" is its own file.
KERNELS = {
    "module_file": "code.ptx",
    "module_data": "program",
    "module_data_ex": "(memory)",
    "fat_binary": "(memory)",
    "library_kernel": "program",
    "library_file": "library.ptx",
    "library_module": "(memory)",
}


class Modules(harness.Case):
    def modules(self):
        return {name: self.program("modules") if where == "program" else where
                for name, where in KERNELS.items()}

    def record(self, **settings):
        receiver, again = self.receiver(), self.receiver()
        result = self.run_program([self.program("modules")], env={
            "RUSTKERNEL_OTLP_ENDPOINT": receiver.url, "RUSTKERNEL_TRACE_FILE": "t.rkt.zst", **settings})
        self.assertEqual((result.code, result.stdout), (0, b"done\n"), result.stderr)
        self.trace = result.folder / "t.rkt.zst"
        self.assert_ledger_closes(self.info(self.trace))
        self.rktrace("replay", self.trace, "--otlp", again.url)
        return receiver.spans(), again.spans()

    def names(self, option):
        rows = json.loads(self.rktrace("report", option, "--json", self.trace))["kernels"]
        return {row["name"]: row["modules"] for row in rows}

    def check(self, **settings):
        wanted = self.modules()
        for spans in self.record(**settings):
            kernels = harness.kernel_spans(spans)
            told = {span["name"]: harness.attribute(span, "rustkernel.kernel.module")
                    for span in kernels}
            self.assertEqual(told, wanted)
            for span in kernels:
                name = span["name"]
                self.assertEqual(harness.attribute(span, "rustkernel.kernel.mangled_name"),
                                 f"_Z{len(name)}{name}IiEvPT_")
                self.assertEqual(harness.attribute(span, "rustkernel.kernel.demangled_name"),
                                 f"void {name}<int>(int*)")
        for option, form in (("--base", "{}"), ("--demangled", "void {}<int>(int*)"),
                             ("--mangled", "_Z{1}{0}IiEvPT_")):
            self.assertEqual(self.names(option), {form.format(name, len(name)): [where]
                                                  for name, where in wanted.items()})
        text = self.rktrace("report", self.trace)
        self.assertRegex(text, r"  module_file  in code\.ptx\n")
        self.assertRegex(text, r"  module_data  in modules\n")

    def test_every_route(self):
        self.check()

    def test_without_cupti(self):
        self.check(RUSTKERNEL_CUPTI_ENABLED="false")

    def test_a_library_alone_starts_nothing(self):
        result = self.run_program([self.program("modules"), "probe"])
        self.assertEqual((result.code, result.stderr), (0, b""))
        self.assertEqual(self.traces(result.folder), [])

    def test_code_of_the_runtime(self):
        """What nvcc built in is loaded from memory: it is the program's own file."""
        program = self.program("storm")
        result = self.run_program([program, 10, 1, 1], env={"RUSTKERNEL_TRACE_FILE": "t.rkt.zst"})
        self.assertEqual(result.code, 0, result.stderr)
        self.trace = result.folder / "t.rkt.zst"
        self.assertEqual(set(map(tuple, self.names("--base").values())), {(program,)})


if __name__ == "__main__":
    harness.main()
