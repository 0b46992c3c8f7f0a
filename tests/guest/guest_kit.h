/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/guest_kit.h - what the programs that try to break the tracer share.
 *
 * A program says on standard output everything about itself that must not depend on us; the
 * test compares that byte by byte with a run without the preload. What may differ within
 * bounds (memory, threads of ours, time) goes into the file $GUEST_MEASURE names.
 */
#ifndef GUEST_KIT_H
#define GUEST_KIT_H

#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			_Exit(99);                                                                 \
		}                                                                                  \
	} while (0)

/* cuInit, the primary context, a module and its kernel. */
void guest_start(void);

/* The same context in another thread. */
void guest_enter(void);

/* @count launches on the default stream; counted. */
void guest_launch(int count);

/* Wait for all of them. */
void guest_wait(void);

/* Launches that succeeded, in this process. */
uint64_t guest_launches(void);

/* One launch, whatever comes of it: in forked children, and when the driver is gone. */
CUresult guest_try_launch(void);

/* Descriptors, signals, limits, environment and so on, as the program sees them. */
void guest_report(const char *title);

/* Memory, threads, launches, the time: not compared, but held to bounds. */
void guest_measure(void);

uint64_t guest_now_ns(void);

/* A thread's name, which must not be one of ours where the program's own code runs. */
bool guest_is_on_tracer_thread(void);

#endif
