/* SPDX-License-Identifier: Apache-2.0
 *
 * cupti/cupti_reported.c - nothing is believed that does not lie inside its record.
 */
#include "cupti/cupti_reported.h"

#include <string.h>

#include "core/gpu_facts.h"
#include "cupti/cupti_decode.h"

/* CUPTI's largest record has 248 bytes, its kinds less than 60 fields; and its entries may grow. */
#define RECORD_MAX  4096
#define ENTRIES_MAX 256
#define STRIDE_MAX  256

struct field {
	uint8_t record;	 /* enum rk_cupti_record */
	uint8_t width;	 /* bytes that are read */
	bool is_needed;
	int id;		 /* CUPTI's */
	uint16_t member; /* of struct rk_cupti_layout */
};

static const struct field fields[] = {
#define RK_CUPTI_FIELD(record, name, id, member, width, needed)                                    \
	{ RK_CUPTI_##record, width, needed, id, offsetof(struct rk_cupti_layout, member) },
#include "cupti/cupti_field.def"
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

uint32_t rk_cupti_reported_select(uint32_t kind, int ids[RK_CUPTI_FIELDS_MAX])
{
	int record = rk_cupti_record_of_kind(kind);
	uint32_t count = 0;

	for (size_t i = 0; i < FIELDS && count < RK_CUPTI_FIELDS_MAX; i++)
		if (fields[i].record == record)
			ids[count++] = fields[i].id;
	return count;
}

static void set_member(struct rk_cupti_layout *row, const struct field *field, uint16_t offset)
{
	memcpy((uint8_t *)row + field->member, &offset, sizeof(offset));
}

/* The entry of @field, or NULL. Its struct may have grown behind what we know. */
static const struct rk_cupti_v2_entry *find_entry(const struct rk_cupti_v2_layout *layout,
						  const struct field *field, size_t stride)
{
	for (size_t i = 0; i < layout->entry_count; i++) {
		const struct rk_cupti_v2_entry *entry =
			(const void *)((const uint8_t *)layout->entries + i * stride);

		if (entry->field_id == field->id)
			return entry;
	}
	return NULL;
}

static bool lies_inside(const struct rk_cupti_v2_entry *entry, const struct field *field,
			size_t record_size)
{
	return entry->size >= field->width && entry->size <= record_size &&
	       entry->offset <= record_size - entry->size;
}

static bool is_sane(const struct rk_cupti_v2_layout *layout)
{
	return layout->record_size >= 8 && layout->record_size <= RECORD_MAX && layout->entries &&
	       layout->entry_count && layout->entry_count <= ENTRIES_MAX &&
	       layout->entries->struct_size >= sizeof(struct rk_cupti_v2_entry) &&
	       layout->entries->struct_size <= STRIDE_MAX && layout->entries->struct_size % 8 == 0;
}

/* False: records of it cannot be read; where even their size is doubtful, row->size is 0. */
static bool read_layout(struct rk_cupti_layout *row, int record,
			const struct rk_cupti_v2_layout *layout)
{
	bool is_readable = true;

	memset(row, 0xff, sizeof(*row)); /* RK_CUPTI_ABSENT in every field */
	row->record = "reported";
	row->since = row->size = row->needed = 0;
	if (!is_sane(layout))
		return false;
	row->size = (uint16_t)layout->record_size;
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &fields[i];
		const struct rk_cupti_v2_entry *entry;

		if (field->record != record)
			continue;
		entry = find_entry(layout, field, layout->entries->struct_size);
		if (entry && lies_inside(entry, field, layout->record_size))
			set_member(row, field, (uint16_t)entry->offset);
		else if (entry || field->is_needed)
			is_readable = false;
	}
	/* Everything else hangs on it. */
	if (row->kind != 0)
		row->size = 0;
	row->needed = is_readable && row->size ? row->size : 0;
	return row->needed != 0;
}

static void take_layout(struct rk_cupti_reported *reported, int record,
			const struct rk_cupti_v2_layout *layout)
{
	uint32_t state = atomic_load_explicit(&reported->state[record], memory_order_relaxed);
	struct rk_cupti_layout row;
	bool is_readable;

	if (state > RK_CUPTI_REPORTED)
		return;
	is_readable = read_layout(&row, record, layout);
	if (state == RK_CUPTI_REPORTED) {
		if (memcmp(&row, &reported->rows[record], sizeof(row)) != 0)
			atomic_store(&reported->state[record], RK_CUPTI_CONTRADICTED);
		return;
	}
	memcpy(&reported->rows[record], &row, sizeof(row));
	/* Release pairs with the acquire in rk_cupti_reported_get(). */
	atomic_store_explicit(&reported->state[record],
			      is_readable ? RK_CUPTI_REPORTED : RK_CUPTI_UNREADABLE,
			      memory_order_release);
}

void rk_cupti_reported_take(struct rk_cupti_reported *reported,
			    const struct rk_cupti_v2_complete *info)
{
	if (!info || info->struct_size < sizeof(*info) || !info->layouts)
		return;
	/* CUPTI holds its own lock around this: another thread is here at most by its mistake. */
	while (atomic_flag_test_and_set_explicit(&reported->busy, memory_order_acquire))
		;
	for (size_t kind = 0; kind < info->layout_count && kind < ENTRIES_MAX; kind++) {
		int record = rk_cupti_record_of_kind((uint32_t)kind);

		if (record >= 0 && info->layouts[kind])
			take_layout(reported, record, info->layouts[kind]);
	}
	atomic_flag_clear_explicit(&reported->busy, memory_order_release);
}

void rk_cupti_reported_get(struct rk_cupti_reported *reported, struct rk_cupti_layouts *layouts)
{
	static const struct rk_cupti_layout unknown = { .record = "unreported" };

	for (int i = 0; i < RK_CUPTI_RECORD_COUNT; i++) {
		/* Acquire pairs with the release in take_layout(). */
		uint32_t state = atomic_load_explicit(&reported->state[i], memory_order_acquire);

		layouts->of[i] = state == RK_CUPTI_REPORTED || state == RK_CUPTI_UNREADABLE ?
					 &reported->rows[i] :
					 &unknown;
		layouts->unreadable[i] = state != RK_CUPTI_REPORTED;
	}
}

uint32_t rk_cupti_reported_missing(struct rk_cupti_reported *reported)
{
	static const uint32_t bits[RK_CUPTI_RECORD_COUNT] = {
		[RK_CUPTI_KERNEL] = RK_GPU_NO_KERNELS,
		[RK_CUPTI_MEMCPY] = RK_GPU_NO_COPIES,
		[RK_CUPTI_MEMCPY_PEER] = RK_GPU_NO_PEER_COPIES,
		[RK_CUPTI_MEMSET] = RK_GPU_NO_MEMSETS,
		[RK_CUPTI_GRAPH] = RK_GPU_NO_GRAPHS,
	};
	uint32_t missing = 0;

	for (int i = 0; i < RK_CUPTI_RECORD_COUNT; i++)
		if (atomic_load(&reported->state[i]) > RK_CUPTI_REPORTED)
			missing |= bits[i];
	return missing;
}
