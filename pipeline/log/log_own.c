/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/log/log_own.c - a few lines behind a lock that nobody waits for.
 */
#include "pipeline/log/log_own.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOCK_TRIES 1000 /* some 10 us; the lock is held for the copy of one line */

void rk_log_own_init(struct rk_log_own *own)
{
	atomic_flag_clear(&own->lock);
}

static uint64_t now_unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool try_lock(struct rk_log_own *own)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!atomic_flag_test_and_set_explicit(&own->lock, memory_order_acquire))
			return true;
	}
	return false;
}

/* Release pairs with the acquire in try_lock(): who takes the lock next sees the lines. */
static void unlock(struct rk_log_own *own)
{
	atomic_flag_clear_explicit(&own->lock, memory_order_release);
}

/* The lock is held. Return: false when there is no room. */
static bool keep_line(struct rk_log_own *own, enum rk_log_level level, const char *text)
{
	struct rk_log_own_line *line;

	if (own->count == RK_LOG_OWN_LINES)
		return false;
	line = &own->lines[own->count++];
	line->unix_ns = now_unix_ns();
	line->level = level;
	snprintf(line->text, sizeof(line->text), "%s", text);
	return true;
}

/* Any thread. Who cannot get the lock gives up: a line less is better than a wait. */
void rk_log_own_take(enum rk_log_level level, const char *text, void *data)
{
	struct rk_log_own *own = data;
	bool taken = false;

	if (try_lock(own)) {
		taken = keep_line(own, level, text);
		unlock(own);
	}
	if (!taken)
		atomic_fetch_add(&own->lost, 1);
}

bool rk_log_own_pop(struct rk_log_own *own, struct rk_log_own_line *line)
{
	bool found = false;

	if (!try_lock(own))
		return false;
	if (own->count) {
		found = true;
		*line = own->lines[0];
		memmove(own->lines, own->lines + 1, --own->count * sizeof(own->lines[0]));
	}
	unlock(own);
	return found;
}

/* A line about lines that are missing. Return: whether there are any. */
bool rk_log_own_pop_lost(struct rk_log_own *own, struct rk_log_own_line *line)
{
	uint32_t lost = atomic_exchange(&own->lost, 0);

	own->lost_before += lost;
	line->unix_ns = now_unix_ns();
	line->level = RK_LOG_WARN;
	snprintf(line->text, sizeof(line->text),
		 "log: %u lines of the tracer itself were lost: too many at once", lost);
	return lost;
}

uint64_t rk_log_own_lost(const struct rk_log_own *own)
{
	return own->lost_before + atomic_load(&own->lost);
}
