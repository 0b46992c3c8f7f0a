/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_v2.c - the newer functions, found by name.
 */
#include "cupti/cupti_v2.h"

#include <dlfcn.h>
#include <string.h>

#include "cupti/cupti_reported.h"

bool rk_cupti_v2_find(struct rk_cupti_v2 *v2, void *library)
{
	static const struct {
		const char *name;
		size_t slot;
	} functions[] = {
#define FUNCTION(name) { #name, offsetof(struct rk_cupti_v2, name) }
		FUNCTION(cuptiSubscribe_v2),
		FUNCTION(cuptiActivityRegisterCallbacks_v2),
		FUNCTION(cuptiActivityEnable_v2),
		FUNCTION(cuptiActivityDisable_v2),
		FUNCTION(cuptiActivitySetAttribute_v2),
		FUNCTION(cuptiActivityGetAttribute_v2),
		FUNCTION(cuptiActivityGetNumDroppedRecords_v2),
#undef FUNCTION
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		void *found = dlsym(library, functions[i].name);

		if (!found)
			return false;
		memcpy((uint8_t *)v2 + functions[i].slot, &found, sizeof(found));
	}
	return true;
}

CUptiResult rk_cupti_v2_subscribe(const struct rk_cupti_v2 *v2, CUpti_SubscriberHandle *subscriber,
				  CUpti_CallbackFunc callback)
{
	/* Alone: where others are let in, settings that last are theirs as well as ours. */
	struct rk_cupti_v2_subscriber params = { .struct_size = sizeof(params),
						 .name = "rkpreload" };

	return v2->cuptiSubscribe_v2(subscriber, callback, NULL, &params);
}

CUptiResult rk_cupti_v2_choose_fields(const struct rk_cupti_v2 *v2,
				      CUpti_SubscriberHandle subscriber)
{
	uint8_t on = 1;
	size_t size = sizeof(on);

	return v2->cuptiActivitySetAttribute_v2(
		subscriber, (CUpti_ActivityAttribute)RK_CUPTI_V2_USER_DEFINED_RECORDS, &size, &on);
}

CUptiResult rk_cupti_v2_enable(const struct rk_cupti_v2 *v2, CUpti_SubscriberHandle subscriber,
			       CUpti_ActivityKind kind)
{
	int ids[RK_CUPTI_FIELDS_MAX];
	struct rk_cupti_v2_config config = {
		.struct_size = sizeof(config),
		.selection = { .struct_size = sizeof(config.selection), .field_ids = ids },
	};

	config.selection.field_count = rk_cupti_reported_select(kind, ids);
	return v2->cuptiActivityEnable_v2(subscriber, kind, &config);
}
