# SPDX-License-Identifier: Apache-2.0
"""Say what a Python program does to the tracer rkpreload.

One file, nothing to install: put its folder on PYTHONPATH, or copy it. It talks to the table
that include/rustkernel.h describes, which the preloaded library exports; where nothing is
preloaded every call does nothing.

    import rustkernel

    with rustkernel.kernel("graph/pagerank", domain="GraphAnalytics"):
        with rustkernel.stage("prepare_input"):
            ...
        with rustkernel.stage("gpu_execute") as stage:
            stage.set_attribute("iterations", 20)
            ...

GPU work that is submitted inside belongs to the innermost span. With OpenTelemetry, kernels
become children of the request's span:

    import rustkernel
    with rustkernel.attach_current():
        model(batch)

or, for every span that is begun as the current one:

    tracer_provider.add_span_processor(rustkernel.SpanProcessor())

Threads and tasks. The current context is a context variable, so a task of asyncio has its own,
and asyncio.to_thread() hands it on. GPU work, however, belongs to the context of the *thread*
that submits it. Functions under @traced switch it with every step of a task; for all tasks of
a loop do loop.set_task_factory(rustkernel.task_factory). In threads that are not started with
a copy of the context use `with rustkernel.attach(context)`.

Nothing here raises because of the tracer, and nothing waits. Python 3.9 or newer.
"""
from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import contextvars
import ctypes
import functools
import inspect
import logging
import sys
import threading
import time
import traceback
import types
import urllib.parse
from typing import (Any, Callable, Dict, Iterator, Mapping, MutableMapping, NamedTuple, Optional,
                    Sequence, Union)

__version__ = "0.1.0"

AttributeValue = Union[str, bool, int, float, None]

# enum rk_kind
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
# enum rk_status
UNSET, OK, ERROR = 0, 1, 2
# enum rk_level; the names that log() takes
LEVELS = {"error": 0, "warn": 1, "warning": 1, "info": 2, "debug": 3, "trace": 4}
# enum rk_circuit
CIRCUITS = {"closed": 0, "half-open": 1, "half_open": 1, "open": 2}
# enum rk_verdict
VERDICTS = ("no_data", "met", "at_risk", "violated")

_HEADERS = ("traceparent", "tracestate", "baggage")
_HEADER_BYTES = 8193
_INT64 = range(-2**63, 2**63)
_KERNEL, _DETACHED = 1, 2
_COUNTER, _GAUGE, _HISTOGRAM, _EXECUTION, _MEMORY, _QUEUE = range(6)
_VALUE, _ADD, _FAILED = 0, 1, 2


# ---- The table: structures of include/rustkernel.h, field by field ----

class _Value(ctypes.Union):
    _fields_ = [("text", ctypes.c_char_p), ("integer", ctypes.c_int64),
                ("number", ctypes.c_double), ("flag", ctypes.c_bool)]


class _Attribute(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("type", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32), ("value", _Value)]


class _Context(ctypes.Structure):
    _fields_ = [("trace_id", ctypes.c_uint8 * 16), ("span_id", ctypes.c_uint8 * 8),
                ("number", ctypes.c_uint64), ("texts", ctypes.c_uint64),
                ("trace_flags", ctypes.c_uint8), ("flags", ctypes.c_uint8),
                ("reserved", ctypes.c_uint8 * 6)]


class _Span(ctypes.Structure):
    _fields_ = [("context", _Context), ("previous", _Context), ("thread", ctypes.c_uint32),
                ("status", ctypes.c_uint32), ("message", ctypes.c_char * 128),
                ("reserved", ctypes.c_uint64 * 3)]


class _SpanOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("name", ctypes.c_char_p),
                ("domain", ctypes.c_char_p), ("parent", ctypes.POINTER(_Context)),
                ("attributes", ctypes.POINTER(_Attribute)), ("attribute_count", ctypes.c_size_t),
                ("kind", ctypes.c_uint32), ("flags", ctypes.c_uint32)]


class _Label(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class _MetricOptions(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("unit", ctypes.c_char_p),
                ("help", ctypes.c_char_p), ("domain", ctypes.c_char_p),
                ("labels", ctypes.POINTER(_Label)), ("label_count", ctypes.c_size_t),
                ("bounds", ctypes.POINTER(ctypes.c_double)), ("bound_count", ctypes.c_size_t)]


class _SloResult(ctypes.Structure):
    _fields_ = [("verdict", ctypes.c_uint32), ("targets", ctypes.c_uint32),
                ("target", ctypes.c_char * 64), ("headroom", ctypes.c_double),
                ("budget_left", ctypes.c_double)]


def _entry(result: Any, *arguments: Any) -> Any:
    # The interpreter lock is kept: no call of the table waits, and giving it up costs more.
    return ctypes.PYFUNCTYPE(result, *arguments)


_pContext, _pSpan, _pAttribute = (ctypes.POINTER(t) for t in (_Context, _Span, _Attribute))
_u32, _size, _text = ctypes.c_uint32, ctypes.c_size_t, ctypes.c_char_p

# Name and type of every entry, in the order of struct rk_api_v1: append only.
_ENTRIES = [
    ("is_active", _entry(ctypes.c_int)),
    ("metric_create", _entry(_u32, _u32, ctypes.POINTER(_MetricOptions))),
    ("metric_record", _entry(None, _u32, _u32, ctypes.c_double)),
    ("span_begin", _entry(None, _pSpan, ctypes.POINTER(_SpanOptions))),
    ("span_end", _entry(None, _pSpan)),
    ("span_set_attributes", _entry(None, _pSpan, _pAttribute, _size)),
    ("span_add_event", _entry(None, _pSpan, _text, _pAttribute, _size)),
    ("span_add_link", _entry(None, _pSpan, _pContext, _pAttribute, _size)),
    ("span_set_status", _entry(None, _pSpan, _u32, _text)),
    ("span_context", _entry(None, _pSpan, _pContext)),
    ("context_current", _entry(None, _pContext)),
    ("context_capture", _entry(None, _pContext)),
    ("context_attach", _entry(None, _pContext, _pContext)),
    ("context_extract", _entry(None, _text, _text, _text, _pContext)),
    ("context_from_environment", _entry(None, _pContext)),
    ("context_header", _entry(_size, _pContext, _u32, _text, _size)),
    ("baggage_get", _entry(_size, _pContext, _text, _text, _size)),
    ("baggage_set", _entry(ctypes.c_int, _pContext, _text, _text)),
    ("log", ctypes.c_void_p),  # takes a va_list, which ctypes cannot make
    ("log_fields", _entry(None, _u32, _text, _text, _pAttribute, _size)),
    ("circuit_breaker_set", _entry(None, _text, _u32)),
    ("slo_check", _entry(_u32, _text, ctypes.POINTER(_SloResult))),
]


class _Table(ctypes.Structure):
    _fields_ = [("size", _size), ("version", _u32), ("reserved", _u32), *_ENTRIES]


def _find() -> Optional[types.SimpleNamespace]:
    """Return: the entries that the preloaded library has; None where there is no library."""
    try:
        table = _Table.in_dll(ctypes.PyDLL(None), "rk_api_v1")
    except (ValueError, OSError):
        return None
    if table.version != 1:
        return None
    found = {}
    for name, _ in _ENTRIES:
        # An older library ends before the newest entries.
        there = getattr(_Table, name).offset + ctypes.sizeof(ctypes.c_void_p) <= table.size
        found[name] = getattr(table, name) if there else None
    if not all(entry for name, entry in found.items() if name != "log"):
        return None
    return types.SimpleNamespace(**found)


_api = _find()


def is_active() -> bool:
    """Whether this process is being recorded right now."""
    return _api is not None and _api.is_active() != 0


def _bytes(value: Any) -> bytes:
    return str(value).replace("\0", "?").encode("utf-8", "replace")


def _optional(value: Any) -> Optional[bytes]:
    return None if value is None else _bytes(value)


def _attributes(pairs: Optional[Mapping[str, AttributeValue]]) -> Any:
    """An array for C; None stands for no value at all and is left out."""
    chosen = [(key, value) for key, value in (pairs or {}).items() if value is not None]
    array = (_Attribute * len(chosen))()
    for slot, (key, value) in zip(array, chosen):
        slot.key = _bytes(key)
        if isinstance(value, bool):
            slot.type, slot.value.flag = ord("b"), value
        elif isinstance(value, int) and value in _INT64:
            slot.type, slot.value.integer = ord("i"), value
        elif isinstance(value, float):
            slot.type, slot.value.number = ord("d"), value
        else:
            slot.type, slot.value.text = ord("s"), _bytes(value)
    return array


# ---- Contexts ----

class Context:
    """Where in which trace something happens. Immutable; a false one stands for nowhere."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Optional[_Context] = None) -> None:
        self._raw = raw if raw is not None else _Context()

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits."""
        return bytes(self._raw.trace_id).hex()

    @property
    def span_id(self) -> str:
        """16 hexadecimal digits."""
        return bytes(self._raw.span_id).hex()

    @property
    def is_sampled(self) -> bool:
        """Whether the trace is to be sent."""
        return bool(self._raw.trace_flags & 1)

    def __bool__(self) -> bool:
        return any(self._raw.trace_id) or self._raw.texts != 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) and bytes(self._raw) == bytes(other._raw)

    def __hash__(self) -> int:
        return hash(bytes(self._raw))

    def __repr__(self) -> str:
        return f"<rustkernel.Context {self.trace_id}-{self.span_id}>"

    def headers(self) -> Dict[str, str]:
        """The headers traceparent, tracestate and baggage, those of them that there are."""
        found = {}
        if _api is not None:
            buffer = ctypes.create_string_buffer(_HEADER_BYTES)
            for number, name in enumerate(_HEADERS):
                if _api.context_header(self._raw, number, buffer, len(buffer)):
                    found[name] = buffer.value.decode("utf-8", "replace")
        return found

    def baggage(self, key: str) -> str:
        """The value of a baggage entry; "" where there is none."""
        if _api is None:
            return ""
        buffer = ctypes.create_string_buffer(_HEADER_BYTES)
        _api.baggage_get(self._raw, _bytes(key), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace")

    def with_baggage(self, key: str, value: Optional[str]) -> Context:
        """The same with an entry set, or without it (None). It is then to be attached."""
        changed = _Context.from_buffer_copy(self._raw)
        if _api is not None:
            _api.baggage_set(changed, _bytes(key), _optional(value))
        return Context(changed)


# None: nobody said anything in this task, so the thread's own context counts.
_current: contextvars.ContextVar[Optional[Context]] = contextvars.ContextVar(
    "rustkernel_context", default=None)


class _Thread(threading.local):
    """What Python has attached on the calling thread.

    Tasks take turns on a thread and leave their contexts in any order, so what to go back to is
    never what the thread happened to be in, but what it was in before Python came: base.
    """

    depth = 0
    base = _Context()

    def __init__(self) -> None:
        super().__init__()
        self.token = object()  # tells threads apart, also when their numbers are used again

    def attach(self, raw: _Context) -> None:
        if not self.depth:
            self.base = _Context()
            _api.context_current(self.base)
        self.depth += 1
        _api.context_attach(raw, None)

    def detach(self) -> None:
        self.depth -= 1
        context = _current.get()
        _api.context_attach(self.base if context is None else context._raw, None)


_thread = _Thread()


class _Attachment:
    """A context as the current one of task and thread, until leave()."""

    __slots__ = ("_reset", "_on")

    def __init__(self, context: Context) -> None:
        self._reset = _current.set(context)
        self._on = _thread.token
        if _api is not None:
            _thread.attach(context._raw)

    def leave(self) -> None:
        # A generator may be closed in another context than it ran in.
        with contextlib.suppress(ValueError):
            _current.reset(self._reset)
        if _api is not None and _thread.token is self._on:
            _thread.detach()


def current() -> Context:
    """The context of the calling task, else of the thread."""
    context = _current.get()
    if context is not None:
        return context
    raw = _Context()
    if _api is not None:
        if _thread.depth:  # of another task: not ours
            raw = _Context.from_buffer_copy(_thread.base)
        else:
            _api.context_current(raw)
    return Context(raw)


def capture() -> Context:
    """The current context, to be continued elsewhere: in a message, a queue, a callback.

    Work that is submitted there is an execution of its own in the same trace. For work of one
    and the same stage on several threads attach the span's `context` instead.
    """
    raw = _Context.from_buffer_copy(current()._raw)
    if _api is not None:
        with attach(Context(raw)):
            _api.context_capture(raw)
    return Context(raw)


@contextlib.contextmanager
def attach(context: Optional[Context]) -> Iterator[Context]:
    """Go on in a context, on this thread and in this task; None: in none."""
    context = context if context is not None else Context()
    attachment = _Attachment(context)
    try:
        yield context
    finally:
        attachment.leave()


def run(context: Context, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function in a context."""
    with attach(context):
        return function(*args, **kwargs)


def extract(headers: Mapping[str, str]) -> Context:
    """The context that came with a request. Names of headers in any letter case."""
    raw = _Context()
    if _api is not None:
        lower = {str(name).lower(): value for name, value in headers.items()}
        _api.context_extract(*(_optional(lower.get(name)) for name in _HEADERS), raw)
    return Context(raw)


def inject(headers: Optional[MutableMapping[str, str]] = None,
           context: Optional[Context] = None) -> MutableMapping[str, str]:
    """Put the headers of a context (None: the current one) into a mapping, and return that."""
    headers = headers if headers is not None else {}
    headers.update((context if context is not None else current()).headers())
    return headers


def from_environment() -> Context:
    """The context in TRACEPARENT, TRACESTATE, BAGGAGE with which the process was started."""
    raw = _Context()
    if _api is not None:
        _api.context_from_environment(raw)
    return Context(raw)


def environment(context: Optional[Context] = None) -> Dict[str, str]:
    """The variables that hand a context on to a process: env={**os.environ, **environment()}."""
    return {name.upper(): value for name, value in inject(context=context).items()}


# ---- Spans ----

def _parent() -> Optional[Context]:
    """The parent of what begins now; None: what the thread says."""
    context = _current.get()
    if context is None:
        context = _opentelemetry_context()
    if context is None and _api is not None and _thread.depth:
        context = Context(_thread.base)
    return context


class Span:
    """A span under way: a context manager, sync and async, and ended by end() without one.

    An exception that leaves it makes it an error.
    """

    def __init__(self, name: str, domain: Optional[str] = None, kind: int = INTERNAL,
                 attributes: Optional[Mapping[str, AttributeValue]] = None,
                 parent: Optional[Context] = None, is_kernel: bool = False) -> None:
        """It begins when it is entered, or by begin()."""
        self._name, self._domain, self._kind = name, domain, kind
        self._attributes, self._parent, self._is_kernel = attributes, parent, is_kernel
        self._raw: Optional[_Span] = None
        self._attachment: Optional[_Attachment] = None

    def begin(self) -> Span:
        """Begin without becoming current: for what ends on another thread, or in a callback."""
        if _api is None or self._raw is not None:
            return self
        parent = self._parent if self._parent is not None else _parent()
        attributes = _attributes(self._attributes)
        options = _SpanOptions(
            size=ctypes.sizeof(_SpanOptions), name=_bytes(self._name),
            domain=_optional(self._domain), kind=self._kind, attribute_count=len(attributes),
            attributes=ctypes.cast(attributes, _pAttribute),
            parent=ctypes.pointer(parent._raw) if parent is not None else None,
            flags=_DETACHED | (_KERNEL if self._is_kernel else 0))
        self._raw = _Span()
        _api.span_begin(self._raw, options)
        return self

    def end(self) -> None:
        """End it, on any thread. A second time nothing happens."""
        raw, self._raw = self._raw, None
        if raw is not None:
            _api.span_end(raw)

    def __enter__(self) -> Span:
        self.begin()
        if self._raw is not None:
            self._attachment = _Attachment(self.context)
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        # To be cancelled or closed is no failure.
        if isinstance(error, Exception) and not isinstance(error, (StopIteration,
                                                                   StopAsyncIteration)):
            self.record_exception(error)
        attachment, self._attachment = self._attachment, None
        if attachment is not None:
            attachment.leave()
        self.end()

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        self.__exit__(kind, error, trace)

    @property
    def context(self) -> Context:
        """Its context: attach it elsewhere for work that belongs to this very span."""
        raw = _Context()
        if self._raw is not None:
            _api.span_context(self._raw, raw)
        return Context(raw)

    def set_attribute(self, key: str, value: AttributeValue) -> Span:
        """Set one attribute."""
        return self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> Span:
        """Set several attributes; of one key the last value counts."""
        array = _attributes(attributes)
        if self._raw is not None and len(array):
            _api.span_set_attributes(self._raw, array, len(array))
        return self

    def add_event(self, name: str, attributes: Optional[Mapping[str, AttributeValue]] = None) -> Span:
        """Something happened during the span, just now."""
        if self._raw is not None:
            array = _attributes(attributes)
            _api.span_add_event(self._raw, _bytes(name), array, len(array))
        return self

    def add_link(self, to: Context, attributes: Optional[Mapping[str, AttributeValue]] = None) -> Span:
        """Point to another span: that of the message which is being handled, for one."""
        if self._raw is not None:
            array = _attributes(attributes)
            _api.span_add_link(self._raw, to._raw, array, len(array))
        return self

    def set_status(self, status: int, message: str = "") -> Span:
        """OK or ERROR; the last call counts."""
        if self._raw is not None:
            _api.span_set_status(self._raw, status, _bytes(message))
        return self

    def record_exception(self, error: BaseException) -> Span:
        """An event `exception`, named as OpenTelemetry does, and the status."""
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        stack = "".join(traceback.format_exception(kind, error, error.__traceback__))
        self.add_event("exception", {"exception.type": name, "exception.message": str(error),
                                     "exception.stacktrace": stack})
        return self.set_status(ERROR, f"{name}: {error}")


def span(name: str, *, kind: int = INTERNAL, domain: Optional[str] = None,
         attributes: Optional[Mapping[str, AttributeValue]] = None,
         parent: Optional[Context] = None) -> Span:
    """A span. `parent`: instead of the current context."""
    return Span(name, domain, kind, attributes, parent)


def kernel(kernel_id: str, *, domain: Optional[str] = None,
           attributes: Optional[Mapping[str, AttributeValue]] = None,
           parent: Optional[Context] = None) -> Span:
    """An execution of a kernel: the span kernel:<kernel_id>."""
    return Span(kernel_id, domain, INTERNAL, attributes, parent, is_kernel=True)


def stage(name: str, *, attributes: Optional[Mapping[str, AttributeValue]] = None) -> Span:
    """A stage of the execution under way: validate, prepare_input, gpu_execute, collect_output."""
    return Span(name, None, INTERNAL, attributes)


# ---- Tasks ----

class _Steps(collections.abc.Coroutine):
    """A coroutine whose steps run in the context of its task, on whatever thread."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        if _api is None:
            return step(*args)
        before, context = _Context(), _current.get()
        _api.context_current(before)
        base = _thread.base if _thread.depth else before
        _thread.attach(base if context is None else context._raw)
        try:
            return step(*args)
        finally:
            _thread.depth -= 1
            _api.context_attach(before, None)

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *args: Any) -> Any:
        return self._step(self._inner.throw, *args)

    def close(self) -> None:
        self._step(self._inner.close)

    def __await__(self) -> Iterator[Any]:
        value, failure = None, None
        try:
            while True:
                try:
                    waits_for = self.send(value) if failure is None else self.throw(failure)
                except StopIteration as end:
                    return end.value
                value, failure = None, None
                try:
                    value = yield waits_for
                except GeneratorExit:
                    raise
                except BaseException as error:  # pylint: disable=broad-except
                    failure = error
        finally:
            self.close()


async def _steps(coroutine: Any) -> Any:
    return await _Steps(coroutine)


def task_factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task:
    """For loop.set_task_factory(): GPU work of every task belongs to the task's own context."""
    return asyncio.Task(_steps(coroutine), loop=loop, **options)


def traced(function: Optional[Callable[..., Any]] = None, *, name: Optional[str] = None,
           domain: Optional[str] = None, attributes: Optional[Mapping[str, AttributeValue]] = None,
           is_kernel: bool = False) -> Any:
    """Decorator: every call is a span, or an execution of a kernel (is_kernel=True).

    For functions, coroutine functions and generators: @traced, or @traced(name="...").
    """
    if function is None:
        return functools.partial(traced, name=name, domain=domain, attributes=attributes,
                                 is_kernel=is_kernel)

    def begin() -> Span:
        return Span(name or function.__qualname__, domain, INTERNAL, attributes,
                    is_kernel=is_kernel)

    if inspect.iscoroutinefunction(function):
        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with begin():
                return await _Steps(function(*args, **kwargs))
        return call_async

    if inspect.isgeneratorfunction(function):
        @functools.wraps(function)
        def call_generator(*args: Any, **kwargs: Any) -> Any:
            with begin():
                return (yield from function(*args, **kwargs))
        return call_generator

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with begin():
            return function(*args, **kwargs)
    return call


# ---- Metrics ----

def _create(kind: int, name: str, unit: Optional[str] = None, help_text: Optional[str] = None,
            domain: Optional[str] = None, labels: Optional[Mapping[str, str]] = None,
            bounds: Sequence[float] = ()) -> int:
    if _api is None:
        return 0
    pairs = (_Label * len(labels or {}))(*((_bytes(key), _bytes(value))
                                           for key, value in (labels or {}).items()))
    limits = (ctypes.c_double * len(bounds))(*bounds)
    return _api.metric_create(kind, _MetricOptions(
        size=ctypes.sizeof(_MetricOptions), name=_bytes(name), unit=_optional(unit),
        help=_optional(help_text), domain=_optional(domain), label_count=len(pairs),
        labels=ctypes.cast(pairs, ctypes.POINTER(_Label)), bound_count=len(limits),
        bounds=ctypes.cast(limits, ctypes.POINTER(ctypes.c_double))))


def _record(number: int, what: int, value: float) -> None:
    if number:
        _api.metric_record(number, what, value)


class Counter:
    """Only ever goes up."""

    def __init__(self, name: str, unit: str = "", help: str = "",  # pylint: disable=redefined-builtin
                 labels: Optional[Mapping[str, str]] = None, domain: Optional[str] = None) -> None:
        """One series: labels belong to it, not to the sample; 4,096 series in a process."""
        self._number = _create(_COUNTER, name, unit, help, domain, labels)

    def add(self, value: float = 1) -> None:
        """Negative values are ignored."""
        if value >= 0:
            _record(self._number, _VALUE, value)


class Gauge:
    """Goes up and down."""

    def __init__(self, name: str, unit: str = "", help: str = "",  # pylint: disable=redefined-builtin
                 labels: Optional[Mapping[str, str]] = None, domain: Optional[str] = None) -> None:
        """As of Counter."""
        self._number = _create(_GAUGE, name, unit, help, domain, labels)

    def set(self, value: float) -> None:
        """Replace the value."""
        _record(self._number, _VALUE, value)

    def add(self, value: float) -> None:
        """Change the value; may be negative."""
        _record(self._number, _ADD, value)


class Histogram:
    """How values are spread."""

    def __init__(self, name: str, unit: str = "s", help: str = "",  # pylint: disable=redefined-builtin
                 labels: Optional[Mapping[str, str]] = None, domain: Optional[str] = None,
                 bounds: Sequence[float] = ()) -> None:
        """bounds: up to 32 rising upper bounds; none: 1-2-5 per decade from 1e-6 to 10."""
        self._number = _create(_HISTOGRAM, name, unit, help, domain, labels, bounds)

    def record(self, value: float) -> None:
        """One value, in the histogram's unit."""
        _record(self._number, _VALUE, value)

    @contextlib.contextmanager
    def time(self) -> Iterator[None]:
        """Record how long the block took, in seconds."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.record(time.perf_counter() - began)


class KernelMetrics:
    """What the program knows of a kernel: executions, memory, waiting work."""

    def __init__(self, kernel_id: str, domain: Optional[str] = None) -> None:
        self._execution, self._memory, self._queue = (
            _create(kind, kernel_id, domain=domain) for kind in (_EXECUTION, _MEMORY, _QUEUE))

    def record_execution(self, seconds: float, status: int = OK) -> None:
        """One execution took so long."""
        _record(self._execution, _FAILED if status == ERROR else _VALUE, seconds)

    def record_memory_allocated(self, size: int) -> None:
        """So many bytes more are in use."""
        _record(self._memory, _VALUE, size)

    def record_memory_freed(self, size: int) -> None:
        """So many bytes fewer are in use."""
        _record(self._memory, _VALUE, -size)

    def set_queue_depth(self, depth: int) -> None:
        """So many pieces of work wait."""
        _record(self._queue, _VALUE, depth)

    @contextlib.contextmanager
    def execution(self) -> Iterator[None]:
        """Record the block as one execution, failed if an exception leaves it."""
        began, status = time.perf_counter(), OK
        try:
            yield
        except Exception:
            status = ERROR
            raise
        finally:
            self.record_execution(time.perf_counter() - began, status)


# ---- Logs, breakers, SLOs ----

def log(level: str, message: str, domain: Optional[str] = None, **fields: AttributeValue) -> None:
    """A log line with the ids of the current context. level: a key of LEVELS."""
    number = LEVELS[level.lower()]
    if _api is None:
        return
    array = _attributes(fields)
    with _on_thread():
        _api.log_fields(number, _optional(domain), _bytes(message), array, len(array))


class LogHandler(logging.Handler):
    """Gives what Python's logging takes to the tracer: logging.getLogger().addHandler(...)."""

    def __init__(self, domain: Optional[str] = None, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._domain = domain

    def emit(self, record: logging.LogRecord) -> None:
        """Levels above INFO keep their name; the logger's name is a field."""
        level = ("error" if record.levelno >= logging.ERROR else
                 "warn" if record.levelno >= logging.WARNING else
                 "info" if record.levelno >= logging.INFO else
                 "debug" if record.levelno >= logging.DEBUG else "trace")
        try:
            log(level, self.format(record), self._domain, logger=record.name)
        except Exception:  # pylint: disable=broad-except
            self.handleError(record)


@contextlib.contextmanager
def _on_thread() -> Iterator[None]:
    """The thread is in the context of the task for a moment."""
    context = _parent()
    if context is None:
        yield
        return
    before = _Context()
    _api.context_attach(context._raw, before)
    try:
        yield
    finally:
        _api.context_attach(before, None)


def circuit_breaker_set(name: str, state: str) -> None:
    """Report a breaker of the program's own: "closed", "half-open" or "open"."""
    number = CIRCUITS[state]
    if _api is not None:
        _api.circuit_breaker_set(_bytes(name), number)


class SloResult(NamedTuple):
    """Of the target that is worst off."""

    verdict: str  # of VERDICTS
    targets: int
    target: str
    headroom: float
    budget_left: float


def slo_check(name: str) -> SloResult:
    """The newest verdict on an SLO of the configuration."""
    raw = _SloResult()
    if _api is not None:
        _api.slo_check(_bytes(name), raw)
    verdict = VERDICTS[raw.verdict] if raw.verdict < len(VERDICTS) else "no_data"
    return SloResult(verdict, raw.targets, raw.target.decode("utf-8", "replace"), raw.headroom,
                     raw.budget_left)


# ---- OpenTelemetry ----

def _headers_of(otel_span: Any, otel_context: Any = None) -> Optional[Dict[str, str]]:
    """What a request would carry that goes out under @otel_span."""
    there = otel_span.get_span_context()
    if not there.is_valid:
        return None
    headers = {"traceparent": f"00-{there.trace_id:032x}-{there.span_id:016x}-{int(there.trace_flags):02x}",
               "tracestate": there.trace_state.to_header() if there.trace_state else ""}
    baggage = sys.modules.get("opentelemetry.baggage")
    if baggage is not None:
        headers["baggage"] = ",".join(
            f"{urllib.parse.quote(str(key))}={urllib.parse.quote(str(value))}"
            for key, value in baggage.get_all(otel_context).items())
    return {name: value for name, value in headers.items() if value}


def _opentelemetry_context() -> Optional[Context]:
    """The active span of OpenTelemetry; None where there is none, or the package is not in use."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or _api is None:
        return None
    headers = _headers_of(trace.get_current_span())
    return extract(headers) if headers else None


@contextlib.contextmanager
def attach_current() -> Iterator[Context]:
    """GPU work inside becomes a child of the span of OpenTelemetry that is active now."""
    context = _opentelemetry_context()
    if context is None:
        yield current()
        return
    with attach(context):
        yield context


class SpanProcessor:
    """Attaches every span of OpenTelemetry's SDK that begins, on the thread where it begins.

    For spans that are begun as the current one (start_as_current_span). It is not derived from
    the SDK's class, so that this module does not need the package; the SDK only calls it.
    """

    def __init__(self) -> None:
        self._attachments: Dict[Any, _Attachment] = {}

    def on_start(self, span: Any, parent_context: Any = None) -> None:  # pylint: disable=redefined-outer-name
        """A span begins."""
        if _api is None:
            return
        headers = _headers_of(span, parent_context)
        if headers:
            there = span.get_span_context()
            self._attachments[there.trace_id, there.span_id] = _Attachment(extract(headers))

    def _on_ending(self, span: Any) -> None:  # pylint: disable=redefined-outer-name
        """Nothing to do before the end."""

    def on_end(self, span: Any) -> None:  # pylint: disable=redefined-outer-name
        """It ends, maybe on another thread."""
        there = span.get_span_context()
        attachment = self._attachments.pop((there.trace_id, there.span_id), None)
        if attachment is not None:
            attachment.leave()

    def shutdown(self) -> None:
        """What is still open stays with its threads."""
        self._attachments.clear()

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # pylint: disable=unused-argument
        """Nothing is kept back here."""
        return True
