#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second reader of trace files, which knows of the format what docs/trace_format.md says.

Prints one line per op, in the form of dump_trace.c. Slow, and only for tests: what it shows is
that the page is enough to write a reader.
"""
import struct
import subprocess
import sys

M64 = (1 << 64) - 1
NONE = 0xFFFF
KERNEL, MEMCPY, MEMSET, GRAPH, ALLOC, FREE, SYNC = 1, 2, 3, 4, 5, 6, 7
EXEC_CLOSE, TICK, DEVICE, CLOCK, END = 9, 10, 12, 13, 14
SAID = (15, 16, 17, 18, 19, 20, 23)
INSTRUMENT, SAMPLE, IN_FLIGHT, DEPENDENCY = 21, 22, 24, 28
TEXTS = (25, 26, 27, 29, 30, 31)
KNOWN = 31
COMMON = [(32, "kind"), (33, "flags"), (34, "result"), (35, "absent"), (36, "api"), (37, "name"),
          (38, "stream"), (39, "stream_handle"), (40, "tid"), (41, "device"), (42, "context"),
          (43, "stack")]
GRID = ["grid_x", "grid_y", "grid_z", "block_x", "block_y", "block_z"]
BY_KIND = [
    ((KERNEL,), 48, GRID + ["registers", "static_shared", "dynamic_shared", "local", "graph",
                            "graph_node"]),
    ((MEMCPY, MEMSET), 64, ["bytes", "graph_node", "graph", "value", "peer_device", "copy_kind",
                            "src_memory", "dst_memory"]),
    ((GRAPH,), 72, ["exec_handle", "graph", "nodes"]),
    ((ALLOC, FREE), 75, ["pool"]),
    ((SYNC,), 76, ["object", "scope"]),
    ((EXEC_CLOSE,), 78, ["ops", "reason"]),
    ((DEVICE,), 80, ["major", "minor"]),
    (SAID + (SAMPLE,), 82, ["what"]),
    (SAID, 83, ["said_flags", "trace_flags", "present"]),
    ((INSTRUMENT,), 86, ["type", "bounds"]),
    ((IN_FLIGHT,), 88, GRID + ["graph"]),
]
# The order in which dump_trace.c prints.
FIELDS = ["flags", "result", "exec", "host_start", "host_end", "start", "end", "stream",
          "stream_handle", "tid", "device", "context", "correlation", "api", "name", "stack"]
LATER = {KERNEL: BY_KIND[0][2], MEMCPY: BY_KIND[1][2], MEMSET: BY_KIND[1][2],
         GRAPH: BY_KIND[2][2], IN_FLIGHT: BY_KIND[10][2], ALLOC: ["ptr", "bytes", "pool"],
         FREE: ["ptr", "bytes", "pool"], SYNC: ["object", "scope"], EXEC_CLOSE: ["ops", "reason"],
         DEVICE: ["major", "minor", "uuid", "memory"], CLOCK: ["wall_offset", "uncertainty"],
         DEPENDENCY: ["waited", "on"], INSTRUMENT: ["instrument", "type", "bounds", "upper"],
         SAMPLE: ["what", "instrument", "value"]}
SAYS = ["what", "said_flags", "trace_flags", "span", "trace_id", "span_id", "parent_id"]


def signed(number):
    """A number of 64 bits as a signed one."""
    number &= M64
    return number - (1 << 64) if number >> 63 else number


def unzigzag(number):
    """The signed difference that was made a small number."""
    return (number >> 1) ^ -(number & 1)


def varint(data, at):
    """The varint at `at`, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value & M64, at


def step(mean, value):
    """A prediction moved towards a value."""
    if signed(mean) == 0:
        return value
    limit = (abs(signed(mean)) >> 7) + 8
    return mean + max(-limit, min(limit, signed(value - mean) >> 3))


def on_grid(value):
    """The multiple of 32 next to a signed number."""
    return (signed(value) + 16) & ~31


def unpack(encoding, width, count, data):
    """The numbers of a column."""
    if encoding == 1:
        return [sum(data[p * count + i] << (8 * p) for p in range(width)) for i in range(count)]
    if encoding == 2:
        return [int.from_bytes(data[:width], "little")] * count
    if encoding == 4:
        values, at = [], 0
        while at < len(data):
            zeros, at = varint(data, at)
            value, at = varint(data, at)
            values += [0] * zeros + [value]
        return values + [0] * (count - len(values))
    shift, at = data[0], 1 + count
    bits = int.from_bytes(data[at:at + (count * shift + 7) // 8], "little")
    at += (count * shift + 7) // 8
    values = []
    for i in range(count):
        high = data[1 + i]
        if high == 255:
            high, at = int.from_bytes(data[at:at + width], "little"), at + width
        values.append(high << shift | bits >> (i * shift) & ((1 << shift) - 1))
    return values


class Block:
    """One block of ops."""

    def __init__(self, header, data):
        self.version, self.count, self.first = header[0], header[6], header[7]
        self.shape_count, self.string_count = header[11], header[12]
        self.columns, self.next, self.bytes_at = {}, {}, {16: 0, 21: 0, 22: 0, 26: 0}
        at = 0
        while at < len(data):
            name, encoding, width, count, size = struct.unpack_from("<HBBII", data, at)
            at += 12
            part = data[at:at + size]
            if name < 128:
                self.columns[name] = part if encoding == 3 else unpack(encoding, width, count, part)
            at += size
        self.places, self.by_context, self.previous, self.score = [], {}, None, 0
        self.threads, self.streams, self.ledger = {}, {}, {}
        self.ptr = self.span = self.instrument = 0
        self.load_shapes()

    def load_shapes(self):
        """The table of shapes, strings filled in."""
        lengths, text, at = self.columns.get(96, []), self.columns.get(97, b""), 0
        strings = [""]
        for length in lengths or [0] * self.string_count:
            strings.append(text[at:at + length].decode("utf-8", "surrogateescape"))
            at += length
        self.shapes = [{} for _ in range(self.shape_count)]
        for column, key in COMMON:
            for shape, value in zip(self.shapes, self.columns.get(column, [0] * self.shape_count)):
                shape[key] = strings[value] if key in ("api", "name") else value
        for kinds, column, keys in BY_KIND:
            having = [shape for shape in self.shapes if shape["kind"] in kinds]
            for i, key in enumerate(keys):
                for shape, value in zip(having, self.columns.get(column + i, [0] * len(having))):
                    shape[key] = value

    def number(self, column):
        """The next number of a column."""
        at = self.next.get(column, 0)
        self.next[column] = at + 1
        return self.columns[column][at] if column in self.columns else 0

    def d(self, column):
        """The next signed difference of a column."""
        return unzigzag(self.number(column))

    def take(self, column, size):
        """The next bytes of a column of bytes."""
        at = self.bytes_at[column]
        self.bytes_at[column] = at + size
        return self.columns[column][at:at + size] if size else b""

    def place_of(self, code):
        """Where the next op stands."""
        before = self.previous
        expected = before["next_shape"] if before else None
        shape = code - 1 if code else expected
        place = before["next"] if before and shape == expected else None
        if place is None:
            place = self.find_place(shape, before)
            if before:
                before["next"], before["next_shape"] = place, shape
        self.previous = self.shapes[shape]["latest"] = place
        return place

    def find_place(self, index, before):
        """The place of this shape behind the ones before, a new one if there is none."""
        shape = self.shapes[index]
        context = ((before["context"] << 3 if before else 0) +
                   (index + 1) * 0x9E3779B97F4A7C15) & M64
        if self.version == 1:
            context = 0
        known = self.by_context.get((index, context))
        if known:
            return known
        if "first" in shape and len(self.places) >= 8192:
            return shape["first"]
        place = dict(shape.get("latest") or dict.fromkeys(
            ("host_gap", "host_mean", "gpu_gap", "gpu_mean", "exec_step", "correlation_step"), 0))
        place.setdefault("next_shape", None)
        place.update(shape=index, context=context, next=None)
        shape.setdefault("first", place)
        self.places.append(place)
        self.by_context[index, context] = place
        return place

    def host(self, op, place, absent):
        """Execution, correlation and the times of the call."""
        thread = self.threads.setdefault(op["tid"], dict.fromkeys(
            ("host_start", "host_end", "duration", "exec", "correlation"), 0))
        same, new = False, self.version > 1
        if not absent & 32:
            op["exec"] = (thread["exec"] + place["exec_step"] + self.d(3)) & M64
            place["exec_step"] = op["exec"] - thread["exec"] if new else 0
            thread["exec"] = op["exec"]
        if not absent & 16:
            value = thread["correlation"] + place["correlation_step"] + self.d(4)
            op["correlation"] = value & 0xFFFFFFFF
            same = op["correlation"] == thread["correlation"]
            place["correlation_step"] = op["correlation"] - thread["correlation"] if new else 0
            thread["correlation"] = op["correlation"]
        if not absent & 1:
            end = thread["host_end"]
            expected = thread["host_start"] if same else end + place["host_gap"] if end else 0
            op["host_start"] = (expected + self.d(5)) & M64
            if end and not same:
                place["host_gap"] = step(place["host_gap"], op["host_start"] - end)
            thread["host_start"] = op["host_start"]
        if not absent & 2:
            duration = self.d(6) + (thread["duration"] if same else place["host_mean"])
            if not same:
                place["host_mean"] = step(place["host_mean"], duration)
            thread["duration"] = duration
            thread["host_end"] = op["host_end"] = (op["host_start"] + duration) & M64

    def expect(self, place, stream, host_end):
        """When work is expected to start."""
        gap = place["gpu_gap"]
        if self.version == 1:
            return stream["end"] + gap if stream["end"] else 0
        if not stream["end"]:
            return host_end + stream["latency"] if host_end else 0
        if host_end and stream["latency"]:
            gap = max(signed(gap), signed(host_end + stream["latency"] - stream["end"]))
        return stream["end"] + (on_grid(gap) if self.score >= 32 else gap)

    def learn(self, place, stream, host_end, start):
        """What the start teaches."""
        gap, latency, end = start - stream["end"], signed(start - host_end), stream["end"]
        if self.version > 1 and host_end:
            known = signed(stream["latency"])
            if not known or not end:
                stream["latency"] = latency
            elif abs(signed(latency - known)) % 2**63 < abs(signed(gap - place["gpu_gap"])) % 2**63:
                stream["latency"] = step(known, latency)
                return
            elif signed(latency + (known >> 3)) < known:
                stream["latency"] = latency
        if end:
            place["gpu_gap"] = step(place["gpu_gap"], gap)

    def gpu_time(self, column, rest):
        """The difference of a GPU time to what was expected."""
        if self.version > 1 and self.score >= 32:
            return (self.d(column) << 5) + self.d(rest)
        return self.d(column)

    def gpu(self, op, place, absent):
        """The times on the GPU."""
        if op["flags"] & 1:
            if not absent & 4:
                op["start"] = (op["host_start"] + self.d(7)) & M64
            if not absent & 8:
                op["end"] = (op["start"] + op["host_end"] - op["host_start"] + self.d(8)) & M64
            return
        stream = self.streams.setdefault((op["device"], op["context"], op["stream"]),
                                         {"end": 0, "latency": 0})
        before, grid = stream["end"], self.version > 1 and self.score >= 32
        if not absent & 4:
            difference = self.gpu_time(7, 23)
            op["start"] = (self.expect(place, stream, op["host_end"]) + difference) & M64
            self.learn(place, stream, op["host_end"], op["start"])
        if not absent & 8:
            difference = self.gpu_time(8, 24)
            mean = place["gpu_mean"]
            duration = difference + (on_grid(mean) if grid else mean)
            place["gpu_mean"] = step(mean, duration)
            stream["end"] = op["end"] = (op["start"] + duration) & M64
        if before and not absent & 12:
            good = (op["start"] - before + 1) & 31 <= 2 and (duration + 1) & 31 <= 2
            self.score = min(64, self.score + 1) if good else max(0, self.score - 8)

    def kind(self, op):
        """What only ops of some kinds have."""
        kind = op["kind"]
        if kind in (ALLOC, FREE):
            op["ptr"] = self.ptr = (self.ptr + self.d(9)) & M64
            op["bytes"] = self.number(10)
        elif kind == DEPENDENCY:
            op["waited"] = (op["ordinal"] + self.d(9)) & M64
            op["on"] = (op["waited"] - self.number(10)) & M64
        elif kind == CLOCK:
            op["wall_offset"], op["uncertainty"] = self.d(11) & M64, self.number(12)
        elif kind == DEVICE:
            op["uuid"] = struct.pack("<QQ", self.number(13), self.number(14))
            op["memory"] = self.number(15)
        elif kind in (TICK, END):
            self.tick(op)
        elif kind in (INSTRUMENT, SAMPLE):
            self.instrument = op["instrument"] = (self.instrument + self.d(18)) & 0xFFFFFFFF
            if kind == SAMPLE:
                op["value"] = self.number(19)
                return
            op["upper"] = self.take(21, 8 * op["bounds"])
        elif kind in SAID:
            if op["present"] & 1:
                op["span"] = self.span = (self.span + self.d(17)) & M64
            for bit, key, size in ((2, "trace_id", 16), (4, "span_id", 8), (8, "parent_id", 8)):
                op[key] = self.take(21, size) if op["present"] & bit else b""
        if kind in SAID or kind in TEXTS or kind == INSTRUMENT:
            op["text"] = self.take(22, self.number(20))
        if KNOWN < kind < 64:
            op["text"] = self.take(26, self.number(25))

    def tick(self, op):
        """The ledger: what changed since the tick before."""
        data, at, number = self.columns[16], self.bytes_at[16], 0
        while True:
            ahead, at = varint(data, at)
            if ahead == 0:
                break
            difference, at = varint(data, at)
            number += ahead - 1
            self.ledger[number] = (self.ledger.get(number, 0) + unzigzag(difference)) & M64
            number += 1
        self.bytes_at[16] = at
        op["ledger"] = dict(self.ledger)

    def ops(self):
        """All ops of the block."""
        ordinal = self.first - 1
        for i in range(self.count):
            place = self.place_of(self.number(1))
            shape = self.shapes[place["shape"]]
            op = dict.fromkeys(FIELDS, 0)
            op.update(shape)
            ordinal = self.first if i == 0 else (ordinal + 1 + self.d(2)) & M64
            op["ordinal"] = ordinal
            self.host(op, place, shape["absent"])
            self.gpu(op, place, shape["absent"])
            self.kind(op)
            if op["kind"] <= KNOWN:
                yield op


def line(op):
    """An op as dump_trace.c prints it."""
    kind = op["kind"]
    words = [f"{op['ordinal']} {kind}"]
    for key in FIELDS + LATER.get(kind, SAYS if kind in SAID else []) + ["text"]:
        value = op.get(key, 0)
        if isinstance(value, bytes):
            value = value.hex() if key == "text" or any(value) else ""
        if value:
            words.append(f"{key}={value}")
    words += [f"tick_{k}={v}" for k, v in sorted(op.get("ledger", {}).items()) if v]
    return " ".join(words)


def read(path):
    """The ops of a whole file, as lines."""
    data = subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    at = 0
    while at < len(data):
        header = struct.unpack_from("<IHHHHIIIQQQQII", data, at)[1:]
        start, end = at + header[3], at + header[3] + header[4]
        if header[2] == 2:
            yield from map(line, Block(header, data[start:end]).ops())
        at = end


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="surrogateescape")
    for text in read(sys.argv[1]):
        print(text)
