/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_v2.h - CUPTI's newer functions: those that are told for whom they are called.
 *
 * With them CUPTI writes records of fields that the client chose and says where each of them
 * lies. They exist since CUDA 13.2, are no beta since 13.3, and must not be mixed with the older
 * functions. The headers that we are built with need not know them: types are declared here as
 * cupti_activity.h and cupti_callbacks.h of 13.5 have them, and found by name.
 */
#ifndef RK_CUPTI_CUPTI_V2_H
#define RK_CUPTI_CUPTI_V2_H

#include <cupti.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CUpti_ActivityAttribute */
enum {
	RK_CUPTI_V2_USER_DEFINED_RECORDS = 11, /* uint8_t */
	RK_CUPTI_V2_THREAD_ID_TYPE = 21,
	RK_CUPTI_V2_TIMESTAMP_CALLBACK = 22,
};

struct rk_cupti_v2_subscriber {
	size_t struct_size;
	const char *name;
	char *old_name; /* receives who is in the way; may be NULL */
	size_t old_name_size;
	uint8_t allow_multiple;
	uint8_t padding[7];
};

struct rk_cupti_v2_selection {
	size_t struct_size;
	size_t field_count;
	int *field_ids; /* the first is the kind */
};

struct rk_cupti_v2_config {
	size_t struct_size;
	struct rk_cupti_v2_selection selection;
	void *kind_options;
};

struct rk_cupti_v2_entry {
	size_t struct_size;
	int field_id;
	size_t offset;
	size_t size;
	size_t alignment;
};

struct rk_cupti_v2_layout {
	size_t struct_size;
	struct rk_cupti_v2_entry *entries;
	size_t entry_count;
	size_t record_size;
};

struct rk_cupti_v2_complete {
	size_t struct_size;
	uint64_t thread;
	struct rk_cupti_v2_layout **layouts; /* by kind of record; valid in the callback only */
	size_t layout_count;
};

typedef void(CUPTIAPI *rk_cupti_v2_request_fn)(uint8_t **buffer, size_t *size, size_t *max_records,
					       void *info);
typedef void(CUPTIAPI *rk_cupti_v2_complete_fn)(uint8_t *buffer, size_t size, size_t valid,
						struct rk_cupti_v2_complete *info);

/* All of them, or none is used. */
struct rk_cupti_v2 {
	CUptiResult(CUPTIAPI *cuptiSubscribe_v2)(CUpti_SubscriberHandle *subscriber,
						 CUpti_CallbackFunc callback, void *data,
						 struct rk_cupti_v2_subscriber *params);
	CUptiResult(CUPTIAPI *cuptiActivityRegisterCallbacks_v2)(CUpti_SubscriberHandle subscriber,
								 rk_cupti_v2_request_fn request,
								 rk_cupti_v2_complete_fn complete);
	CUptiResult(CUPTIAPI *cuptiActivityEnable_v2)(CUpti_SubscriberHandle subscriber,
						      CUpti_ActivityKind kind,
						      struct rk_cupti_v2_config *config);
	CUptiResult(CUPTIAPI *cuptiActivityDisable_v2)(CUpti_SubscriberHandle subscriber,
						       CUpti_ActivityKind kind,
						       struct rk_cupti_v2_config *config);
	CUptiResult(CUPTIAPI *cuptiActivitySetAttribute_v2)(CUpti_SubscriberHandle subscriber,
							    CUpti_ActivityAttribute attribute,
							    size_t *size, void *value);
	CUptiResult(CUPTIAPI *cuptiActivityGetAttribute_v2)(CUpti_SubscriberHandle subscriber,
							    CUpti_ActivityAttribute attribute,
							    size_t *size, void *value);
	CUptiResult(CUPTIAPI *cuptiActivityGetNumDroppedRecords_v2)(
		CUpti_SubscriberHandle subscriber, CUcontext context, uint32_t stream,
		size_t *dropped);
};

/**
 * Look all of them up.
 *
 * Context: init or rk-cupti. Return: whether the library has them.
 */
bool rk_cupti_v2_find(struct rk_cupti_v2 *v2, void *library);

/**
 * Subscribe, as the only one / ask for records of chosen fields / for those of @kind.
 *
 * Context: init or rk-cupti. Return: CUPTI's answer.
 */
CUptiResult rk_cupti_v2_subscribe(const struct rk_cupti_v2 *v2, CUpti_SubscriberHandle *subscriber,
				  CUpti_CallbackFunc callback);
CUptiResult rk_cupti_v2_choose_fields(const struct rk_cupti_v2 *v2,
				      CUpti_SubscriberHandle subscriber);
CUptiResult rk_cupti_v2_enable(const struct rk_cupti_v2 *v2, CUpti_SubscriberHandle subscriber,
			       CUpti_ActivityKind kind);

#endif
