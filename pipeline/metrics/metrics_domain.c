/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/metrics/metrics_domain.c - domains of spans and executions, by id and number.
 */
#include "pipeline/metrics/metrics_domain.h"

#include <string.h>

#include "core/fields.h"
#include "core/intern.h"

static uint64_t key_of(const uint8_t id[8])
{
	uint64_t key;

	memcpy(&key, id, sizeof(key));
	return key;
}

/* Ids may only count: the upper bits of the product differ all the same. */
static struct rk_domain_place *span_at(struct rk_metrics_domains *domains, uint64_t key)
{
	return &domains->spans[key * 0x9e3779b97f4a7c15u >> 32 & (RK_DOMAIN_SPANS - 1)];
}

static uint32_t domain_of_span(struct rk_metrics_domains *domains, uint64_t key)
{
	const struct rk_domain_place *place = span_at(domains, key);

	return key && place->key == key ? place->domain : 0;
}

/* Of a name that the program chose. Return: 0 when it is one too many. */
static uint32_t name_get(struct rk_metrics_domains *domains, const char *name)
{
	for (uint32_t i = 0; i < domains->name_count; i++) {
		if (strcmp(rk_intern_get(domains->names[i]), name) == 0)
			return domains->names[i];
	}
	if (domains->name_count == RK_DOMAINS_MAX)
		return 0;
	domains->names[domains->name_count] = rk_intern(name);
	return domains->names[domains->name_count++];
}

static void begin_span(struct rk_metrics_domains *domains, const struct rk_op *op)
{
	uint64_t key = key_of(op->said.span_id);
	struct rk_fields_reader reader;
	const char *name;

	if (!key)
		return;
	rk_fields_reader_init(&reader, op->text, op->text_bytes);
	rk_fields_next_placed(&reader); /* the span's name */
	name = rk_fields_next_placed(&reader);
	*span_at(domains, key) = (struct rk_domain_place){
		key,
		*name ? name_get(domains, name) :
			domain_of_span(domains, key_of(op->said.parent_id)),
	};
}

void rk_metrics_domain_feed(struct rk_metrics_domains *domains, const struct rk_op *op)
{
	uint32_t domain;

	if (op->kind == RK_OP_SPAN_BEGIN) {
		begin_span(domains, op);
		return;
	}
	domain = domain_of_span(domains, key_of(op->said.span_id));
	if (!op->exec)
		domains->failing = domain;
	else if (domain)
		domains->execs[op->exec % RK_DOMAIN_EXECS] =
			(struct rk_domain_place){ op->exec, domain };
}

uint32_t rk_metrics_domain_of_failure(struct rk_metrics_domains *domains, const struct rk_op *op)
{
	const struct rk_domain_place *place = &domains->execs[op->exec % RK_DOMAIN_EXECS];
	uint32_t domain = op->exec && place->key == op->exec ? place->domain : 0;

	if (!op->exec)
		domain = domains->failing;
	domains->failing = 0;
	return domain;
}
