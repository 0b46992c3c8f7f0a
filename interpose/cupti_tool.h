/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/cupti_tool.h - what other tools in the process hold of CUPTI, and when they have left.
 *
 *	subscription, kind of records, kind in a context	held until given back
 *	buffers or a clock without any of them		held until a kind came and went
 *
 * CUPTI keeps one set of buffer functions and one clock; the last to register wins. So that we can
 * take CUPTI when a tool has left, and leave it to the tool again when it comes back without
 * registering anew, the functions it registered are kept.
 */
#ifndef RK_INTERPOSE_CUPTI_TOOL_H
#define RK_INTERPOSE_CUPTI_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*rk_tool_request_fn)(uint8_t **buffer, size_t *size, size_t *max_records);
typedef void (*rk_tool_complete_fn)(void *context, uint32_t stream, uint8_t *buffer, size_t size,
				    size_t valid);
typedef uint64_t (*rk_tool_clock_fn)(void);

struct rk_tool_functions {
	rk_tool_request_fn request;
	rk_tool_complete_fn complete;
	rk_tool_clock_fn clock;
};

/**
 * libcupti's function @name, as the tool with an address @caller in it would find it.
 *
 * Tools are often opened RTLD_LOCAL, Python's extensions always, and their libcupti with them: the
 * global scope does not have it then, the caller's own does.
 *
 * @wrapper: never the answer. Context: app; takes the loader's lock. Return: NULL when there is
 * none.
 */
void *rk_cupti_tool_find(const void *caller, const char *name, const void *wrapper);

/**
 * A call of CUPTI by another tool begins and ends. In between CUPTI is its, whatever it holds.
 *
 * @caller: an address in the tool, for its name.
 * Context: app, in the tool's call; may take a lock that is never held around a call of CUPTI.
 */
void rk_cupti_tool_enter(const void *caller);
void rk_cupti_tool_leave(void);

/**
 * What the call gave or took. A subscriber that lets others in holds CUPTI as well: we do not
 * go in, see docs/cupti.md.
 *
 * Context: as rk_cupti_tool_enter(), in between.
 */
void rk_cupti_tool_add_subscriber(const void *subscriber);
void rk_cupti_tool_remove_subscriber(const void *subscriber);
void rk_cupti_tool_set_kind(const void *context, uint32_t kind, bool enabled);
void rk_cupti_tool_set_buffers(rk_tool_request_fn request, rk_tool_complete_fn complete);
void rk_cupti_tool_set_clock(rk_tool_clock_fn clock);
void rk_cupti_tool_clear(void);

/**
 * Whether anything is held, or a tool's call is under way.
 *
 * Context: any but hooks' fast paths. Locks.
 */
bool rk_cupti_tool_holds(void);

/**
 * Functions to register again before the call that is under way, because we have registered
 * ours since. Cleared by asking.
 *
 * Context: as rk_cupti_tool_enter(), in between. Return: false when there is nothing to do.
 */
bool rk_cupti_tool_take_displaced(struct rk_tool_functions *functions);

/**
 * Ours are registered now, in place of the tool's.
 *
 * Context: any. Locks.
 */
void rk_cupti_tool_displace(void);

/**
 * Buffers that the tool has lent and not got back. CUPTI fills them on, whoever is registered.
 *
 * Context: any. One load.
 */
uint32_t rk_cupti_tool_lent(void);

/**
 * The tool's own functions, counted: lend a buffer, take one back.
 *
 * Context: cupti callback, any thread.
 */
void rk_cupti_tool_lend(uint8_t **buffer, size_t *size, size_t *max_records);
void rk_cupti_tool_give_back(void *context, uint32_t stream, uint8_t *buffer, size_t size,
			     size_t valid);

/**
 * Name of the tool that called last.
 *
 * Context: any. Locks.
 */
void rk_cupti_tool_name(char *name, size_t size);

#endif
