/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti.h - GPU times from libcupti, behind one small door.
 *
 * libcupti is opened by name (one already in the process first), its records are decoded by
 * layout tables, and finished struct rk_activity go into one ring that the drain thread
 * reads. A missing, refused or occupied CUPTI is a supported state: everything else works
 * and says "host time".
 *
 * Threads: rk-cupti flushes and decodes; it never touches a file or a socket. The driver-API
 * callback runs on the program's threads and only stores the correlation id.
 */
#ifndef RK_CUPTI_CUPTI_H
#define RK_CUPTI_CUPTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/gpu_facts.h"
#include "core/ring.h"

enum rk_cupti_state {
	RK_CUPTI_OFF, /* not asked for */
	RK_CUPTI_ACTIVE,
	RK_CUPTI_MISSING,  /* no libcupti, or one without the calls we need */
	RK_CUPTI_REFUSED,  /* it answered with an error */
	RK_CUPTI_OCCUPIED, /* another tool holds it */
};

struct rk_cupti_info {
	enum rk_cupti_state state;
	uint32_t version;      /* cuptiGetVersion(); 0 = unknown */
	char path[256];	       /* of the library in use; "" = none */
	char reason[160];      /* one line for people when state is not ACTIVE; else "" */
	bool own_clock;	       /* records arrive in ns of rk_clock without conversion */
	uint64_t overhead_ns;  /* CPU time of the thread rk-cupti */
	uint64_t cupti_ns;     /* what CUPTI says it took; asked for with overhead.budget only */
	uint64_t buffers_peak; /* activity buffers in use at the same time */
	uint64_t open;	       /* records that were still running at the last forced flush */
	uint32_t activities;   /* bit per enum rk_activity_kind that is delivered */
	struct rk_gpu_facts facts;
};

/**
 * Open libcupti, subscribe, enable the kinds, start the thread rk-cupti.
 *
 * @holder: another tool that holds CUPTI already, by name: only the thread is started, and waits
 *          for rk_cupti_return(). NULL = none that is known.
 * Context: init, just before the first context is created; the caller's hook depth is > 0.
 * Return: 0 when active; else -ENOENT, -EACCES, -EBUSY, -ENOMEM. The program goes on in
 *         every case, rk_cupti_get_info() has the reason.
 */
int rk_cupti_start(const struct rk_config *config, const char *holder);

/**
 * Start the thread rk-cupti and nothing else: CUPTI is not even opened before rk_cupti_resume().
 *
 * Context: as rk_cupti_start(). @config outlives the process. Return: 0, -ENOMEM.
 */
int rk_cupti_start_resting(const struct rk_config *config);

/**
 * Recording is about to begin: take CUPTI, unless @holder holds it, as of rk_cupti_start() / has
 * ended: collect what was submitted, all of it, and let go. Neither waits; rk-exporter is woken
 * when it has been done, well or badly.
 *
 * Context: any but hooks.
 */
void rk_cupti_resume(const char *holder);
void rk_cupti_rest(void);
bool rk_cupti_is_resumed(void);
bool rk_cupti_is_resting(void);

/** Ask for less from the next session on: whole graphs, no copies and memsets. Context: any. */
void rk_cupti_set_limits(bool whole_graphs, bool kernels_only);

/** Records of what is submitted from now on, with the gate closed, are left out. Context: any. */
void rk_cupti_watch(void);

/**
 * Flush everything that is complete, forced, and wait for it on the thread rk-cupti.
 *
 * Context: the exiting thread. Waits @timeout_ms at most and then returns -ETIMEDOUT; the
 *          thread is left parked.
 */
int rk_cupti_stop(uint32_t timeout_ms);

/**
 * Ask rk-cupti for a normal flush soon. Does not wait. / Whether it is done, or nobody is there to
 * do it.
 *
 * Context: any but hooks.
 */
void rk_cupti_flush(void);
bool rk_cupti_is_flushed(void);

/**
 * The ring of struct rk_activity; NULL when CUPTI was never started.
 *
 * Context: exporter, the only consumer.
 */
struct rk_ring *rk_cupti_ring(void);

/**
 * What became of it, for the verdict, the file and `doctor`.
 *
 * Context: any but hooks.
 */
void rk_cupti_get_info(struct rk_cupti_info *info);

/**
 * Whether GPU times arrive. False = host time.
 *
 * Context: any. One load.
 */
bool rk_cupti_is_active(void);

/**
 * What comes without GPU times all the same: bits of enum rk_gpu_missing, of the last session.
 *
 * Context: any. One load.
 */
uint32_t rk_cupti_missing(void);

typedef void (*rk_cupti_api_fn)(uint32_t cbid, const char *function, const void *params,
				uint32_t result, uint32_t correlation, uint64_t start_ticks);

/**
 * Host records for a program that was reached by CUDA_INJECTION64_PATH and is not interposed:
 * @fn is called at driver-API exit on the program's thread. NULL = no such records (the
 * default). Set before rk_cupti_start(): callbacks for memory and synchronisation are only
 * asked for then.
 *
 * Context: init.
 */
void rk_cupti_set_api_fn(rk_cupti_api_fn fn);

/**
 * Forget names cached for code that is being unloaded.
 *
 * Context: app, inside cuModuleUnload/cuLibraryUnload. Does not lock.
 */
void rk_cupti_forget_names(void);

#endif
