/* SPDX-License-Identifier: Apache-2.0
 *
 * core/activity.h - one thing the GPU did, as decoded from CUPTI.
 *
 * Written by the thread rk-cupti into its own ring, joined with the host's struct rk_record
 * by the correlation id. Independent of CUPTI's record layouts: whatever version delivered
 * it, this is what the rest of the program sees. Times are nanoseconds of rk_clock.
 */
#ifndef RK_CORE_ACTIVITY_H
#define RK_CORE_ACTIVITY_H

#include <assert.h>
#include <stdint.h>

enum rk_activity_kind {
	RK_ACT_NONE,
	RK_ACT_KERNEL,
	RK_ACT_MEMCPY,
	RK_ACT_MEMSET,
	RK_ACT_GRAPH,	/* a whole graph launch, where nodes are not traced */
	RK_ACT_DROPPED, /* .bytes records were lost; .value = enum rk_loss */
	RK_ACT_FLUSHED, /* calls that returned before .start have all their records in */
	RK_ACT_LEFT,	/* CUPTI was let go at .start: calls begun before get no further record */
	RK_ACT_KIND_COUNT
};

enum {
	RK_ACT_INVALID_TIME = 1 << 0, /* start or end was 0, or end < start: never a duration */
	RK_ACT_ASYNC = 1 << 1,
	RK_ACT_DEVICE_LAUNCH = 1 << 2, /* a kernel that a kernel launched, not the host */
};

/* Direction of a copy; the values are CUpti_ActivityMemcpyKind's. */
enum rk_copy_kind {
	RK_COPY_UNKNOWN = 0,
	RK_COPY_HTOD = 1,
	RK_COPY_DTOH = 2,
	RK_COPY_HTOA = 3,
	RK_COPY_ATOH = 4,
	RK_COPY_ATOA = 5,
	RK_COPY_ATOD = 6,
	RK_COPY_DTOA = 7,
	RK_COPY_DTOD = 8,
	RK_COPY_HTOH = 9,
	RK_COPY_PTOP = 10,
};

struct rk_activity {
	uint64_t start; /* ns of rk_clock */
	uint64_t end;
	uint64_t bytes;	     /* copies, memsets; records lost for RK_ACT_DROPPED */
	uint64_t graph_node; /* 0 = not from a graph */
	uint32_t graph;	     /* 0 = not from a graph */
	uint32_t correlation;
	uint32_t name; /* rk_intern id of the mangled kernel name; 0 = none */
	uint32_t device;
	uint32_t context; /* CUPTI's id */
	uint32_t stream;  /* CUPTI's id */
	uint32_t grid[3];
	uint32_t block[3];
	uint32_t static_shared_bytes;
	uint32_t dynamic_shared_bytes;
	uint32_t local_bytes_per_thread;
	uint32_t value;	      /* memset */
	uint32_t peer_device; /* destination of a peer copy, else == device */
	uint16_t registers;   /* per thread */
	uint8_t kind;	      /* enum rk_activity_kind */
	uint8_t flags;
	uint8_t copy_kind;		/* enum rk_copy_kind */
	uint8_t src_memory, dst_memory; /* CUpti_ActivityMemoryKind */
	uint8_t reserved[5];
};

static_assert(sizeof(struct rk_activity) == 112, "layout of the rk-cupti ring");

#endif
