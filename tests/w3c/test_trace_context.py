# SPDX-License-Identifier: Apache-2.0
"""W3C trace context level 2 by HTTP: what goes in, and exactly what comes out.

usage: test_trace_context.py PROPAGATE
"""
import http.client
import http.server
import json
import pathlib
import re
import sys
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import service

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
IDS = f"{TRACE}-{PARENT}"
SAMPLED, NOT = f"00-{IDS}-01", f"00-{IDS}-00"
TIMEOUT_S = 10

# (what, value of traceparent) that has to be ignored: a new trace begins.
BROKEN = [
    ("empty", ""),
    ("blanks", " \t"),
    ("version 00 and a dot", f"00-{IDS}-01."),
    ("version 00 and a dash", f"00-{IDS}-01-"),
    ("version 00 and more", f"00-{IDS}-01-what-the-future-will-be-like"),
    ("version 00 and a digit", f"00-{IDS}-010"),
    ("version cc and a dot", f"cc-{IDS}-01.what"),
    ("version cc and a digit", f"cc-{IDS}-010"),
    ("version 01 too short", f"01-{TRACE}-{PARENT[:-1]}-01"),
    ("version ff", f"ff-{IDS}-01"),
    ("version ff and more", f"ff-{IDS}-01-x"),
    ("version FF", f"FF-{IDS}-01"),
    ("version CC", f"CC-{IDS}-01"),
    ("version .0", f".0-{IDS}-01"),
    ("version 0.", f"0.-{IDS}-01"),
    ("version 0x", f"0x-{IDS}-01"),
    ("version of one digit", f"0-{IDS}-01"),
    ("version of three", f"000-{IDS}-01"),
    ("version of four", f"0000-{IDS}-01"),
    ("no version", f"{IDS}-01"),
    ("version empty", f"-{IDS}-01"),
    ("trace id zero", f"00-{'0' * 32}-{PARENT}-01"),
    ("trace id in capitals", f"00-{TRACE.upper()}-{PARENT}-01"),
    ("trace id with one capital", f"00-{TRACE[:-1]}C-{PARENT}-01"),
    ("trace id begins wrong", f"00-.{TRACE[1:]}-{PARENT}-01"),
    ("trace id ends wrong", f"00-{TRACE[:-1]}.-{PARENT}-01"),
    ("trace id with a g", f"00-{TRACE[:-1]}g-{PARENT}-01"),
    ("trace id too long", f"00-{TRACE}0-{PARENT}-01"),
    ("trace id too short", f"00-{TRACE[:-1]}-{PARENT}-01"),
    ("trace id missing", f"00--{PARENT}-01"),
    ("lengths that make up for each other", f"00-{TRACE}0-{PARENT[:-1]}-01"),
    ("parent id zero", f"00-{TRACE}-{'0' * 16}-01"),
    ("both ids zero", f"00-{'0' * 32}-{'0' * 16}-00"),
    ("parent id in capitals", f"00-{TRACE}-{PARENT.upper()}-01"),
    ("parent id begins wrong", f"00-{TRACE}-.{PARENT[1:]}-01"),
    ("parent id ends wrong", f"00-{TRACE}-{PARENT[:-1]}.-01"),
    ("parent id too long", f"00-{TRACE}-{PARENT}1-01"),
    ("parent id too short", f"00-{TRACE}-{PARENT[:-1]}-01"),
    ("parent id missing", f"00-{TRACE}--01"),
    ("flags .0", f"00-{IDS}-.0"),
    ("flags 0.", f"00-{IDS}-0."),
    ("flags in capitals", f"00-{IDS}-0F"),
    ("flags of three digits", f"00-{IDS}-001"),
    ("flags of one", f"00-{IDS}-1"),
    ("flags missing", f"00-{IDS}-"),
    ("flags and dash missing", f"00-{IDS}"),
    ("underscores", SAMPLED.replace("-", "_")),
    ("one other separator", f"00-{TRACE}-{PARENT}_01"),
    ("blanks within", f"00 -{IDS}-01"),
    ("a blank for a digit", f"00-{TRACE[:-1]} -{PARENT}-01"),
    ("quotes", f'"{SAMPLED}"'),
    ("two in one", f"{SAMPLED},{SAMPLED}"),
    ("a letter that is no ASCII", f"00-{TRACE[:-1]}\u00e9-{PARENT}-01"),
]

# (what, value of traceparent, flags that go out) of the same trace.
GOOD = [
    ("sampled", SAMPLED, "01"),
    ("not sampled", NOT, "00"),
    ("random", f"00-{IDS}-02", "02"),
    ("random and sampled", f"00-{IDS}-03", "03"),
    ("an unknown flag", f"00-{IDS}-04", "00"),
    ("unknown flags but one", f"00-{IDS}-fd", "01"),
    ("all flags", f"00-{IDS}-ff", "03"),
    ("a future version", f"01-{IDS}-01", "01"),
    ("version cc", f"cc-{IDS}-01", "01"),
    ("version cc and a dash", f"cc-{IDS}-01-", "01"),
    ("version cc and more", f"cc-{IDS}-01-what-the-future-will-be-like", "01"),
    ("version fe, all flags", f"fe-{IDS}-ff-", "03"),
    ("a blank before", f" {SAMPLED}", "01"),
    ("a tab before", f"\t{SAMPLED}", "01"),
    ("a blank behind", f"{SAMPLED} ", "01"),
    ("a tab behind", f"{SAMPLED}\t", "01"),
    ("blanks and tabs around", f"\t {SAMPLED} \t", "01"),
    ("the smallest ids", f"00-{'0' * 31}1-{'0' * 15}1-01", "01"),
    ("the largest ids", f"00-{'f' * 32}-{'f' * 16}-01", "01"),
]

KEY_CHARACTERS = "".join(map(chr, range(0x61, 0x7b))) + "0123456789_-*/"
VALUE_CHARACTERS = "".join(chr(c) for c in range(0x20, 0x7f) if chr(c) not in ",=")
MEMBERS = [f"bar{i:02}={i:02}" for i in range(1, 34)]
LONG = "t" * 100 + "=" + "v" * 140

# (what, values of tracestate that come in, the one that goes out; "" = none)
STATES = [
    ("one", ["foo=1"], "foo=1"),
    ("two", ["foo=1,bar=2"], "foo=1,bar=2"),
    ("the order stays", ["z=1,a=2,m=3"], "z=1,a=2,m=3"),
    ("empty", [""], ""),
    ("blanks", [" \t "], ""),
    ("only commas", [",,,"], ""),
    ("one and an empty one", ["foo=1", ""], "foo=1"),
    ("an empty one and one", ["", "foo=1"], "foo=1"),
    ("several, in order", ["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
     "foo=1,bar=2,rojo=1,congo=2,baz=3"),
    ("empty members", ["foo=1,,bar=2,", ",baz=3"], "foo=1,bar=2,baz=3"),
    ("the same twice", ["foo=1,foo=1"], ""),
    ("a key twice", ["foo=1,foo=2"], ""),
    ("a key twice, others too", ["a=1,foo=1,b=2,foo=2"], ""),
    ("the same in two headers", ["foo=1", "foo=1"], ""),
    ("a key in two headers", ["foo=1", "foo=2"], ""),
    ("all characters of a key", [f"{KEY_CHARACTERS}=1"], f"{KEY_CHARACTERS}=1"),
    ("all characters of a key with @", [f"{KEY_CHARACTERS}@{KEY_CHARACTERS}=1"],
     f"{KEY_CHARACTERS}@{KEY_CHARACTERS}=1"),
    ("all characters of a value", [f"foo=x{VALUE_CHARACTERS}x"], f"foo=x{VALUE_CHARACTERS}x"),
    ("a value begins with a blank", ["foo= 1"], "foo= 1"),
    ("blanks around members", ["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
    ("tabs around members", ["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
    ("a blank before", [" foo=1"], "foo=1"),
    ("a tab before", ["\tfoo=1"], "foo=1"),
    ("a blank behind", ["foo=1 "], "foo=1"),
    ("a tab behind", ["foo=1\t"], "foo=1"),
    ("blanks and tabs around", ["\t foo=1 \t"], "foo=1"),
    ("a blank in a key", ["foo =1"], ""),
    ("a key in capitals", ["FOO=1"], ""),
    ("one capital in a key", ["fOo=1"], ""),
    ("a dot in a key", ["foo.bar=1"], ""),
    ("a key of a digit", ["0=1"], "0=1"),
    ("a key begins with a digit", ["1foo=1"], "1foo=1"),
    ("a key begins with _", ["_foo=1"], ""),
    ("a key begins with -", ["-foo=1"], ""),
    ("a key begins with *", ["*foo=1"], ""),
    ("a key begins with /", ["/foo=1"], ""),
    ("a key begins with @", ["@foo=1,bar=2"], ""),
    ("a key ends with @ (level 2)", ["foo@=1,bar=2"], "foo@=1,bar=2"),
    ("two @ in a key (level 2)", ["foo@@bar=1,bar=2"], "foo@@bar=1,bar=2"),
    ("two @ apart (level 2)", ["foo@bar@baz=1,bar=2"], "foo@bar@baz=1,bar=2"),
    ("a digit behind @ (level 2)", ["foo@0=1"], "foo@0=1"),
    ("no key", ["=1,bar=2"], ""),
    ("no value", ["foo=,bar=2"], ""),
    ("a value of a blank", ["foo= ,bar=2"], ""),
    ("no =", ["foo,bar=2"], ""),
    ("two =", ["foo=1=2,bar=2"], ""),
    ("a letter that is no ASCII in a value", ["foo=\u00e9,bar=2"], ""),
    ("a control character in a value", ["foo=a\x01b,bar=2"], ""),
    ("a tab in a value", ["foo=a\tb,bar=2"], ""),
    ("delete in a value", ["foo=\x7f,bar=2"], ""),
    ("a semicolon parts nothing", ["foo=1;bar"], "foo=1;bar"),
    ("a = behind a semicolon", ["foo=1;bar=2"], ""),
    ("32 members", [",".join(MEMBERS[:32])], ",".join(MEMBERS[:32])),
    ("32 members in four headers",
     [",".join(MEMBERS[i:i + 8]) for i in range(0, 32, 8)], ",".join(MEMBERS[:32])),
    ("33 members", [",".join(MEMBERS)], ""),
    ("33 members in two headers", [",".join(MEMBERS[:20]), ",".join(MEMBERS[20:])], ""),
    ("32 members and empty ones", [",,".join(MEMBERS[:32]) + ",,"], ",".join(MEMBERS[:32])),
    ("a key of 256", ["foo=1", "z" * 256 + "=1"], "foo=1," + "z" * 256 + "=1"),
    ("a key of 257", ["foo=1", "z" * 257 + "=1"], ""),
    ("a tenant of 241 and a system of 14", ["foo=1," + "t" * 241 + "@" + "v" * 14 + "=1"],
     "foo=1," + "t" * 241 + "@" + "v" * 14 + "=1"),
    ("a tenant of 242 (level 2)", ["foo=1," + "t" * 242 + "@v=1"],
     "foo=1," + "t" * 242 + "@v=1"),
    ("a system of 15 (level 2)", ["foo=1,t@" + "v" * 15 + "=1"], "foo=1,t@" + "v" * 15 + "=1"),
    ("a value of 256", ["foo=1,bar=" + "v" * 256], "foo=1,bar=" + "v" * 256),
    ("a value of 257", ["foo=1,bar=" + "v" * 257], ""),
    ("512 characters", ["a=" + "v" * 250 + ",b=" + "w" * 251 + ",c=123"],
     "a=" + "v" * 250 + ",b=" + "w" * 251 + ",c=123"),
    ("513: the last long one goes", ["a=" + "v" * 250 + ",b=" + "w" * 252 + ",c=123"],
     "a=" + "v" * 250 + ",c=123"),
    ("three long ones: from the right", [f"a{LONG},b=1,b{LONG},c=1,c{LONG}"],
     f"a{LONG},b=1,b{LONG},c=1"),
    ("no long ones: from the right", [",".join(f"k{i}=" + "v" * 50 for i in range(10, 22))],
     ",".join(f"k{i}=" + "v" * 50 for i in range(10, 19))),
    ("our own key in the middle", ["a=1,ot=x:y,b=2"], "a=1,ot=x:y,b=2"),
]


class Sink(http.server.ThreadingHTTPServer):
    """Where the service calls back: keeps path, headers and body."""

    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = TIMEOUT_S

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.calls.append((self.path, self.headers.items(), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.calls = []


class Case(unittest.TestCase):
    sampler = ()

    @classmethod
    def setUpClass(cls):
        cls.propagator = service.Propagator(PROPAGATE, *cls.sampler)
        cls.servers = [service.Service(cls.propagator), Sink()]
        for server in cls.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.service, cls.sink = cls.servers

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.shutdown()
            server.server_close()
        assert cls.propagator.close() == 0, "a sanitizer or a crash"

    def call(self, headers, calls=1):
        """What the service sent on: a list of (traceparent, tracestate)."""
        del self.sink.calls[:]
        body = json.dumps([{"url": "http://127.0.0.1:%d/%d" % (self.sink.server_address[1], i),
                            "arguments": [i]} for i in range(calls)])
        connection = http.client.HTTPConnection(*self.service.server_address, timeout=TIMEOUT_S)
        connection.putrequest("POST", "/test")
        for name, value in headers:
            # putheader() would refuse what a broken client sends.
            connection._output(f"{name}: {value}".encode("latin-1"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual([(path, body) for path, _, body in self.sink.calls],
                         [(f"/{i}", [i]) for i in range(calls)])
        return [self.context(sent) for _, sent, _ in self.sink.calls]

    def context(self, headers):
        parents = [value for name, value in headers if name.lower() == "traceparent"]
        states = [value for name, value in headers if name.lower() == "tracestate"]
        self.assertEqual(len(parents), 1)
        self.assertLessEqual(len(states), 1)
        match = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", parents[0])
        self.assertTrue(match, parents[0])
        trace, span, flags = match.groups()
        self.assertNotEqual(int(trace, 16), 0)
        self.assertNotEqual(int(span, 16), 0)
        return trace, span, flags, states[0] if states else ""

    def one(self, headers):
        return self.call(headers)[0]

    def assert_new(self, context):
        trace, span, flags, state = context
        self.assertNotIn(trace, (TRACE, "0" * 32))
        self.assertNotEqual(span, PARENT)
        # Ours is random, and all of them are kept.
        self.assertEqual((flags, state), ("03", "ot=th:0"))


class TraceContext(Case):
    def test_nothing(self):
        self.assert_new(self.one([]))

    def test_broken_parents(self):
        for what, value in BROKEN:
            with self.subTest(what):
                self.assert_new(self.one([("traceparent", value)]))

    def test_broken_parents_spoil_the_state(self):
        for what, value in BROKEN:
            with self.subTest(what):
                self.assert_new(self.one([("traceparent", value), ("tracestate", "foo=1")]))

    def test_good_parents(self):
        for what, value, flags in GOOD:
            with self.subTest(what):
                trace, span, got, state = self.one([("traceparent", value)])
                self.assertIn(trace, value)
                self.assertNotIn(span, value)
                self.assertEqual((got, state), (flags, ""))

    def test_a_good_parent_carries_its_state(self):
        for what, value, flags in GOOD:
            with self.subTest(what):
                _, _, got, state = self.one([("tracestate", "foo=1"), ("traceparent", value)])
                self.assertEqual((got, state), (flags, "foo=1"))

    def test_two_parents(self):
        for second in (SAMPLED, f"00-{TRACE[::-1]}-{PARENT}-01", "broken", ""):
            for pair in ([SAMPLED, second], [second, SAMPLED]):
                with self.subTest(pair):
                    context = self.one([("traceparent", value) for value in pair])
                    self.assert_new(context)
                    self.assertNotEqual(context[0], TRACE[::-1])

    def test_two_parents_of_different_case(self):
        self.assert_new(self.one([("traceparent", SAMPLED), ("TraceParent", SAMPLED)]))

    def test_names_of_headers(self):
        for name in ("traceparent", "TraceParent", "TrAcEpArEnT", "TRACEPARENT"):
            with self.subTest(name):
                self.assertEqual(self.one([(name, SAMPLED)])[0], TRACE)
        for name in ("trace-parent", "trace.parent", "trace_parent", "xtraceparent",
                     "traceparents"):
            with self.subTest(name):
                self.assert_new(self.one([(name, SAMPLED)]))
        for name in ("tracestate", "TraceState", "TrAcEsTaTe", "TRACESTATE"):
            with self.subTest(name):
                self.assertEqual(self.one([("traceparent", NOT), (name, "foo=1")])[3], "foo=1")
        for name in ("trace-state", "trace.state", "trace_state", "xtracestate"):
            with self.subTest(name):
                self.assertEqual(self.one([("traceparent", NOT), (name, "foo=1")])[3], "")

    def test_a_state_without_a_parent(self):
        for value in ("foo=1", "foo=1,bar=2", "broken"):
            with self.subTest(value):
                self.assert_new(self.one([("tracestate", value)]))

    def test_states(self):
        for what, values, expected in STATES:
            with self.subTest(what):
                headers = [("traceparent", SAMPLED)] + [("tracestate", v) for v in values]
                trace, _, flags, state = self.one(headers)
                # Whatever is wrong with the state, the parent stays.
                self.assertEqual((trace, flags, state), (TRACE, "01", expected))

    def test_several_calls(self):
        for headers, flags in (([("traceparent", SAMPLED), ("tracestate", "foo=1")], "01"),
                               ([("traceparent", NOT)], "00"), ([], "03"),
                               ([("traceparent", BROKEN[2][1])], "03")):
            with self.subTest(headers):
                contexts = self.call(headers, 3)
                self.assertEqual(len({span for _, span, _, _ in contexts}), 3)
                self.assertEqual({(trace, got) for trace, _, got, _ in contexts},
                                 {(contexts[0][0], flags)})
                self.assertEqual(contexts[0][0] == TRACE, flags != "03")

    def test_new_traces_differ(self):
        self.assertEqual(len({self.one([])[0] for _ in range(20)}), 20)


class Ratio(Case):
    """A sampler of its own opinion: the changed key moves to the left."""

    sampler = ("traceidratio", 0.5)
    KEPT, DROPPED = TRACE[:18] + "f" * 14, TRACE[:18] + "0" * 13 + "1"

    def test_the_id_decides(self):
        for trace, flag, state, expected in (
                (self.KEPT, "00", "", ("01", "ot=th:8")),
                (self.KEPT, "03", "a=1", ("03", "ot=th:8,a=1")),
                (self.KEPT, "01", "a=1,ot=th:c;x:y,b=2", ("01", "ot=x:y;th:8,a=1,b=2")),
                (self.DROPPED, "01", "a=1", ("00", "a=1")),
                (self.DROPPED, "03", "a=1,ot=th:c", ("02", "a=1")),
                (self.DROPPED, "00", "ot=rv:80000000000000", ("01", "ot=rv:80000000000000;th:8")),
                (self.KEPT, "01", "ot=rv:7fffffffffffff", ("00", "ot=rv:7fffffffffffff")),
                (self.KEPT, "01", ",".join(MEMBERS[:32]),
                 ("01", "ot=th:8," + ",".join(MEMBERS[:31])))):
            with self.subTest((trace, flag, state)):
                context = self.one([("traceparent", f"00-{trace}-{PARENT}-{flag}"),
                                    ("tracestate", state)])
                self.assertEqual(context[0], trace)
                self.assertEqual(context[2:], expected)

    def test_new_traces_are_what_they_say(self):
        flags = set()
        for _ in range(40):
            trace, _, flag, state = self.one([])
            is_kept = int(trace[18:], 16) >= 1 << 55
            self.assertEqual((flag, state), ("03", "ot=th:8") if is_kept else ("02", ""))
            flags.add(flag)
        self.assertEqual(flags, {"02", "03"})


if __name__ == "__main__":
    PROPAGATE = sys.argv.pop(1)
    unittest.main(verbosity=2)
