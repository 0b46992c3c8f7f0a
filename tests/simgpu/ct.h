/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/ct.h - what the files of the simulated CUPTI share.
 *
 * It keeps the habits of the real one that hurt clients: buffers are asked for and
 * handed back while the lock below is held, a flush without force withholds a buffer
 * that holds an unfinished record, a forced one gives such records away with end = 0.
 */
#ifndef SIMGPU_CT_H
#define SIMGPU_CT_H

#include <cupti.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cupti_activity_deprecated.h"
#include "simgpu_tool.h"

#define CT_EXPORT __attribute__((visibility("default")))
#define CT_KINDS  CUPTI_ACTIVITY_KIND_COUNT
#define CT_CBIDS  1024
/* Kernel13 of CUDA 13.4: newer structs than the headers have, whose end is not filled. */
#define CT_RECORD_MAX 248

struct ct_driver {
	simgpu_attach_fn attach;
	simgpu_enable_fn enable_callback;
	simgpu_u64_fn now_ns;
	simgpu_stream_id_fn stream_id;
	simgpu_id32_fn context_id;
	simgpu_id32_fn context_device;
	simgpu_id32_fn graph_id;
	simgpu_id32_fn graph_exec_id;
	simgpu_id64_fn graph_node_id;
	simgpu_count_fn count;
};

struct ct {
	pthread_mutex_t lock; /* recursive, as clients ask questions inside callbacks */
	pthread_cond_t wake;
	struct ct_driver driver;
	bool attached;
	/* script */
	CUptiResult refuse; /* answer to every request to record */
	bool error39;
	uint32_t version;
	int kernel_layout, memcpy_layout, memset_layout;
	uint64_t drop_every, invalid_every, inverted_every;
	bool newest_first; /* buffers come back in the wrong order */
	uint64_t overhead_us; /* that each piece of work is said to have cost */
	bool kind_refused[CT_KINDS];
	/* activity; guarded by lock */
	bool kind_on[CT_KINDS];
	CUpti_BuffersCallbackRequestFunc request;
	CUpti_BuffersCallbackCompleteFunc complete;
	bool is_v2; /* the subscriber uses the newer functions: the older are refused */
	void (*request_v2)(uint8_t **buffer, size_t *size, size_t *max, void *info);
	void (*complete_v2)(uint8_t *buffer, size_t size, size_t valid, void *info);
	CUpti_TimestampCallbackFunc timestamp;
	int64_t offset_ns; /* from the driver's clock to the one records are in */
	bool zeroed;
	bool per_thread;
	size_t device_buffer_bytes, device_buffer_limit;
	uint64_t period_ms;
	uint64_t seen; /* records, for the scripted losses */
	CUpti_ActivityThreadIdType thread_id_type;
	bool worker_running, worker_stop;
	pthread_t worker;
	/* callbacks; written under lock, read without */
	CUpti_CallbackFunc _Atomic callback;
	_Atomic(void *) callback_data;
	bool subscribed;
	_Atomic uint8_t cb_on[CUPTI_CB_DOMAIN_SIZE][CT_CBIDS];
	uint8_t api_on[CT_CBIDS]; /* DRIVER activity records */
};

extern struct ct ct;

/* ---- ct_core.c ---- */
CUptiResult ct_attach(void);
void ct_apply_callbacks(void);
uint64_t ct_map_ns(uint64_t driver_ns);
void ct_sync_clock(void);

/* ---- ct_buffer.c ---- */
void ct_record_put(const void *record, size_t size, uint64_t start_ns, uint64_t end_ns,
		   uint32_t context, uint32_t stream);
void ct_flush(bool forced);
void ct_worker_start(void);
void ct_worker_stop(void);

#define CT_HIDDEN __attribute__((visibility("hidden")))
CT_HIDDEN extern __typeof__(cuptiSubscribe) ct_subscribe;
CT_HIDDEN extern __typeof__(cuptiActivityEnable) ct_enable;
CT_HIDDEN extern __typeof__(cuptiActivityDisable) ct_disable;
CT_HIDDEN extern __typeof__(cuptiActivitySetAttribute) ct_set_attribute;
CT_HIDDEN extern __typeof__(cuptiActivityGetAttribute) ct_get_attribute;
CT_HIDDEN extern __typeof__(cuptiActivityGetNumDroppedRecords) ct_get_dropped;

/* ---- ct_v2.c ---- */
#define CT_V2_RECORD_MAX 1024
bool ct_v2_is_on(void);
size_t ct_v2_size(uint32_t kind);
size_t ct_v2_pack(const void *record, uint8_t *out);
bool ct_v2_times(void *record, uint64_t **start, uint64_t **end);
void ct_v2_request(uint8_t **buffer, size_t *size, size_t *max);
void ct_v2_complete(uint8_t *buffer, size_t size, size_t valid);
void ct_v2_leave(void);

/* ---- ct_record.c ---- */
union ct_any {
	CUpti_Activity head;
	CUpti_ActivityKernel10 kernel;
	CUpti_ActivityCdpKernel device_kernel;
	CUpti_ActivityMemcpy6 memcpy;
	CUpti_ActivityMemcpyPtoP4 peer;
	CUpti_ActivityMemset4 memset;
	CUpti_ActivityMemory4 memory;
	CUpti_ActivityGraphTrace2 graph;
	CUpti_ActivitySynchronization2 sync;
	CUpti_ActivityOverhead overhead;
	CUpti_ActivityExternalCorrelation external;
	CUpti_ActivityAPI api;
	uint8_t largest[CT_RECORD_MAX];
};
size_t ct_record_size(CUpti_ActivityKind kind);
bool ct_record_of_op(const struct simgpu_op *op, union ct_any *out);
bool ct_record_overhead(const struct simgpu_op *op, union ct_any *out);
void ct_record_no_end(void *record, bool no_start);
void ct_record_no_time(void *record);
void ct_record_inverted(void *record);
int ct_record_work(const void *record);
void ct_layouts(void);

#endif
