/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_session.c - what we ask of CUPTI, and what runs inside it.
 */
#include "cupti/cupti_session.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/activity.h"
#include "core/clock.h"
#include "core/gpu_facts.h"
#include "core/log.h"
#include "core/thread.h"
#include "cupti/cupti_unrecorded.h"

/* WATCHED: at the edges of a rest, see cupti_unrecorded.h. OPENING: on the way to such a start. */
enum touch { IDLE, TOUCHED, WATCHED_START, WATCHED_STOP, PAUSED, MUTED, OPENING };

/* Read at every submission, written once per flush: alone on its line. */
static struct {
	_Alignas(64) _Atomic uint32_t touch;
	_Atomic(rk_cupti_api_fn) api_fn;
	_Alignas(64) _Atomic uint64_t skipped;
} hot;

const char rk_cupti_session_reports;

/* The callbacks for buffers have no argument for us. Set once, before they are registered. */
static _Atomic(struct rk_cupti_session *) current;
static _Atomic(rk_cupti_buffer_fn) stranger_fn; /* may be NULL */

struct kind {
	CUpti_ActivityKind kind;
	const char *name;
	uint8_t activity;  /* enum rk_activity_kind */
	uint8_t missing;   /* enum rk_gpu_missing, where it is refused */
	bool fallback;	   /* only when the row before it was refused */
	uint8_t when;	   /* enum when */
};

/* In which modes a kind is asked for. */
enum when { ALWAYS, UNLESS_LIMITED, WHOLE_GRAPHS, MEASURED };

#define KIND(name, activity, missing, fallback, when)                                              \
	{                                                                                          \
		CUPTI_ACTIVITY_KIND_##name, #name, activity, missing, fallback, when               \
	}

static const struct kind kinds[] = {
	KIND(CONCURRENT_KERNEL, RK_ACT_KERNEL, RK_GPU_SERIAL_KERNELS, false, ALWAYS),
	KIND(KERNEL, RK_ACT_KERNEL, RK_GPU_NO_KERNELS, true, ALWAYS),
	KIND(MEMCPY, RK_ACT_MEMCPY, RK_GPU_NO_COPIES, false, UNLESS_LIMITED),
	KIND(MEMCPY2, RK_ACT_MEMCPY, RK_GPU_NO_PEER_COPIES, false, UNLESS_LIMITED),
	KIND(MEMSET, RK_ACT_MEMSET, RK_GPU_NO_MEMSETS, false, UNLESS_LIMITED),
	KIND(GRAPH_TRACE, RK_ACT_GRAPH, RK_GPU_NO_GRAPHS, false, WHOLE_GRAPHS),
	KIND(OVERHEAD, RK_ACT_NONE, 0, false, MEASURED), /* no work: what CUPTI cost */
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct callback {
	uint32_t id;
	bool host; /* only where host records come from callbacks */
};

static const struct callback callbacks[] = {
#define RK_CBID(function, id)	    { id, false },
#define RK_CBID_LATER(function, id) { id, false },
#define RK_CBID_HOST(function, id)  { id, true },
#include "cupti/cupti_cbid.def"
};

/* ---- inside CUPTI ---- */

/* Whether a hook, or what stands for the hooks, keeps the call that has just begun. */
static bool is_recorded(void)
{
	if (rk_thread_gate_counts())
		return false;
	return atomic_load(&hot.api_fn) ? rk_thread_gate_is_open() : rk_thread_self.depth > 0;
}

/* A hook that has no id knows that nothing is kept. */
static void note_edge(uint32_t touch, uint32_t correlation)
{
	if (is_recorded()) {
		rk_cupti_unrecorded_keep(correlation);
		return;
	}
	rk_thread_self.correlation = 0;
	if (touch != WATCHED_START)
		rk_cupti_unrecorded_note(correlation);
}

/* Not the common case: the first submission after a flush, or one without a record. */
static __attribute__((noinline)) void note_submission(uint32_t touch, uint32_t correlation)
{
	switch (touch) {
	case PAUSED:
		atomic_fetch_add_explicit(&hot.skipped, 1, memory_order_relaxed);
		note_edge(touch, correlation);
		break;
	case MUTED:
		/* Host time for the call, and its record, if there is one, left out. */
		rk_thread_self.correlation = 0;
		rk_cupti_unrecorded_note(correlation);
		break;
	case OPENING:
		/* Its kind of records may not be on yet: host time. None of it is kept. */
		rk_thread_self.correlation = 0;
		break;
	case WATCHED_START:
	case WATCHED_STOP:
		note_edge(touch, correlation);
		break;
	default:
		atomic_compare_exchange_strong(&hot.touch, &touch, TOUCHED);
	}
}

static void host_record(rk_cupti_api_fn fn, CUpti_CallbackId cbid, const CUpti_CallbackData *call)
{
	uint32_t result = 0;

	if (call->callbackSite == CUPTI_API_ENTER) {
		*call->correlationData = rk_clock_ticks();
		return;
	}
	if (call->functionReturnValue)
		memcpy(&result, call->functionReturnValue, sizeof(result));
	fn(cbid, call->functionName, call->functionParams, result, call->correlationId,
	   *call->correlationData);
}

static void CUPTIAPI on_driver_call(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId cbid,
				    const void *argument)
{
	const CUpti_CallbackData *call = argument;
	rk_cupti_api_fn fn;

	(void)data;
	if (domain != CUPTI_CB_DOMAIN_DRIVER_API)
		return;
	if (call->callbackSite == CUPTI_API_ENTER) {
		uint32_t touch = atomic_load_explicit(&hot.touch, memory_order_relaxed);

		rk_thread_self.correlation = call->correlationId;
		if (__builtin_expect(touch != TOUCHED, 0))
			note_submission(touch, call->correlationId);
	}
	/* Acquire pairs with the release in rk_cupti_session_set_api_fn(). */
	fn = atomic_load_explicit(&hot.api_fn, memory_order_acquire);
	if (__builtin_expect(fn != NULL, 0))
		host_record(fn, cbid, call);
}

static void CUPTIAPI on_buffer_wanted(uint8_t **buffer, size_t *size, size_t *max_records)
{
	struct rk_cupti_session *session = atomic_load(&current);
	int saved_errno = errno;

	*buffer = rk_cupti_buffers_get(session->buffers, rk_clock_now());
	*size = *buffer ? session->buffers->size : 0;
	*max_records = 0;
	if (rk_cupti_buffers_are_low(session->buffers))
		session->wake();
	errno = saved_errno;
}

static void CUPTIAPI on_buffer_full(CUcontext context, uint32_t stream, uint8_t *buffer,
				    size_t size, size_t valid)
{
	struct rk_cupti_session *session = atomic_load(&current);
	int saved_errno = errno;

	rk_cupti_buffer_fn stranger = atomic_load(&stranger_fn);

	if (buffer && rk_cupti_buffers_push(session->buffers, buffer, valid, context, stream))
		session->wake();
	else if (buffer && stranger)
		/* Lent by a tool that was here before us: it comes back to that tool. */
		stranger(context, stream, buffer, size, valid);
	errno = saved_errno;
}

static void CUPTIAPI on_buffer_wanted_v2(uint8_t **buffer, size_t *size, size_t *max_records,
					 void *info)
{
	(void)info;
	on_buffer_wanted(buffer, size, max_records);
}

static void CUPTIAPI on_buffer_full_v2(uint8_t *buffer, size_t size, size_t valid,
				       struct rk_cupti_v2_complete *info)
{
	struct rk_cupti_session *session = atomic_load(&current);

	/* They are gone when this returns. */
	rk_cupti_reported_take(&session->reported, info);
	on_buffer_full((CUcontext)&rk_cupti_session_reports, 0, buffer, size, valid);
}

static uint64_t CUPTIAPI on_timestamp(void)
{
	return rk_clock_now();
}

/* ---- asking CUPTI ---- */

static CUptiResult enable_kind(struct rk_cupti_session *session, CUpti_ActivityKind kind)
{
	return session->is_v2 ?
		       rk_cupti_v2_enable(&session->library.v2, session->subscriber, kind) :
		       session->library.cuptiActivityEnable(kind);
}

static void note_refusal(struct rk_cupti_session *session, const struct kind *kind,
			 CUptiResult result)
{
	size_t used = strlen(session->refusals);
	char why[96];

	if (!kind->missing)
		return;
	session->missing |= kind->missing;
	snprintf(session->refusals + used, sizeof(session->refusals) - used, "%s%s: %s",
		 used ? ", " : "", kind->name,
		 rk_cupti_library_strerror(&session->library, result, why, sizeof(why)));
}

static void forget_kinds(struct rk_cupti_session *session)
{
	session->kinds = 0;
	session->activities = 0;
	session->missing = 0;
	session->left_out = 0;
	session->refusals[0] = '\0';
}

/* Not that it was refused: it is not wanted, and calls of that kind get no record. */
static bool is_wanted(struct rk_cupti_session *session, const struct kind *kind)
{
	switch (kind->when) {
	case UNLESS_LIMITED:
		session->left_out |= session->kernels_only ? kind->missing : 0;
		return !session->kernels_only;
	case WHOLE_GRAPHS:
		return session->whole_graphs;
	case MEASURED:
		return session->is_measured && !session->is_v2;
	default:
		return true;
	}
}

/* Each for itself. Return: an error only when there is no kind left, the last one. */
static CUptiResult enable_kinds(struct rk_cupti_session *session)
{
	CUptiResult result = CUPTI_SUCCESS, refused = CUPTI_SUCCESS;

	forget_kinds(session);
	for (size_t i = 0; i < KINDS; i++) {
		if ((kinds[i].fallback && result == CUPTI_SUCCESS) ||
		    !is_wanted(session, &kinds[i]))
			continue;
		result = enable_kind(session, kinds[i].kind);
		if (result != CUPTI_SUCCESS) {
			refused = result;
			note_refusal(session, &kinds[i], result);
			continue;
		}
		session->kinds |= 1u << i;
		if (kinds[i].activity != RK_ACT_NONE)
			session->activities |= 1u << kinds[i].activity;
	}
	/* None at all is worse than one at a time, and says it already. */
	if (session->missing & RK_GPU_NO_KERNELS)
		session->missing &= ~(uint32_t)RK_GPU_SERIAL_KERNELS;
	return session->activities ? CUPTI_SUCCESS : refused;
}

static void disable_kinds(struct rk_cupti_session *session)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (!(session->kinds & 1u << i))
			continue;
		if (session->is_v2)
			session->library.v2.cuptiActivityDisable_v2(session->subscriber,
								    kinds[i].kind, NULL);
		else
			session->library.cuptiActivityDisable(kinds[i].kind);
	}
}

/* One id that is accepted will do: an old library does not know the newest functions. */
static CUptiResult enable_callbacks(struct rk_cupti_session *session)
{
	bool host = atomic_load(&hot.api_fn) != NULL;
	CUptiResult refused = CUPTI_SUCCESS;
	bool accepted = false;

	for (size_t i = 0; i < sizeof(callbacks) / sizeof(callbacks[0]); i++) {
		CUptiResult result;

		if (callbacks[i].host && !host)
			continue;
		result = session->library.cuptiEnableCallback(
			1, session->subscriber, CUPTI_CB_DOMAIN_DRIVER_API, callbacks[i].id);
		if (result == CUPTI_SUCCESS)
			accepted = true;
		else
			refused = result;
	}
	return accepted ? CUPTI_SUCCESS : refused;
}

static int refuse(struct rk_cupti_session *session, const char *what, CUptiResult result,
		  char *reason, size_t reason_size)
{
	char why[96];

	rk_cupti_library_strerror(&session->library, result, why, sizeof(why));
	rk_cupti_session_close(session);
	if (result == CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED) {
		snprintf(reason, reason_size, "another tool in this process holds CUPTI (%s)", why);
		return -EBUSY;
	}
	snprintf(reason, reason_size, "CUPTI refused %s: %s", what, why);
	return -EACCES;
}

/*
 * Only for a library that our tables do not know: a tool that comes later and uses the older
 * functions may not get them as long as we use the newer. Once one has come we never do again.
 */
static bool subscribe_v2(struct rk_cupti_session *session)
{
	const struct rk_cupti_v2 *v2 = &session->library.v2;

	if (session->library.version <= RK_CUPTI_NEWEST_TABLE || !session->library.has_v2 ||
	    session->has_company)
		return false;
	if (rk_cupti_v2_subscribe(v2, &session->subscriber, on_driver_call) != CUPTI_SUCCESS)
		return false;
	if (rk_cupti_v2_choose_fields(v2, session->subscriber) == CUPTI_SUCCESS)
		return true;
	session->library.cuptiUnsubscribe(session->subscriber);
	return false;
}

static CUptiResult subscribe(struct rk_cupti_session *session)
{
	session->is_v2 = subscribe_v2(session);
	if (session->is_v2)
		return CUPTI_SUCCESS;
	return session->library.cuptiSubscribe(&session->subscriber, on_driver_call, NULL);
}

static CUptiResult register_buffers(struct rk_cupti_session *session)
{
	if (session->is_v2)
		return session->library.v2.cuptiActivityRegisterCallbacks_v2(
			session->subscriber, on_buffer_wanted_v2, on_buffer_full_v2);
	return session->library.cuptiActivityRegisterCallbacks(on_buffer_wanted, on_buffer_full);
}

static int open_session(struct rk_cupti_session *session, char *reason, size_t reason_size)
{
	CUptiResult result;

	atomic_store(&current, session);
	/* Before there is a callback: a call that begins in between must not pass unseen. */
	atomic_store(&hot.touch, session->is_watched ? OPENING : MUTED);
	forget_kinds(session);
	result = subscribe(session);
	if (result != CUPTI_SUCCESS)
		return refuse(session, "the subscription", result, reason, reason_size);
	session->subscribed = true;
	session->settings.v2_subscriber = session->is_v2 ? session->subscriber : NULL;
	rk_cupti_settings_apply(&session->settings, &session->library, on_timestamp);
	result = register_buffers(session);
	if (result != CUPTI_SUCCESS)
		return refuse(session, "our buffers", result, reason, reason_size);
	/* In this order, so that no record comes of a call whose beginning we did not see. */
	result = enable_callbacks(session);
	if (result != CUPTI_SUCCESS)
		return refuse(session, "driver callbacks", result, reason, reason_size);
	result = enable_kinds(session);
	if (result != CUPTI_SUCCESS)
		return refuse(session, "every kind of records", result, reason, reason_size);
	atomic_store(&hot.touch, session->is_watched ? WATCHED_START : IDLE);
	return 0;
}

int rk_cupti_session_open(struct rk_cupti_session *session, char *reason, size_t reason_size)
{
	int err = open_session(session, reason, reason_size);

	/* What was refused us is no error of the program's, whose thread this may be. */
	if (session->library.cuptiGetLastError)
		session->library.cuptiGetLastError();
	return err;
}

void rk_cupti_session_close(struct rk_cupti_session *session)
{
	disable_kinds(session);
	session->kinds = 0;
	rk_cupti_settings_restore(&session->settings, &session->library);
	if (session->subscribed)
		session->library.cuptiUnsubscribe(session->subscriber);
	session->subscribed = false;
}

void rk_cupti_session_mute(struct rk_cupti_session *session)
{
	atomic_store(&hot.touch, MUTED);
	disable_kinds(session);
}

void rk_cupti_session_pause(struct rk_cupti_session *session)
{
	session->touch_before = atomic_exchange(&hot.touch, PAUSED);
	disable_kinds(session);
}

void rk_cupti_session_resume(struct rk_cupti_session *session)
{
	for (size_t i = 0; i < KINDS; i++)
		if (session->kinds & 1u << i)
			enable_kind(session, kinds[i].kind);
	/* Who asked meanwhile that the end be watched found it paused: it is watched likewise. */
	atomic_store(&hot.touch, rk_thread_gate_is_open() && !rk_thread_gate_counts() ?
					 session->touch_before :
					 WATCHED_STOP);
}

void rk_cupti_session_flush(struct rk_cupti_session *session, bool forced)
{
	CUptiResult result = session->library.cuptiActivityFlushAll(
		forced ? CUPTI_ACTIVITY_FLAG_FLUSH_FORCED : 0);
	char why[96];

	if (result != CUPTI_SUCCESS)
		rk_log_debug("cupti: could not flush: %s",
			     rk_cupti_library_strerror(&session->library, result, why,
						       sizeof(why)));
}

void rk_cupti_session_watch_stop(void)
{
	uint32_t touch = atomic_load(&hot.touch);

	while (touch <= WATCHED_START &&
	       !atomic_compare_exchange_weak(&hot.touch, &touch, WATCHED_STOP))
		;
}

void rk_cupti_session_end_start(void)
{
	uint32_t touch = WATCHED_START;

	atomic_compare_exchange_strong(&hot.touch, &touch, TOUCHED);
}

bool rk_cupti_session_take_touched(void)
{
	uint32_t touch = TOUCHED;

	atomic_compare_exchange_strong(&hot.touch, &touch, IDLE);
	return touch != IDLE;
}

bool rk_cupti_session_note_unreadable(struct rk_cupti_session *session)
{
	uint32_t missing = rk_cupti_reported_missing(&session->reported) & ~session->missing;
	char what[RK_GPU_MISSING_MAX];

	if (!missing || !session->is_v2)
		return false;
	session->missing |= missing;
	snprintf(session->refusals, sizeof(session->refusals),
		 "to say where fields of records lie: %s", rk_gpu_missing_describe(missing, what));
	return true;
}

uint64_t rk_cupti_session_take_skipped(void)
{
	return atomic_exchange(&hot.skipped, 0);
}

uint64_t rk_cupti_session_take_dropped(struct rk_cupti_session *session, void *context,
				       uint32_t stream)
{
	size_t dropped = 0;

	if (session->is_v2) {
		session->library.v2.cuptiActivityGetNumDroppedRecords_v2(session->subscriber,
									 context, stream, &dropped);
		return dropped;
	}
	if (!session->library.cuptiActivityGetNumDroppedRecords)
		return 0;
	if (session->library.cuptiActivityGetNumDroppedRecords(context, stream, &dropped) !=
	    CUPTI_SUCCESS)
		return 0;
	return dropped;
}

void rk_cupti_session_set_stranger_fn(rk_cupti_buffer_fn fn)
{
	atomic_store(&stranger_fn, fn);
}

void rk_cupti_session_set_api_fn(rk_cupti_api_fn fn)
{
	/* Release pairs with the acquire in on_driver_call(). */
	atomic_store_explicit(&hot.api_fn, fn, memory_order_release);
}
