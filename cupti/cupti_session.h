/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_session.h - our subscription to CUPTI: kinds, attributes, callbacks.
 *
 * Four callbacks of ours run inside CUPTI, and none of them locks, allocates from the heap or
 * calls CUPTI back:
 *
 *	driver API	the program's threads; stores the correlation id
 *	buffer wanted	any thread, under CUPTI's lock
 *	buffer full	any thread, under CUPTI's lock
 *	timestamp	any thread; reads our clock
 *
 * CUPTI has one set of them per process, so there is one session, too.
 */
#ifndef RK_CUPTI_CUPTI_SESSION_H
#define RK_CUPTI_CUPTI_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cupti/cupti.h"
#include "cupti/cupti_buffers.h"
#include "cupti/cupti_library.h"
#include "cupti/cupti_reported.h"
#include "cupti/cupti_settings.h"
#include "cupti/cupti_share.h"

struct rk_cupti_session {
	/* set before open */
	struct rk_cupti_library library;
	struct rk_cupti_buffers *buffers; /* borrowed; outlives the process's CUPTI */
	void (*wake)(void);		  /* a buffer is complete */
	bool whole_graphs;		  /* GRAPH_TRACE instead of the nodes' records */
	bool kernels_only; /* neither copies nor memsets */
	bool is_measured; /* CUPTI is to say what it costs */
	bool is_watched; /* opened while calls go on: see cupti_unrecorded.h */
	bool has_company; /* another tool has used CUPTI: by the older functions, as it does */
	/* set by open */
	struct rk_cupti_reported reported;
	bool is_v2; /* by the newer functions, and layouts that CUPTI says itself */
	CUpti_SubscriberHandle subscriber;
	bool subscribed;
	struct rk_cupti_settings settings;
	uint32_t activities; /* bit per enum rk_activity_kind that is delivered */
	uint32_t missing;    /* bits of enum rk_gpu_missing: what CUPTI refused */
	uint32_t left_out;   /* the same bits: what was not asked for */
	char refusals[160];  /* the kinds by name, and CUPTI's words; "" = none */
	uint32_t kinds;	     /* bit per row of the table of kinds that is on */
	uint32_t touch_before; /* what submissions were asked for before a pause */
};

/**
 * Subscribe, set attributes, register callbacks, enable kinds and driver functions.
 *
 * What is refused singly (an attribute, a kind other than kernels, a function's id) degrades
 * alone; @session->activities has the outcome.
 * @reason: receives one line for people when the answer is not 0.
 * Context: init or rk-cupti; the calling thread's hook depth is > 0.
 * Return: 0; -EBUSY another tool is subscribed; -EACCES refused.
 */
int rk_cupti_session_open(struct rk_cupti_session *session, char *reason, size_t reason_size);

/**
 * Disable the kinds, put CUPTI's settings back and unsubscribe. Accepts a half-open session.
 *
 * Context: as open. Buffers that CUPTI still holds stay valid.
 */
void rk_cupti_session_close(struct rk_cupti_session *session);

/**
 * Disable the kinds and hand no more correlation ids to the hooks, for a flush before close:
 * what is submitted from now on gets no record, and must not wait for one.
 *
 * Context: rk-cupti.
 */
void rk_cupti_session_mute(struct rk_cupti_session *session);

/**
 * Stop and resume the delivery of records; submissions are counted meanwhile.
 *
 * Context: rk-cupti.
 */
void rk_cupti_session_pause(struct rk_cupti_session *session);
void rk_cupti_session_resume(struct rk_cupti_session *session);

/**
 * Whether CUPTI has said a layout that cannot be read by since the last call; what then is missing
 * is in @session->missing.
 *
 * Context: rk-cupti.
 */
bool rk_cupti_session_note_unreadable(struct rk_cupti_session *session);

/**
 * What a buffer's context says of one whose layouts were said by CUPTI.
 */
extern const char rk_cupti_session_reports;

/**
 * cuptiActivityFlushAll(). Buffers come back through the complete list, on this thread or
 * CUPTI's.
 *
 * Context: rk-cupti.
 */
void rk_cupti_session_flush(struct rk_cupti_session *session, bool forced);

/**
 * Whether work was submitted since the last call, and how much while paused.
 *
 * Context: rk-cupti.
 */
bool rk_cupti_session_take_touched(void);
uint64_t rk_cupti_session_take_skipped(void);

/**
 * The end of recording is near: note the ids of calls that no hook records. / Its beginning is
 * over: ids of those that are recorded are noted no more. See cupti_unrecorded.h.
 *
 * Context: any / rk-cupti.
 */
void rk_cupti_session_watch_stop(void);
void rk_cupti_session_end_start(void);

/**
 * Records that CUPTI dropped for want of space since the last call.
 *
 * Context: rk-cupti, never inside a callback: CUPTI takes its lock for this.
 */
uint64_t rk_cupti_session_take_dropped(struct rk_cupti_session *session, void *context,
				       uint32_t stream);

/**
 * See rk_cupti_set_strangers().
 *
 * Context: any.
 */
void rk_cupti_session_set_stranger_fn(rk_cupti_buffer_fn fn);

/**
 * See rk_cupti_set_api_fn().
 *
 * Context: init.
 */
void rk_cupti_session_set_api_fn(rk_cupti_api_fn fn);

#endif
