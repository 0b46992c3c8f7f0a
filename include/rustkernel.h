/* SPDX-License-Identifier: Apache-2.0
 *
 * rustkernel.h - say what your program does to the tracer rkpreload.
 *
 * Header only, C11 or C++17 (gcc or clang), linked to nothing: the functions are found once by
 * dlsym(), which glibc 2.34 and later have in libc; older ones need -ldl. Where the tracer is
 * not preloaded each call returns at once (about a nanosecond), so nothing has to be compiled
 * out. Code that is linked statically has no tracer.
 *
 * Laws for all of it:
 *   Threads    every function from any thread at any time: in callbacks, destructors of
 *              thread-specific data, after main(). Not from signal handlers.
 *   Blocking   nothing waits: no lock, no I/O, and no allocation but at the first call of a
 *              thread and where *_create says so. The call that starts recording takes some
 *              milliseconds, once in a process. errno is preserved. Up to 32 KiB of stack.
 *   Errors     nothing fails in a way the program has to handle. What could not be recorded is
 *              counted in rustkernel_dropped_total. NULL and zero handles are valid everywhere
 *              and do nothing.
 *   Ownership  texts and arrays are copied before a call returns. Handles are plain values:
 *              copy them, drop them, there is nothing to free.
 *   Texts      UTF-8, ending in NUL; bytes that are none become '?'. One call passes on 8 KiB,
 *              the rest is cut. NULL is as good as "".
 *   fork()     in the child of a process that records, nothing is recorded; contexts go on.
 *
 * Spans, samples, logs and breaker states start recording if nothing did so far. Creating
 * instruments and handling contexts does not.
 */
#ifndef RUSTKERNEL_H
#define RUSTKERNEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUSTKERNEL_VERSION_MAJOR 0
#define RUSTKERNEL_VERSION_MINOR 1
#define RUSTKERNEL_VERSION_PATCH 0
#define RUSTKERNEL_API_VERSION	 1 /* of struct rk_api_v1; entries are only ever appended */

/* ---- Types ---- */

/* The role of a span, as OpenTelemetry numbers it. */
enum rk_kind {
	RK_KIND_INTERNAL = 1,
	RK_KIND_SERVER = 2,
	RK_KIND_CLIENT = 3,
	RK_KIND_PRODUCER = 4,
	RK_KIND_CONSUMER = 5
};

/* How an operation ended. Of an execution everything but RK_STATUS_ERROR counts as "ok". */
enum rk_status { RK_STATUS_UNSET = 0, RK_STATUS_OK = 1, RK_STATUS_ERROR = 2 };

enum rk_level {
	RK_LEVEL_ERROR = 0,
	RK_LEVEL_WARN = 1,
	RK_LEVEL_INFO = 2,
	RK_LEVEL_DEBUG = 3,
	RK_LEVEL_TRACE = 4
};

enum rk_circuit { RK_CIRCUIT_CLOSED = 0, RK_CIRCUIT_HALF_OPEN = 1, RK_CIRCUIT_OPEN = 2 };

enum rk_verdict {
	RK_VERDICT_NO_DATA = 0, /* no such SLO, no traffic yet, or nothing records */
	RK_VERDICT_MET = 1,
	RK_VERDICT_AT_RISK = 2, /* less than 10 % from its target */
	RK_VERDICT_VIOLATED = 3
};

enum rk_attribute_type {
	RK_ATTRIBUTE_TEXT = 's',
	RK_ATTRIBUTE_INTEGER = 'i',
	RK_ATTRIBUTE_NUMBER = 'd',
	RK_ATTRIBUTE_BOOL = 'b'
};

/* A pair for spans, events, links and log lines; rk_text() and its sisters make one. */
struct rk_attribute {
	const char *key; /* without it the pair is ignored */
	uint32_t type;	 /* enum rk_attribute_type; any other is ignored */
	uint32_t reserved;
	union {
		const char *text;
		int64_t integer;
		double number;
		bool flag;
	} value;
};

/*
 * Where in which trace something happens. All zero: nowhere, what begins there begins a trace.
 * The ids are for reading. Trace state and baggage lie in the tracer, which keeps the last
 * 1,024 different ones that were in use: a context that is older still has its ids.
 */
struct rk_context {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint64_t number; /* of a span of this process; the tracer's own */
	uint64_t texts;	 /* the tracer's own */
	uint8_t trace_flags; /* W3C: 1 = sampled, 2 = the trace id is random */
	uint8_t flags;	     /* enum rk_context_flag */
	uint8_t reserved[6];
};

enum rk_context_flag {
	RK_CONTEXT_REMOTE = 1, /* of another process */
	RK_CONTEXT_SPAN = 2    /* a span of this program: GPU work becomes its child */
};

/* A span under way; the program's, on its stack or anywhere. Only the tracer reads it. */
struct rk_span {
	struct rk_context context;  /* number 0: not recorded */
	struct rk_context previous; /* current before it, on its thread */
	uint32_t thread;	    /* on which it was made current; 0 = none */
	uint32_t status;	    /* enum rk_status */
	char message[128];
	uint64_t reserved[3];
};

enum rk_span_flag {
	RK_SPAN_FLAG_KERNEL = 1,  /* an execution: its name is kernel:<name> */
	RK_SPAN_FLAG_DETACHED = 2 /* does not become the current context */
};

struct rk_span_options {
	size_t size; /* sizeof(struct rk_span_options) */
	const char *name;
	const char *domain;
	const struct rk_context *parent; /* NULL: the current context; a zero one: new trace */
	const struct rk_attribute *attributes;
	size_t attribute_count;
	uint32_t kind;	/* enum rk_kind; 0 = internal */
	uint32_t flags; /* enum rk_span_flag */
};

struct rk_label {
	const char *key, *value;
};

/* One series: a name and the values of its labels. */
struct rk_metric_options {
	size_t size;	  /* sizeof(struct rk_metric_options) */
	const char *name; /* [A-Za-z_][A-Za-z0-9_.:/-]*, 255 at most; rustkernel_ is taken */
	const char *unit; /* UCUM: "s", "By", "1", "{request}" */
	const char *help;
	const char *domain;
	const struct rk_label *labels; /* 16 at most, 1 KiB in all */
	size_t label_count;
	const double *bounds; /* of a histogram: rising upper bounds, 32 at most */
	size_t bound_count;   /* 0: 1-2-5 per decade from 1e-6 to 10 */
};

struct rk_counter {
	uint32_t number; /* 0 = none */
};
struct rk_gauge {
	uint32_t number;
};
struct rk_histogram {
	uint32_t number;
};
struct rk_kernel_metrics {
	uint32_t execution, memory, queue;
};

struct rk_slo_result {
	uint32_t verdict;   /* enum rk_verdict: of the worst target */
	uint32_t targets;   /* that have a verdict */
	char target[64];    /* the worst one: latency_p99, availability... */
	double headroom;    /* share of it that is left; negative: exceeded */
	double budget_left; /* share of the error budget; 1 = untouched, may be negative */
};

enum rk_header { RK_HEADER_TRACEPARENT = 0, RK_HEADER_TRACESTATE = 1, RK_HEADER_BAGGAGE = 2 };

#define RK_TRACEPARENT_BYTES  56   /* with its end */
#define RK_HEADER_BYTES	      8193 /* of the longest header, with its end */
#define RK_ENVIRONMENT_BYTES  8832 /* of all three as strings of an environment */
#define RK_ENVIRONMENT_COUNT  4	   /* of those strings, with the NULL behind them */

/* What a table holds; what is called is below. A pointer beyond size is not there. */
struct rk_api_v1 {
	size_t size;
	uint32_t version;
	uint32_t reserved;
	int (*is_active)(void);
	uint32_t (*metric_create)(uint32_t type, const struct rk_metric_options *options);
	void (*metric_record)(uint32_t number, uint32_t what, double value);
	void (*span_begin)(struct rk_span *span, const struct rk_span_options *options);
	void (*span_end)(struct rk_span *span);
	void (*span_set_attributes)(const struct rk_span *span,
				    const struct rk_attribute *attributes, size_t count);
	void (*span_add_event)(const struct rk_span *span, const char *name,
			       const struct rk_attribute *attributes, size_t count);
	void (*span_add_link)(const struct rk_span *span, const struct rk_context *to,
			      const struct rk_attribute *attributes, size_t count);
	void (*span_set_status)(struct rk_span *span, uint32_t status, const char *message);
	void (*span_context)(const struct rk_span *span, struct rk_context *out);
	void (*context_current)(struct rk_context *out);
	void (*context_capture)(struct rk_context *out);
	void (*context_attach)(const struct rk_context *context, struct rk_context *previous);
	void (*context_extract)(const char *traceparent, const char *tracestate,
				const char *baggage, struct rk_context *out);
	void (*context_from_environment)(struct rk_context *out);
	size_t (*context_header)(const struct rk_context *context, uint32_t header, char *out,
				 size_t size);
	size_t (*baggage_get)(const struct rk_context *context, const char *key, char *out,
			      size_t size);
	int (*baggage_set)(struct rk_context *context, const char *key, const char *value);
	void (*log)(uint32_t level, const char *domain, const char *format, va_list arguments);
	void (*log_fields)(uint32_t level, const char *domain, const char *message,
			   const struct rk_attribute *fields, size_t count);
	void (*circuit_breaker_set)(const char *name, uint32_t state);
	uint32_t (*slo_check)(const char *name, struct rk_slo_result *out);
};

/* rk_api_v1.metric_create's type and metric_record's what. */
enum {
	RK_METRIC_COUNTER = 0,
	RK_METRIC_GAUGE = 1,
	RK_METRIC_HISTOGRAM = 2,
	RK_METRIC_EXECUTION = 3, /* of the kernel that name names; samples are seconds */
	RK_METRIC_MEMORY = 4,
	RK_METRIC_QUEUE = 5,
	RK_RECORD_VALUE = 0, /* counter: add; gauge: set; histogram: observe */
	RK_RECORD_ADD = 1,   /* gauge: add */
	RK_RECORD_ERROR = 2  /* execution: failed */
};

#ifndef RUSTKERNEL_TYPES_ONLY

#include <dlfcn.h>
#include <string.h>
#include <time.h>

/* ---- The table ---- */

#ifdef __cplusplus
#define RK_INTERNAL_ZERO                                                                           \
	{                                                                                          \
	}
#else
#define RK_INTERNAL_ZERO                                                                           \
	{                                                                                          \
		0                                                                                  \
	}
#endif
#define RK_INTERNAL_COLD __attribute__((cold, noinline, unused)) static

/* Each translation unit looks once. The second is what is found where there is no tracer. */
__attribute__((unused)) static const struct rk_api_v1 *rk_internal_table;
__attribute__((unused)) static const struct rk_api_v1 rk_internal_none = RK_INTERNAL_ZERO;

RK_INTERNAL_COLD const struct rk_api_v1 *rk_internal_find(void)
{
	/* NULL is RTLD_DEFAULT, which strict modes of the compiler do not declare. */
	const struct rk_api_v1 *found = (const struct rk_api_v1 *)dlsym(NULL, "rk_api_v1");

	if (!found) {
		dlerror(); /* ours, not the program's */
		found = &rk_internal_none;
	}
	/* Pairs with the acquire below. Whoever looks at the same time finds the same. */
	__atomic_store_n(&rk_internal_table, found, __ATOMIC_RELEASE);
	return found;
}

static inline const struct rk_api_v1 *rk_internal_get(void)
{
	const struct rk_api_v1 *table = __atomic_load_n(&rk_internal_table, __ATOMIC_ACQUIRE);

	return __builtin_expect(table != NULL, 1) ? table : rk_internal_find();
}

/* Whether the tracer, which may be older than this file, has an entry. */
#define RK_INTERNAL_HAS(table, entry)                                                              \
	__builtin_expect(                                                                          \
		offsetof(struct rk_api_v1, entry) + sizeof((table)->entry) <= (table)->size, 0)

/* Calls @entry where it is there. */
#define RK_INTERNAL_CALL(entry, ...)                                                               \
	do {                                                                                       \
		const struct rk_api_v1 *rk_internal_api = rk_internal_get();                       \
                                                                                                   \
		if (RK_INTERNAL_HAS(rk_internal_api, entry))                                       \
			rk_internal_api->entry(__VA_ARGS__);                                       \
	} while (0)

/**
 * Whether this process is being recorded right now. Starts nothing.
 *
 * Use it to leave out work that only serves the other calls. A false may become true later.
 */
static inline bool rk_is_active(void)
{
	const struct rk_api_v1 *table = rk_internal_get();

	return RK_INTERNAL_HAS(table, is_active) && table->is_active() != 0;
}

/* ---- Attributes ---- */

/**
 * A pair. @key and @value are borrowed until the call that gets the pair has returned.
 */
static inline struct rk_attribute rk_text(const char *key, const char *value)
{
	struct rk_attribute made;

	made.key = key;
	made.type = RK_ATTRIBUTE_TEXT;
	made.reserved = 0;
	made.value.text = value;
	return made;
}

static inline struct rk_attribute rk_integer(const char *key, int64_t value)
{
	struct rk_attribute made;

	made.key = key;
	made.type = RK_ATTRIBUTE_INTEGER;
	made.reserved = 0;
	made.value.integer = value;
	return made;
}

static inline struct rk_attribute rk_number(const char *key, double value)
{
	struct rk_attribute made;

	made.key = key;
	made.type = RK_ATTRIBUTE_NUMBER;
	made.reserved = 0;
	made.value.number = value;
	return made;
}

static inline struct rk_attribute rk_bool(const char *key, bool value)
{
	struct rk_attribute made;

	made.key = key;
	made.type = RK_ATTRIBUTE_BOOL;
	made.reserved = 0;
	made.value.flag = value;
	return made;
}

/* ---- Metrics ---- */

/* Fill it and pass it to rk_counter_create_with() and its sisters. */
#define RK_METRIC_OPTIONS_INIT                                                                     \
	{                                                                                          \
		sizeof(struct rk_metric_options), NULL, NULL, NULL, NULL, NULL, 0, NULL, 0         \
	}

static inline uint32_t rk_internal_create(uint32_t type, const struct rk_metric_options *options)
{
	const struct rk_api_v1 *table = rk_internal_get();

	return RK_INTERNAL_HAS(table, metric_create) ? table->metric_create(type, options) : 0;
}

static inline uint32_t rk_internal_create_named(uint32_t type, const char *name, const char *unit,
						const char *help)
{
	struct rk_metric_options options = RK_METRIC_OPTIONS_INIT;

	options.name = name;
	options.unit = unit;
	options.help = help;
	return rk_internal_create(type, &options);
}

static inline uint32_t rk_internal_create_kernel(uint32_t type, const char *id, const char *domain)
{
	struct rk_metric_options options = RK_METRIC_OPTIONS_INIT;

	options.name = id;
	options.domain = domain;
	return rk_internal_create(type, &options);
}

static inline void rk_internal_record(uint32_t number, uint32_t what, double value)
{
	if (number)
		RK_INTERNAL_CALL(metric_record, number, what, value);
}

/**
 * What the program knows of a kernel: executions, memory, waiting work. Allocates.
 *
 * @kernel_id: as in the metrics' label kernel_id. @domain: NULL = unknown.
 * Return: the same handle for the same names; a zero one where nothing can be recorded, the
 *         name is empty, or the process has 4,096 series.
 */
static inline struct rk_kernel_metrics rk_kernel_metrics_create(const char *kernel_id,
								const char *domain)
{
	struct rk_kernel_metrics made;

	made.execution = rk_internal_create_kernel(RK_METRIC_EXECUTION, kernel_id, domain);
	made.memory = rk_internal_create_kernel(RK_METRIC_MEMORY, kernel_id, domain);
	made.queue = rk_internal_create_kernel(RK_METRIC_QUEUE, kernel_id, domain);
	return made;
}

/**
 * One execution took @duration_ns: rustkernel_executions_total and
 * rustkernel_execution_duration_seconds with source="api".
 */
static inline void rk_kernel_metrics_record_execution(struct rk_kernel_metrics metrics,
						      uint64_t duration_ns, enum rk_status status)
{
	rk_internal_record(metrics.execution,
			   status == RK_STATUS_ERROR ? RK_RECORD_ERROR : RK_RECORD_VALUE,
			   (double)duration_ns * 1e-9);
}

/**
 * @bytes more, or fewer, are in use: rustkernel_memory_bytes with pool="user".
 */
static inline void rk_kernel_metrics_record_memory_allocated(struct rk_kernel_metrics metrics,
							     uint64_t bytes)
{
	rk_internal_record(metrics.memory, RK_RECORD_VALUE, (double)bytes);
}

static inline void rk_kernel_metrics_record_memory_freed(struct rk_kernel_metrics metrics,
							 uint64_t bytes)
{
	rk_internal_record(metrics.memory, RK_RECORD_VALUE, -(double)bytes);
}

/**
 * @depth pieces of work wait for this kernel: rustkernel_queue_depth.
 */
static inline void rk_kernel_metrics_set_queue_depth(struct rk_kernel_metrics metrics,
						     uint64_t depth)
{
	rk_internal_record(metrics.queue, RK_RECORD_VALUE, (double)depth);
}

/**
 * A counter, gauge or histogram of the program. Allocates; a second call with the same name
 * and labels gives the same one.
 *
 * Labels belong to the series, not to the sample: so their number is bounded, by 4,096 in a
 * process. Create series ahead, and never from what a user typed in.
 *
 * @name: see struct rk_metric_options. @unit: in which values are. @help: one sentence.
 * Return: a zero handle where nothing can be recorded, or for a name, label or bound that is
 *         not allowed.
 */
static inline struct rk_counter rk_counter_create(const char *name, const char *unit,
						  const char *help)
{
	struct rk_counter made;

	made.number = rk_internal_create_named(RK_METRIC_COUNTER, name, unit, help);
	return made;
}

static inline struct rk_counter rk_counter_create_with(const struct rk_metric_options *options)
{
	struct rk_counter made;

	made.number = rk_internal_create(RK_METRIC_COUNTER, options);
	return made;
}

static inline struct rk_gauge rk_gauge_create(const char *name, const char *unit, const char *help)
{
	struct rk_gauge made;

	made.number = rk_internal_create_named(RK_METRIC_GAUGE, name, unit, help);
	return made;
}

static inline struct rk_gauge rk_gauge_create_with(const struct rk_metric_options *options)
{
	struct rk_gauge made;

	made.number = rk_internal_create(RK_METRIC_GAUGE, options);
	return made;
}

static inline struct rk_histogram rk_histogram_create(const char *name, const char *unit,
						      const char *help)
{
	struct rk_histogram made;

	made.number = rk_internal_create_named(RK_METRIC_HISTOGRAM, name, unit, help);
	return made;
}

static inline struct rk_histogram rk_histogram_create_with(const struct rk_metric_options *options)
{
	struct rk_histogram made;

	made.number = rk_internal_create(RK_METRIC_HISTOGRAM, options);
	return made;
}

/**
 * Add @value to a counter; negative ones and NaN are ignored.
 */
static inline void rk_counter_add(struct rk_counter counter, double value)
{
	if (value >= 0)
		rk_internal_record(counter.number, RK_RECORD_VALUE, value);
}

/**
 * Set a gauge / add to it, which may be negative.
 */
static inline void rk_gauge_set(struct rk_gauge gauge, double value)
{
	rk_internal_record(gauge.number, RK_RECORD_VALUE, value);
}

static inline void rk_gauge_add(struct rk_gauge gauge, double value)
{
	rk_internal_record(gauge.number, RK_RECORD_ADD, value);
}

/**
 * Observe @value, in the histogram's unit.
 */
static inline void rk_histogram_record(struct rk_histogram histogram, double value)
{
	rk_internal_record(histogram.number, RK_RECORD_VALUE, value);
}

/* ---- Spans ---- */

/* Ends, attributes and the like do nothing with it. */
#define RK_SPAN_INIT RK_INTERNAL_ZERO

/* Fill it and pass it to rk_span_begin_with(). */
#define RK_SPAN_OPTIONS_INIT                                                                       \
	{                                                                                          \
		sizeof(struct rk_span_options), NULL, NULL, NULL, NULL, 0, 0, 0                    \
	}

/**
 * Begin a span and make it the current context of the calling thread.
 *
 * GPU work that the thread submits until the end becomes a child of it, whenever it runs. A
 * span that begins without a current context is the root of a new trace, or a child of the
 * TRACEPARENT the process was started with; sampling is decided then.
 *
 * @span: out; the program's. Nothing has to be in it. It may be moved or copied, but is ended
 *        once. One that was never ended is reported as unfinished.
 */
static inline void rk_span_begin_with(struct rk_span *span, const struct rk_span_options *options)
{
	const struct rk_api_v1 *table = rk_internal_get();

	if (RK_INTERNAL_HAS(table, span_begin))
		table->span_begin(span, options);
	else if (span)
		span->context.number = 0;
}

RK_INTERNAL_COLD void rk_internal_begin(struct rk_span *span, const char *name, const char *domain,
					uint32_t flags)
{
	struct rk_span_options options = RK_SPAN_OPTIONS_INIT;

	options.name = name;
	options.domain = domain;
	options.flags = flags;
	rk_span_begin_with(span, &options);
}

static inline void rk_span_begin(struct rk_span *span, const char *name)
{
	const struct rk_api_v1 *table = rk_internal_get();

	if (RK_INTERNAL_HAS(table, span_begin))
		rk_internal_begin(span, name, NULL, 0);
	else if (span)
		span->context.number = 0;
}

/**
 * Begin an execution of a kernel: the span kernel:<kernel_id>.
 *
 * @domain: NULL = unknown.
 */
static inline void rk_kernel_span_begin(struct rk_span *span, const char *kernel_id,
					const char *domain)
{
	const struct rk_api_v1 *table = rk_internal_get();

	if (RK_INTERNAL_HAS(table, span_begin))
		rk_internal_begin(span, kernel_id, domain, RK_SPAN_FLAG_KERNEL);
	else if (span)
		span->context.number = 0;
}

/**
 * Begin a stage of the execution under way: validate, prepare_input, gpu_execute,
 * collect_output, or another one.
 */
static inline void rk_stage_begin(struct rk_span *span, const char *name)
{
	rk_span_begin(span, name);
}

/**
 * End a span, on any thread. On the thread that began it the context before it is current
 * again, unless the thread went on in another one meanwhile. *span is zero afterwards.
 *
 * A span that ends on another thread than it began on is better begun with
 * RK_SPAN_FLAG_DETACHED: nobody else can change its thread's context.
 */
static inline void rk_span_end(struct rk_span *span)
{
	if (span && span->context.number)
		RK_INTERNAL_CALL(span_end, span);
}

/**
 * Set attributes; of several with one key the last counts. From any thread, also once the span
 * was ended by way of a copy. What exceeds tracing.limits.* is counted as dropped.
 */
static inline void rk_span_set_attributes(const struct rk_span *span,
					  const struct rk_attribute *attributes, size_t count)
{
	if (span && span->context.number)
		RK_INTERNAL_CALL(span_set_attributes, span, attributes, count);
}

static inline void rk_span_set_text(const struct rk_span *span, const char *key, const char *value)
{
	struct rk_attribute one = rk_text(key, value);

	rk_span_set_attributes(span, &one, 1);
}

static inline void rk_span_set_integer(const struct rk_span *span, const char *key, int64_t value)
{
	struct rk_attribute one = rk_integer(key, value);

	rk_span_set_attributes(span, &one, 1);
}

static inline void rk_span_set_number(const struct rk_span *span, const char *key, double value)
{
	struct rk_attribute one = rk_number(key, value);

	rk_span_set_attributes(span, &one, 1);
}

static inline void rk_span_set_bool(const struct rk_span *span, const char *key, bool value)
{
	struct rk_attribute one = rk_bool(key, value);

	rk_span_set_attributes(span, &one, 1);
}

/**
 * Something happened during the span, just now.
 *
 * @attributes: may be NULL with @count 0.
 */
static inline void rk_span_add_event(const struct rk_span *span, const char *name,
				     const struct rk_attribute *attributes, size_t count)
{
	if (span && span->context.number)
		RK_INTERNAL_CALL(span_add_event, span, name, attributes, count);
}

/**
 * Point to another span: that of the message which is being handled, for one.
 */
static inline void rk_span_add_link(const struct rk_span *span, const struct rk_context *to,
				    const struct rk_attribute *attributes, size_t count)
{
	if (span && span->context.number)
		RK_INTERNAL_CALL(span_add_link, span, to, attributes, count);
}

/**
 * How it ended; sent with the end, the last call counts.
 *
 * @message: why, for RK_STATUS_ERROR; 127 bytes are kept.
 * Threads: not while another thread uses the same *span.
 */
static inline void rk_span_set_status(struct rk_span *span, enum rk_status status,
				      const char *message)
{
	if (span && span->context.number)
		RK_INTERNAL_CALL(span_set_status, span, (uint32_t)status, message);
}

/* ---- Context ---- */

/**
 * The context the calling thread is in; a zero one where there is none.
 */
static inline struct rk_context rk_context_current(void)
{
	struct rk_context out = RK_INTERNAL_ZERO;

	RK_INTERNAL_CALL(context_current, &out);
	return out;
}

/**
 * The current context, to be continued elsewhere: in a message, a queue, a callback.
 *
 * What is attached from it there belongs to the same trace, but is an execution of its own:
 * its GPU work gets a span kernel:<id>. To submit work for one and the same stage from several
 * threads, attach rk_span_context() instead.
 */
static inline struct rk_context rk_context_capture(void)
{
	struct rk_context out = RK_INTERNAL_ZERO;

	RK_INTERNAL_CALL(context_capture, &out);
	return out;
}

/**
 * The context of @span; of one that is not recorded, the current one.
 */
static inline struct rk_context rk_span_context(const struct rk_span *span)
{
	struct rk_context out = RK_INTERNAL_ZERO;

	RK_INTERNAL_CALL(span_context, span, &out);
	return out;
}

/**
 * Go on in @context on the calling thread. NULL and a zero context: in none.
 *
 * Return: the context before it, for rk_context_detach().
 */
static inline struct rk_context rk_context_attach(const struct rk_context *context)
{
	struct rk_context previous = RK_INTERNAL_ZERO;

	RK_INTERNAL_CALL(context_attach, context, &previous);
	return previous;
}

/**
 * Go back to what rk_context_attach() returned, on the same thread.
 */
static inline void rk_context_detach(const struct rk_context *previous)
{
	RK_INTERNAL_CALL(context_attach, previous, NULL);
}

static inline void rk_internal_leave(struct rk_context *previous)
{
	rk_context_detach(previous);
}

/**
 * Call @function with @argument in @context; the context before is current again afterwards,
 * also when a C++ exception leaves it. Without a tracer it is only called.
 *
 * Return: what @function returns.
 */
static inline void *rk_execute_with_context(const struct rk_context *context,
					    void *(*function)(void *), void *argument)
{
	__attribute__((cleanup(rk_internal_leave), unused)) struct rk_context previous =
		rk_context_attach(context);

	return function(argument);
}

/**
 * The context that came with a request as W3C headers.
 *
 * @traceparent: NULL or invalid: a context with baggage alone. @tracestate, @baggage: may be
 *               NULL; what is invalid in them is left out.
 */
static inline struct rk_context rk_context_extract(const char *traceparent, const char *tracestate,
						   const char *baggage)
{
	struct rk_context out = RK_INTERNAL_ZERO;

	RK_INTERNAL_CALL(context_extract, traceparent, tracestate, baggage, &out);
	return out;
}

/**
 * The context in TRACEPARENT, TRACESTATE and BAGGAGE with which the process was started.
 * tracing.propagators does not matter here: the program asks itself.
 */
static inline struct rk_context rk_context_from_environment(void)
{
	struct rk_context out = RK_INTERNAL_ZERO;

	RK_INTERNAL_CALL(context_from_environment, &out);
	return out;
}

/**
 * One header of a request that goes out in @context.
 *
 * @context: NULL = the current one. @out: RK_TRACEPARENT_BYTES or RK_HEADER_BYTES are enough;
 *           "" where there is nothing to say or it does not fit whole.
 * Return: its length; 0 = do not send it.
 */
static inline size_t rk_context_header(const struct rk_context *context, enum rk_header header,
				       char *out, size_t size)
{
	const struct rk_api_v1 *table = rk_internal_get();

	if (RK_INTERNAL_HAS(table, context_header))
		return table->context_header(context, (uint32_t)header, out, size);
	if (out && size)
		*out = '\0';
	return 0;
}

static inline const char *rk_internal_header_name(int header, bool is_variable)
{
	static const char *const names[2][3] = { { "traceparent", "tracestate", "baggage" },
						 { "TRACEPARENT", "TRACESTATE", "BAGGAGE" } };

	return names[is_variable][header];
}

/* Both are called with the names traceparent, tracestate, baggage. */
typedef void (*rk_carrier_set_fn)(void *carrier, const char *name, const char *value);
typedef const char *(*rk_carrier_get_fn)(void *carrier, const char *name);

RK_INTERNAL_COLD void rk_internal_inject(const struct rk_context *context, rk_carrier_set_fn set,
					 void *carrier)
{
	char value[RK_HEADER_BYTES];

	for (int i = RK_HEADER_TRACEPARENT; i <= RK_HEADER_BAGGAGE; i++) {
		if (rk_context_header(context, (enum rk_header)i, value, sizeof(value)))
			set(carrier, rk_internal_header_name(i, false), value);
	}
}

/**
 * Give @set every header of @context (NULL: the current one) that there is.
 *
 * @set: gets @carrier; the texts are borrowed until it returns.
 */
static inline void rk_context_inject(const struct rk_context *context, rk_carrier_set_fn set,
				     void *carrier)
{
	const struct rk_api_v1 *table = rk_internal_get();

	if (set && RK_INTERNAL_HAS(table, context_header))
		rk_internal_inject(context, set, carrier);
}

/**
 * As rk_context_extract(), of what @get answers.
 *
 * @get: gets @carrier; returns NULL for a header that is not there. What it returned must stay
 *       as it is until this function returns.
 */
static inline struct rk_context rk_context_extract_from(rk_carrier_get_fn get, void *carrier)
{
	const struct rk_api_v1 *table = rk_internal_get();
	struct rk_context out = RK_INTERNAL_ZERO;

	if (get && RK_INTERNAL_HAS(table, context_extract))
		table->context_extract(get(carrier, "traceparent"), get(carrier, "tracestate"),
				       get(carrier, "baggage"), &out);
	return out;
}

RK_INTERNAL_COLD size_t rk_internal_write_environment(const struct rk_context *context,
						      char *buffer, size_t size, char **strings)
{
	size_t count = 0, used = 0;

	for (int i = RK_HEADER_TRACEPARENT; i <= RK_HEADER_BAGGAGE; i++) {
		const char *name = rk_internal_header_name(i, true);
		size_t prefix = strlen(name) + 1, length;

		if (size - used <= prefix)
			continue;
		length = rk_context_header(context, (enum rk_header)i, buffer + used + prefix,
					   size - used - prefix);
		if (!length)
			continue;
		memcpy(buffer + used, name, prefix - 1);
		buffer[used + prefix - 1] = '=';
		strings[count++] = buffer + used;
		used += prefix + length + 1;
	}
	return count;
}

/**
 * Strings "TRACEPARENT=...", "TRACESTATE=...", "BAGGAGE=..." for the environment of a process
 * that is about to be started: append them to the envp of posix_spawn() or execve(), in place
 * of older ones. The environment of this process is not touched.
 *
 * @context: NULL = the current one. @buffer: RK_ENVIRONMENT_BYTES are enough; holds the texts.
 * @strings: out; behind the last one there is a NULL.
 * Return: number of strings, 0 to 3. A string that does not fit is left out.
 */
static inline size_t rk_context_to_environment(const struct rk_context *context, char *buffer,
					       size_t size, char *strings[RK_ENVIRONMENT_COUNT])
{
	const struct rk_api_v1 *table = rk_internal_get();
	size_t count = 0;

	if (!strings)
		return 0;
	if (buffer && RK_INTERNAL_HAS(table, context_header))
		count = rk_internal_write_environment(context, buffer, size, strings);
	strings[count] = NULL;
	return count;
}

/**
 * The value of a baggage entry, decoded.
 *
 * @context: NULL = the current one. @out: "" where there is none or it does not fit.
 * Return: its length; 0 also for an empty one.
 */
static inline size_t rk_baggage_get(const struct rk_context *context, const char *key, char *out,
				    size_t size)
{
	const struct rk_api_v1 *table = rk_internal_get();

	if (RK_INTERNAL_HAS(table, baggage_get))
		return table->baggage_get(context, key, out, size);
	if (out && size)
		*out = '\0';
	return 0;
}

/**
 * Set an entry in *@context, which is then to be attached or injected: others that were made
 * from it keep what they had.
 *
 * @key: a token of HTTP. @value: any UTF-8; it is encoded.
 * Return: false for a key that is none, and where the baggage would exceed 64 entries or 8 KiB.
 */
static inline bool rk_baggage_set(struct rk_context *context, const char *key, const char *value)
{
	const struct rk_api_v1 *table = rk_internal_get();

	return RK_INTERNAL_HAS(table, baggage_set) &&
	       table->baggage_set(context, key, value ? value : "") != 0;
}

/**
 * Take an entry out of *@context.
 *
 * Return: whether it was there.
 */
static inline bool rk_baggage_remove(struct rk_context *context, const char *key)
{
	const struct rk_api_v1 *table = rk_internal_get();

	return RK_INTERNAL_HAS(table, baggage_set) && table->baggage_set(context, key, NULL) != 0;
}

/* ---- Logs ---- */

/**
 * A log line, with the current context's ids and baggage. Levels and rate limits of logging.*
 * decide whether it is written.
 *
 * @domain: chooses the level of logging.per_domain_levels; NULL = none.
 * @format: as printf() has it; 4 KiB of the line are kept.
 */
__attribute__((format(printf, 3, 4))) static inline void rk_log(enum rk_level level,
								const char *domain,
								const char *format, ...)
{
	const struct rk_api_v1 *table = rk_internal_get();
	va_list arguments;

	if (!RK_INTERNAL_HAS(table, log))
		return;
	va_start(arguments, format);
	table->log((uint32_t)level, domain, format, arguments);
	va_end(arguments);
}

/**
 * A log line with fields, which become keys of their own.
 *
 * @fields: may be NULL with @count 0.
 */
static inline void rk_log_fields(enum rk_level level, const char *domain, const char *message,
				 const struct rk_attribute *fields, size_t count)
{
	RK_INTERNAL_CALL(log_fields, (uint32_t)level, domain, message, fields, count);
}

/* ---- Circuit breakers ---- */

/**
 * Report the state of a breaker of the program's own: rustkernel_circuit_breaker_state. Not
 * for hot loops: the name is looked up. Allocates for a name it has not seen.
 */
static inline void rk_circuit_breaker_set(const char *name, enum rk_circuit state)
{
	RK_INTERNAL_CALL(circuit_breaker_set, name, (uint32_t)state);
}

/*
 * A breaker for the program's use. It is the same with and without a tracer, which only gets
 * to know of its state.
 *
 *            failure_threshold in a row           cool-down over
 *   CLOSED ------------------------------> OPEN ------------------> HALF_OPEN
 *     ^                                      ^                         |   |
 *     |      success_threshold in a row      |       one failure       |   |
 *     +--------------------------------------|-------------------------+   |
 *                                            +-----------------------------+
 *
 * While half-open every attempt is let through.
 */
struct rk_circuit_breaker {
	const char *name; /* borrowed as long as the breaker is used; NULL: reported nowhere */
	uint32_t failure_threshold, success_threshold; /* 1 to 16,383 */
	uint64_t cool_down_ms;
	uint64_t word; /* state, count in a row, when it opened; 0 = closed */
};

#define RK_CIRCUIT_BREAKER_INIT(name)                                                              \
	{                                                                                          \
		(name), 5, 2, 30000, 0                                                             \
	}

#define RK_INTERNAL_COUNT_MAX 0x3fffu

/* What <time.h> does not declare in strict modes. Context: any. */
extern int rk_internal_clock(int clock, struct timespec *out) __asm__("clock_gettime");

static inline uint64_t rk_internal_now_ms(void)
{
	struct timespec now = { 0, 0 };

	rk_internal_clock(1, &now); /* CLOCK_MONOTONIC */
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

static inline uint64_t rk_internal_breaker_word(enum rk_circuit state, uint32_t count,
						uint64_t opened_ms)
{
	return (uint64_t)state | (uint64_t)count << 2 | opened_ms << 16;
}

static inline enum rk_circuit rk_internal_breaker_state(uint64_t word)
{
	return (enum rk_circuit)(word & 3);
}

/* The word after an attempt ended. */
static inline uint64_t rk_internal_breaker_next(const struct rk_circuit_breaker *breaker,
						uint64_t word, bool success, uint64_t now_ms)
{
	enum rk_circuit state = rk_internal_breaker_state(word);
	uint32_t count = ((uint32_t)(word >> 2) & RK_INTERNAL_COUNT_MAX) + 1;
	uint32_t least = success ? breaker->success_threshold : breaker->failure_threshold;
	bool is_enough = count >= least || count >= RK_INTERNAL_COUNT_MAX;

	if (state == RK_CIRCUIT_OPEN)
		return word; /* it began before that: nothing new */
	if (success) {
		if (state == RK_CIRCUIT_CLOSED || is_enough)
			return rk_internal_breaker_word(RK_CIRCUIT_CLOSED, 0, 0);
	} else if (state == RK_CIRCUIT_HALF_OPEN || is_enough) {
		return rk_internal_breaker_word(RK_CIRCUIT_OPEN, 0, now_ms);
	}
	return rk_internal_breaker_word(state, count, 0);
}

/* Tell until what was told is what is: another thread may change it at the same time. */
RK_INTERNAL_COLD void rk_internal_breaker_tell(const struct rk_circuit_breaker *breaker)
{
	enum rk_circuit told;

	do {
		told = rk_internal_breaker_state(__atomic_load_n(&breaker->word, __ATOMIC_SEQ_CST));
		rk_circuit_breaker_set(breaker->name, told);
	} while (told !=
		 rk_internal_breaker_state(__atomic_load_n(&breaker->word, __ATOMIC_SEQ_CST)));
}

static inline bool rk_internal_breaker_allows(struct rk_circuit_breaker *breaker, uint64_t now_ms)
{
	uint64_t word = __atomic_load_n(&breaker->word, __ATOMIC_SEQ_CST);
	uint64_t half_open = rk_internal_breaker_word(RK_CIRCUIT_HALF_OPEN, 0, 0);

	if (rk_internal_breaker_state(word) != RK_CIRCUIT_OPEN)
		return true;
	if (now_ms - (word >> 16) < breaker->cool_down_ms)
		return false;
	/* Whoever was faster did the same. */
	if (__atomic_compare_exchange_n(&breaker->word, &word, half_open, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		rk_internal_breaker_tell(breaker);
	return true;
}

static inline void rk_internal_breaker_note(struct rk_circuit_breaker *breaker, bool success,
					    uint64_t now_ms)
{
	uint64_t word = __atomic_load_n(&breaker->word, __ATOMIC_SEQ_CST);
	uint64_t next;

	do {
		next = rk_internal_breaker_next(breaker, word, success, now_ms);
		if (next == word)
			return;
	} while (!__atomic_compare_exchange_n(&breaker->word, &word, next, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	if (rk_internal_breaker_state(next) != rk_internal_breaker_state(word))
		rk_internal_breaker_tell(breaker);
}

/**
 * The state of @breaker.
 */
static inline enum rk_circuit rk_circuit_breaker_state(const struct rk_circuit_breaker *breaker)
{
	return breaker ? rk_internal_breaker_state(
				 __atomic_load_n(&breaker->word, __ATOMIC_SEQ_CST)) :
			 RK_CIRCUIT_CLOSED;
}

/**
 * Whether an attempt may be made now. An open breaker becomes half-open when its cool-down is
 * over. Lock-free. NULL: always.
 */
static inline bool rk_circuit_breaker_allows(struct rk_circuit_breaker *breaker)
{
	return rk_circuit_breaker_state(breaker) != RK_CIRCUIT_OPEN ||
	       rk_internal_breaker_allows(breaker, rk_internal_now_ms());
}

/**
 * What came of an attempt that was allowed. Lock-free.
 */
static inline void rk_circuit_breaker_note(struct rk_circuit_breaker *breaker, bool success)
{
	if (breaker)
		rk_internal_breaker_note(breaker, success, success ? 0 : rk_internal_now_ms());
}

/* ---- Service level objectives ---- */

/**
 * The newest verdict on the SLO @name of the configuration (slo:), without waiting.
 *
 * It is as old as the pipeline is behind, a second or so.
 *
 * @result: of the target that is worst off; zero with RK_VERDICT_NO_DATA. May be NULL.
 * Return: its verdict.
 */
static inline enum rk_verdict rk_slo_check(const char *name, struct rk_slo_result *result)
{
	const struct rk_api_v1 *table = rk_internal_get();
	struct rk_slo_result unused;

	if (!result)
		result = &unused;
	if (RK_INTERNAL_HAS(table, slo_check))
		return (enum rk_verdict)table->slo_check(name, result);
	result->verdict = RK_VERDICT_NO_DATA;
	result->targets = 0;
	result->target[0] = '\0';
	result->headroom = result->budget_left = 0;
	return RK_VERDICT_NO_DATA;
}

#endif /* RUSTKERNEL_TYPES_ONLY */

#endif
