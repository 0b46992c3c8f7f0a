/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/nvtx.c - the tables of functions of NVTX 3, and ours that go into them.
 *
 * Tables differ in length with the version of the headers a program was compiled with: what lies
 * behind the end of one is left out. Names of devices, contexts, streams and events, and the
 * synchronisation objects, are not taken: those functions stay as empty as without a tool.
 */
#define NVTX_NO_IMPL
#pragma GCC visibility push(default)
#include <nvtx3/nvToolsExt.h>

int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table);
#pragma GCC visibility pop

#include "interpose/nvtx.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config_value.h"
#include "core/log.h"
#include "interpose/nvtx_range.h"

#define VARIABLE "NVTX_INJECTION64_PATH"

static_assert(sizeof(nvtxEventAttributes_t) == 48, "programs fill these in");
static_assert(RK_NVTX_NOT_TRACKED == NVTX_NO_PUSH_POP_TRACKING, "as without a tool");

enum attachment { NOT_PREPARED, ALLOWED, ATTACHED, REFUSED };
static _Atomic uint32_t attachment = NOT_PREPARED;
static bool set_by_us; /* immutable after the constructor */
static char library[PATH_MAX];

static void take_payload(struct rk_nvtx_event *event, const nvtxEventAttributes_t *from)
{
	struct rk_field *payload = &event->payload;

	payload->key = "nvtx.payload";
	payload->type = RK_FIELD_INTEGER;
	switch (from->payloadType) {
	case NVTX_PAYLOAD_TYPE_UNSIGNED_INT64:
		payload->integer = from->payload.llValue;
		if (payload->integer >= 0)
			break;
		snprintf(event->digits, sizeof(event->digits), "%" PRIu64, from->payload.ullValue);
		payload->type = RK_FIELD_TEXT;
		payload->text = event->digits;
		break;
	case NVTX_PAYLOAD_TYPE_INT64:
		payload->integer = from->payload.llValue;
		break;
	case NVTX_PAYLOAD_TYPE_UNSIGNED_INT32:
		payload->integer = from->payload.uiValue;
		break;
	case NVTX_PAYLOAD_TYPE_INT32:
		payload->integer = from->payload.iValue;
		break;
	case NVTX_PAYLOAD_TYPE_DOUBLE:
		payload->type = RK_FIELD_NUMBER;
		payload->number = from->payload.dValue;
		break;
	case NVTX_PAYLOAD_TYPE_FLOAT:
		payload->type = RK_FIELD_NUMBER;
		payload->number = (double)from->payload.fValue;
		break;
	default:
		payload->key = NULL;
		break;
	}
}

/* An event with its text; wide ones are converted into it. */
struct taken {
	struct rk_nvtx_event event;
	char wide[RK_NVTX_WIDE_BYTES];
};

static const struct rk_nvtx_event *take_text(struct taken *taken, const char *message)
{
	memset(&taken->event, 0, sizeof(taken->event));
	taken->event.message = message;
	return &taken->event;
}

static const struct rk_nvtx_event *take_wide(struct taken *taken, const wchar_t *message)
{
	return take_text(taken, rk_nvtx_narrow(message, taken->wide));
}

static const char *message_of(struct taken *taken, const nvtxEventAttributes_t *from)
{
	switch (from->messageType) {
	case NVTX_MESSAGE_TYPE_ASCII:
		return from->message.ascii;
	case NVTX_MESSAGE_TYPE_UNICODE:
		return rk_nvtx_narrow(from->message.unicode, taken->wide);
	case NVTX_MESSAGE_TYPE_REGISTERED:
		return rk_nvtx_string_of(from->message.registered);
	default:
		return NULL;
	}
}

/* A structure that is shorter than ours is of a version we do not know: it has no members. */
static const struct rk_nvtx_event *take(struct taken *taken, nvtxDomainHandle_t domain,
					const nvtxEventAttributes_t *from)
{
	take_text(taken, NULL);
	taken->event.domain = rk_nvtx_domain_of(domain);
	if (!from || from->size < sizeof(*from))
		return &taken->event;
	taken->event.message = message_of(taken, from);
	taken->event.category = from->category;
	take_payload(&taken->event, from);
	return &taken->event;
}

static void mark_ex(const nvtxEventAttributes_t *attributes)
{
	struct taken taken;

	rk_nvtx_range_mark(take(&taken, NULL, attributes));
}

static void mark(const char *message)
{
	struct taken taken;

	rk_nvtx_range_mark(take_text(&taken, message));
}

static void mark_wide(const wchar_t *message)
{
	struct taken taken;

	rk_nvtx_range_mark(take_wide(&taken, message));
}

static nvtxRangeId_t range_start_ex(const nvtxEventAttributes_t *attributes)
{
	struct taken taken;

	return rk_nvtx_range_start(take(&taken, NULL, attributes));
}

static nvtxRangeId_t range_start(const char *message)
{
	struct taken taken;

	return rk_nvtx_range_start(take_text(&taken, message));
}

static nvtxRangeId_t range_start_wide(const wchar_t *message)
{
	struct taken taken;

	return rk_nvtx_range_start(take_wide(&taken, message));
}

static void range_end(nvtxRangeId_t id)
{
	rk_nvtx_range_end(id);
}

static int range_push_ex(const nvtxEventAttributes_t *attributes)
{
	struct taken taken;

	return rk_nvtx_range_push(take(&taken, NULL, attributes));
}

static int range_push(const char *message)
{
	struct taken taken;

	return rk_nvtx_range_push(take_text(&taken, message));
}

static int range_push_wide(const wchar_t *message)
{
	struct taken taken;

	return rk_nvtx_range_push(take_wide(&taken, message));
}

static int range_pop(void)
{
	return rk_nvtx_range_pop(NULL);
}

static void name_category(uint32_t category, const char *name)
{
	rk_nvtx_category_set(NULL, category, name);
}

static void name_category_wide(uint32_t category, const wchar_t *name)
{
	char text[RK_NVTX_WIDE_BYTES];

	rk_nvtx_category_set(NULL, category, rk_nvtx_narrow(name, text));
}

static void name_thread(uint32_t thread, const char *name)
{
	rk_nvtx_range_name_thread(thread, name);
}

static void name_thread_wide(uint32_t thread, const wchar_t *name)
{
	char text[RK_NVTX_WIDE_BYTES];

	rk_nvtx_range_name_thread(thread, rk_nvtx_narrow(name, text));
}

static void domain_mark_ex(nvtxDomainHandle_t domain, const nvtxEventAttributes_t *attributes)
{
	struct taken taken;

	rk_nvtx_range_mark(take(&taken, domain, attributes));
}

static nvtxRangeId_t domain_range_start_ex(nvtxDomainHandle_t domain,
					   const nvtxEventAttributes_t *attributes)
{
	struct taken taken;

	return rk_nvtx_range_start(take(&taken, domain, attributes));
}

static void domain_range_end(nvtxDomainHandle_t domain, nvtxRangeId_t id)
{
	(void)domain;
	rk_nvtx_range_end(id);
}

static int domain_range_push_ex(nvtxDomainHandle_t domain, const nvtxEventAttributes_t *attributes)
{
	struct taken taken;

	return rk_nvtx_range_push(take(&taken, domain, attributes));
}

static int domain_range_pop(nvtxDomainHandle_t domain)
{
	return rk_nvtx_range_pop(rk_nvtx_domain_of(domain));
}

static void domain_name_category(nvtxDomainHandle_t domain, uint32_t category, const char *name)
{
	rk_nvtx_category_set(rk_nvtx_domain_of(domain), category, name);
}

static void domain_name_category_wide(nvtxDomainHandle_t domain, uint32_t category,
				      const wchar_t *name)
{
	char text[RK_NVTX_WIDE_BYTES];

	rk_nvtx_category_set(rk_nvtx_domain_of(domain), category, rk_nvtx_narrow(name, text));
}

/* One text is one string, whatever the domain. */
static nvtxStringHandle_t domain_register_string(nvtxDomainHandle_t domain, const char *text)
{
	(void)domain;
	return rk_nvtx_string_create(text);
}

static nvtxStringHandle_t domain_register_string_wide(nvtxDomainHandle_t domain,
						      const wchar_t *text)
{
	char bytes[RK_NVTX_WIDE_BYTES];

	(void)domain;
	return rk_nvtx_string_create(rk_nvtx_narrow(text, bytes));
}

static nvtxDomainHandle_t domain_create(const char *name)
{
	return (nvtxDomainHandle_t)(uintptr_t)rk_nvtx_domain_create(name);
}

static nvtxDomainHandle_t domain_create_wide(const wchar_t *name)
{
	char text[RK_NVTX_WIDE_BYTES];

	return domain_create(rk_nvtx_narrow(name, text));
}

/* Its ranges may still be open: it keeps its place. */
static void domain_destroy(nvtxDomainHandle_t domain)
{
	(void)domain;
}

/* The check of the type costs nothing: what is wrong does not compile. */
#define FUNCTION(prefix, name, function)                                                           \
	[NVTX_CBID_##prefix##_##name] =                                                            \
		(NvtxFunctionPointer)(1 ? (function) : (nvtx##name##_impl_fntype)NULL)

static const NvtxFunctionPointer core[NVTX_CBID_CORE_SIZE] = {
	FUNCTION(CORE, MarkEx, mark_ex),
	FUNCTION(CORE, MarkA, mark),
	FUNCTION(CORE, MarkW, mark_wide),
	FUNCTION(CORE, RangeStartEx, range_start_ex),
	FUNCTION(CORE, RangeStartA, range_start),
	FUNCTION(CORE, RangeStartW, range_start_wide),
	FUNCTION(CORE, RangeEnd, range_end),
	FUNCTION(CORE, RangePushEx, range_push_ex),
	FUNCTION(CORE, RangePushA, range_push),
	FUNCTION(CORE, RangePushW, range_push_wide),
	FUNCTION(CORE, RangePop, range_pop),
	FUNCTION(CORE, NameCategoryA, name_category),
	FUNCTION(CORE, NameCategoryW, name_category_wide),
	FUNCTION(CORE, NameOsThreadA, name_thread),
	FUNCTION(CORE, NameOsThreadW, name_thread_wide),
};

static const NvtxFunctionPointer core2[NVTX_CBID_CORE2_SIZE] = {
	FUNCTION(CORE2, DomainMarkEx, domain_mark_ex),
	FUNCTION(CORE2, DomainRangeStartEx, domain_range_start_ex),
	FUNCTION(CORE2, DomainRangeEnd, domain_range_end),
	FUNCTION(CORE2, DomainRangePushEx, domain_range_push_ex),
	FUNCTION(CORE2, DomainRangePop, domain_range_pop),
	FUNCTION(CORE2, DomainNameCategoryA, domain_name_category),
	FUNCTION(CORE2, DomainNameCategoryW, domain_name_category_wide),
	FUNCTION(CORE2, DomainRegisterStringA, domain_register_string),
	FUNCTION(CORE2, DomainRegisterStringW, domain_register_string_wide),
	FUNCTION(CORE2, DomainCreateA, domain_create),
	FUNCTION(CORE2, DomainCreateW, domain_create_wide),
	FUNCTION(CORE2, DomainDestroy, domain_destroy),
};

static void fill_table(const NvtxExportTableCallbacks *callbacks, NvtxCallbackModule module,
		       const NvtxFunctionPointer *ours, unsigned int count)
{
	NvtxFunctionTable table = NULL;
	unsigned int size = 0;

	if (!callbacks->GetModuleFunctionTable(module, &table, &size) || !table)
		return;
	for (unsigned int i = 1; i < size && i < count; i++) {
		if (table[i] && ours[i])
			*table[i] = ours[i];
	}
}

/* Once in a process, whoever of its copies of NVTX comes first. */
static bool attach(void)
{
	uint32_t seen = ALLOWED;

	if (atomic_compare_exchange_strong(&attachment, &seen, ATTACHED) &&
	    !rk_nvtx_stack_init(rk_nvtx_range_end_thread))
		atomic_store(&attachment, REFUSED);
	return atomic_load(&attachment) == ATTACHED;
}

/* Called by a copy of NVTX on the thread that uses it first. Return: 0 = no tool is there. */
int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table)
{
	const NvtxExportTableCallbacks *callbacks;

	if (!attach())
		return 0;
	callbacks = get_table(NVTX_ETID_CALLBACKS);
	if (!callbacks || callbacks->struct_size < sizeof(*callbacks))
		return 0;
	fill_table(callbacks, NVTX_CB_MODULE_CORE, core, NVTX_CBID_CORE_SIZE);
	fill_table(callbacks, NVTX_CB_MODULE_CORE2, core2, NVTX_CBID_CORE2_SIZE);
	return 1;
}

/* Where we lie, in a form that holds when the program has changed its folder. */
static bool find_library(void)
{
	Dl_info info;

	return dladdr((void *)InitializeInjectionNvtx2, &info) && info.dli_fname &&
	       realpath(info.dli_fname, library);
}

/* Any later the program may have threads that look at the environment. */
static bool is_preloaded(const struct rk_env *env)
{
	const char *list = rk_env_get(env, "LD_PRELOAD");

	return list && strstr(list, strrchr(library, '/') + 1);
}

static bool is_ours(const char *path)
{
	char resolved[PATH_MAX];

	return realpath(path, resolved) && strcmp(resolved, library) == 0;
}

void rk_nvtx_prepare(const struct rk_env *env)
{
	const char *text = rk_env_get(env, "RUSTKERNEL_NVTX");
	bool wanted = false;

	if (text && rk_config_parse_bool(text, &wanted) && !wanted)
		return;
	atomic_store(&attachment, ALLOWED);
	set_by_us = wanted && !rk_env_get(env, VARIABLE) && find_library() && is_preloaded(env) &&
		    setenv(VARIABLE, library, 0) == 0;
}

void rk_nvtx_log_problems(const struct rk_config *config, const struct rk_env *env)
{
	const char *path = rk_env_get(env, VARIABLE);

	if (!config->nvtx || set_by_us)
		return;
	if (path && find_library() && !is_ours(path))
		rk_log_info("nvtx: " VARIABLE " is %s: ranges go to that tool and not into spans",
			    path);
	else if (!path)
		rk_log_warn(
			"nvtx: the setting comes too late for NVTX to find us: start the "
			"program by rktrace run, or with RUSTKERNEL_NVTX=1 and LD_PRELOAD, or set " VARIABLE);
}
