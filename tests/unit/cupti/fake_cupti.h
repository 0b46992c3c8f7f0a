/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/cupti/fake_cupti.h - the test's side of a libcupti that does as it is told.
 *
 * The library is opened like any other; the test gets at this struct by its one extra
 * symbol, fake_cupti(). It keeps the rules that real CUPTI has and catches who breaks them:
 * buffer callbacks run under its lock, and a call into it with that lock held is a violation.
 */
#ifndef RK_TESTS_FAKE_CUPTI_H
#define RK_TESTS_FAKE_CUPTI_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fake_work {
	uint32_t kind;	     /* CUpti_ActivityKind */
	uint64_t start, end; /* end 0: still running */
	uint32_t stream;
	const char *name;
};

struct fake_cupti {
	/* told by the test */
	uint32_t version;
	_Atomic int subscribe_result;
	int register_result;
	int refused_kind[64]; /* result of cuptiActivityEnable */
	uint32_t newest_cbid; /* greater ones are refused; 0 = none is */
	bool no_timestamps;   /* the timestamp callback is refused */
	bool short_buffers;   /* a buffer per record, as a thread each would have */
	_Atomic uint64_t dropped;
	/* seen by the test */
	_Atomic bool subscribed;
	bool clock_before_kinds;
	bool zeroed_promised;
	bool system_threads;
	_Atomic uint64_t enabled;   /* bit per kind */
	_Atomic uint32_t callbacks; /* driver functions that are watched */
	_Atomic uint32_t flushes, forced_flushes;
	_Atomic uint32_t violations;
	_Atomic uint32_t dirty; /* buffers that were not zeroed */
	/* done for the test; returns the correlation id */
	uint32_t (*submit)(uint32_t cbid, const struct fake_work *work, uint32_t count);
	/* the record of work that was still running now has its end */
	void (*finish)(uint32_t correlation, uint64_t end);
	uint64_t (*now)(void); /* by the registered timestamp callback; 0 = none */
};

struct fake_cupti *fake_cupti(void);

#endif
