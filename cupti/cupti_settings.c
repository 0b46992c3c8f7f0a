/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_settings.c - noted, changed, put back.
 */
#include "cupti/cupti_settings.h"

#include <time.h>
#include <unistd.h>

#include "core/gpu_facts.h"
#include "core/log.h"

#define WSL_DEVICE "/dev/dxg"

enum { BUFFER_BYTES = 1 << 0, BUFFER_LIMIT = 1 << 1, ZEROED = 1 << 2, THREAD_ID = 1 << 3 };

static CUptiResult call_set(const struct rk_cupti_settings *settings,
			    const struct rk_cupti_library *library,
			    CUpti_ActivityAttribute attribute, void *value, size_t size)
{
	if (settings->v2_subscriber)
		return library->v2.cuptiActivitySetAttribute_v2(settings->v2_subscriber, attribute,
								&size, value);
	if (!library->cuptiActivitySetAttribute)
		return CUPTI_ERROR_NOT_SUPPORTED;
	return library->cuptiActivitySetAttribute(attribute, &size, value);
}

static CUptiResult set_attribute(const struct rk_cupti_settings *settings,
				 const struct rk_cupti_library *library,
				 CUpti_ActivityAttribute attribute, void *value, size_t size)
{
	CUptiResult result = call_set(settings, library, attribute, value, size);
	char why[96];

	if (result != CUPTI_SUCCESS)
		rk_log_debug("cupti: could not set attribute %d: %s", (int)attribute,
			     rk_cupti_library_strerror(library, result, why, sizeof(why)));
	return result;
}

static bool get_attribute(const struct rk_cupti_settings *settings,
			  const struct rk_cupti_library *library, CUpti_ActivityAttribute attribute,
			  void *value, size_t size)
{
	if (settings->v2_subscriber)
		return library->v2.cuptiActivityGetAttribute_v2(settings->v2_subscriber, attribute,
								&size, value) == CUPTI_SUCCESS;
	return library->cuptiActivityGetAttribute &&
	       library->cuptiActivityGetAttribute(attribute, &size, value) == CUPTI_SUCCESS;
}

/* Only what can be read back is changed: a size that we could not restore stays the default. */
static void limit_buffers(struct rk_cupti_settings *settings,
			  const struct rk_cupti_library *library)
{
	size_t bytes = RK_GPU_BUFFER_BYTES;
	size_t limit = RK_GPU_BUFFER_LIMIT;

	if (get_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE,
			  &settings->found_buffer_bytes, sizeof(size_t)) &&
	    set_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE, &bytes,
			  sizeof(bytes)) == CUPTI_SUCCESS)
		settings->changed |= BUFFER_BYTES;
	if (get_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT,
			  &settings->found_buffer_limit, sizeof(size_t)) &&
	    set_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT, &limit,
			  sizeof(limit)) == CUPTI_SUCCESS)
		settings->changed |= BUFFER_LIMIT;
	/* What holds is what CUPTI says, not what was asked for. */
	get_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE,
		      &settings->buffer_bytes, sizeof(size_t));
	get_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT,
		      &settings->buffer_limit, sizeof(size_t));
}

/* Else CUPTI zeroes every buffer itself, on a thread of the program. */
static void promise_zeroes(struct rk_cupti_settings *settings,
			   const struct rk_cupti_library *library)
{
	uint8_t zeroed = 1;

	settings->found_zeroed = 0; /* CUPTI's default, where it cannot be asked */
	get_attribute(settings, library, CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER,
		      &settings->found_zeroed, sizeof(settings->found_zeroed));
	if (set_attribute(settings, library, CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER,
			  &zeroed, sizeof(zeroed)) == CUPTI_SUCCESS)
		settings->changed |= ZEROED;
}

static void apply_own(struct rk_cupti_settings *settings, const struct rk_cupti_library *library,
		      CUpti_TimestampCallbackFunc clock)
{
	CUpti_ActivityThreadIdType type = CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM;

	set_attribute(settings, library, (CUpti_ActivityAttribute)RK_CUPTI_V2_THREAD_ID_TYPE, &type,
		      sizeof(type));
	settings->own_clock = set_attribute(settings, library,
					    (CUpti_ActivityAttribute)RK_CUPTI_V2_TIMESTAMP_CALLBACK,
					    &clock, sizeof(clock)) == CUPTI_SUCCESS;
}

void rk_cupti_settings_apply(struct rk_cupti_settings *settings,
			     const struct rk_cupti_library *library,
			     CUpti_TimestampCallbackFunc clock)
{
	*settings = (struct rk_cupti_settings){ .v2_subscriber = settings->v2_subscriber };
	limit_buffers(settings, library);
	promise_zeroes(settings, library);
	if (settings->v2_subscriber) {
		/* These two are of the subscriber, and go with it. */
		apply_own(settings, library, clock);
		return;
	}
	settings->found_thread_id = CUPTI_ACTIVITY_THREAD_ID_TYPE_DEFAULT;
	if (library->cuptiGetThreadIdType)
		library->cuptiGetThreadIdType(&settings->found_thread_id);
	if (library->cuptiSetThreadIdType &&
	    library->cuptiSetThreadIdType(CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM) == CUPTI_SUCCESS)
		settings->changed |= THREAD_ID;
	settings->own_clock =
		library->cuptiActivityRegisterTimestampCallback &&
		library->cuptiActivityRegisterTimestampCallback(clock) == CUPTI_SUCCESS;
}

uint64_t CUPTIAPI rk_cupti_settings_default_clock(void)
{
	static _Atomic int is_wsl = -1;
	struct timespec ts;

	if (is_wsl < 0)
		is_wsl = access(WSL_DEVICE, F_OK) == 0;
	clock_gettime(is_wsl ? CLOCK_MONOTONIC_RAW : CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void restore_clock(const struct rk_cupti_library *library)
{
	/* Newer libraries take NULL for their own; the others get a clock that shows the same. */
	if (library->cuptiActivityRegisterTimestampCallback(NULL) != CUPTI_SUCCESS)
		library->cuptiActivityRegisterTimestampCallback(rk_cupti_settings_default_clock);
}

void rk_cupti_settings_restore(struct rk_cupti_settings *settings,
			       const struct rk_cupti_library *library)
{
	if (settings->changed & BUFFER_BYTES)
		set_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE,
			      &settings->found_buffer_bytes, sizeof(size_t));
	if (settings->changed & BUFFER_LIMIT)
		set_attribute(settings, library, CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT,
			      &settings->found_buffer_limit, sizeof(size_t));
	if (settings->changed & ZEROED)
		set_attribute(settings, library, CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER,
			      &settings->found_zeroed, sizeof(settings->found_zeroed));
	if (settings->changed & THREAD_ID)
		library->cuptiSetThreadIdType(settings->found_thread_id);
	if (settings->own_clock && !settings->v2_subscriber)
		restore_clock(library);
	settings->changed = 0;
	settings->own_clock = false;
}
