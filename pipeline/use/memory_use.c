/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/memory_use.c - rows, spaces and holders, from ops.
 *
 * What every holder had at the peak is not copied at each new peak, of which a program that
 * allocates has one per call. Instead each peak is a version of its space, and a holder notes
 * what it has the first time it changes under a new version: until then it has what it had.
 */
#include "pipeline/use/memory_use.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/record.h"
#include "pipeline/join/handle_map.h"
#include "pipeline/use/recorded_time.h"

#define ROWS_MAX    512u /* 64 devices of 8 rows; later ones fold into the last */
#define SPACES_MAX  65u
#define THREADS_MAX (1u << 16)

struct tracked {
	uint64_t key, bytes, ordinal;
	uint32_t holder, tid;
	uint32_t next; /* free one + 1 */
};

struct rk_memory_use {
	struct rk_memory_row rows[ROWS_MAX];
	struct rk_memory_space spaces[SPACES_MAX];
	uint32_t row_count, space_count;
	struct rk_memory_holder *holders;
	uint32_t holder_count, holder_capacity;
	struct tracked *tracked;
	uint32_t tracked_count, tracked_capacity, first_free;
	struct rk_handle_map by_key;	/* tag: place in tracked + 1 */
	struct rk_handle_map by_holder; /* tag: place in holders + 1 */
	struct rk_handle_map last;	/* tid -> value: ordinal of its newest allocation */
	struct rk_memory_totals totals;
	struct rk_memory_refusal refusal;
};

int rk_memory_use_create(struct rk_memory_use **out)
{
	struct rk_memory_use *use = calloc(1, sizeof(*use));

	*out = use;
	if (!use)
		return -ENOMEM;
	rk_handle_map_init(&use->by_key, RK_MEMORY_TRACKED);
	rk_handle_map_init(&use->by_holder, RK_MEMORY_HOLDERS + ROWS_MAX);
	rk_handle_map_init(&use->last, THREADS_MAX);
	return 0;
}

void rk_memory_use_destroy(struct rk_memory_use *use)
{
	if (!use)
		return;
	rk_handle_map_finish(&use->by_key);
	rk_handle_map_finish(&use->by_holder);
	rk_handle_map_finish(&use->last);
	free(use->holders);
	free(use->tracked);
	free(use);
}

static struct rk_memory_row *row_get(struct rk_memory_use *use, uint32_t device, uint8_t pool,
				     bool is_registered)
{
	struct rk_memory_row *row;

	for (uint32_t i = 0; i < use->row_count; i++) {
		row = &use->rows[i];
		if (row->device == device && row->pool == pool &&
		    row->is_registered == is_registered)
			return row;
	}
	if (use->row_count == ROWS_MAX)
		return &use->rows[ROWS_MAX - 1];
	row = &use->rows[use->row_count++];
	row->device = device;
	row->pool = pool;
	row->is_registered = is_registered;
	return row;
}

static uint32_t space_device(uint32_t device, uint8_t pool)
{
	return pool == RK_POOL_PINNED ? RK_MEMORY_ON_HOST : device;
}

const struct rk_memory_space *rk_memory_use_space_of(const struct rk_memory_use *use,
						     uint32_t device, uint8_t pool)
{
	uint32_t wanted = space_device(device, pool);

	for (uint32_t i = 0; i < use->space_count; i++) {
		if (use->spaces[i].device == wanted)
			return &use->spaces[i];
	}
	return NULL;
}

static struct rk_memory_space *space_get(struct rk_memory_use *use, uint32_t device, uint8_t pool)
{
	struct rk_memory_space *space =
		(struct rk_memory_space *)rk_memory_use_space_of(use, device, pool);

	if (space)
		return space;
	if (use->space_count == SPACES_MAX)
		return &use->spaces[SPACES_MAX - 1];
	space = &use->spaces[use->space_count++];
	space->device = space_device(device, pool);
	return space;
}

/* ---- holders ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

static uint64_t hash_of(const struct rk_memory_holder *who)
{
	uint64_t hash = mix(who->stack, (uint64_t)who->api << 32 | who->tid);

	return mix(hash,
		   (uint64_t)who->device << 9 | (uint64_t)who->pool << 1 | who->is_registered) |
	       1;
}

static bool is_same(const struct rk_memory_holder *a, const struct rk_memory_holder *b)
{
	return a->stack == b->stack && a->api == b->api && a->tid == b->tid &&
	       a->device == b->device && a->pool == b->pool && a->is_registered == b->is_registered;
}

static bool grow_holders(struct rk_memory_use *use)
{
	uint32_t capacity = use->holder_capacity ? use->holder_capacity * 2 : 64;
	struct rk_memory_holder *grown = realloc(use->holders, capacity * sizeof(*grown));

	if (!grown)
		return false;
	use->holders = grown;
	use->holder_capacity = capacity;
	return true;
}

/* Place + 1; 0 when there is no room for a new one. */
static uint32_t holder_place(struct rk_memory_use *use, const struct rk_memory_holder *who,
			     uint32_t limit)
{
	struct rk_handle_slot *slot;
	uint64_t hash = hash_of(who);

	while ((slot = rk_handle_map_get(&use->by_holder, hash))) {
		if (is_same(&use->holders[slot->tag - 1], who))
			return slot->tag;
		hash += 2;
	}
	if (use->holder_count >= limit ||
	    (use->holder_count == use->holder_capacity && !grow_holders(use)))
		return 0;
	slot = rk_handle_map_put(&use->by_holder, hash);
	if (!slot)
		return 0;
	use->holders[use->holder_count++] = *who;
	slot->tag = use->holder_count;
	return slot->tag;
}

/* Who made the call; "other" when there are too many. NULL: nobody. */
static struct rk_memory_holder *holder_of(struct rk_memory_use *use, const struct rk_op *op,
					  bool is_registered)
{
	struct rk_memory_holder who = { .stack = op->stack,
					.api = op->api,
					.tid = op->stack ? 0 : op->tid,
					.device = op->device,
					.pool = op->memory.pool,
					.is_registered = is_registered };
	uint32_t place = holder_place(use, &who, RK_MEMORY_HOLDERS);

	if (place)
		return &use->holders[place - 1];
	who.stack = who.api = who.tid = 0;
	place = holder_place(use, &who, RK_MEMORY_HOLDERS + ROWS_MAX);
	use->totals.folded += place != 0;
	return place ? &use->holders[place - 1] : NULL;
}

static void settle(struct rk_memory_holder *holder, const struct rk_memory_space *space)
{
	if (holder->version == space->version)
		return;
	holder->peak_bytes = holder->live_bytes;
	holder->version = space->version;
}

static int64_t at_peak(const struct rk_memory_use *use, const struct rk_memory_holder *holder)
{
	const struct rk_memory_space *space =
		rk_memory_use_space_of(use, holder->device, holder->pool);

	return space && holder->version == space->version ? holder->peak_bytes : holder->live_bytes;
}

/* ---- allocations ---- */

/* Arrays and physical memory have handles, which are no addresses. */
static uint64_t key_of(const struct rk_op *op)
{
	uint64_t space = op->memory.pool == RK_POOL_ARRAY ? 1 :
			 op->memory.pool == RK_POOL_VMM	  ? 2 :
							    0;

	return op->memory.ptr ^ space << 60;
}

static struct tracked *tracked_get(struct rk_memory_use *use, uint64_t key)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&use->by_key, key);

	return slot ? &use->tracked[slot->tag - 1] : NULL;
}

static bool grow_tracked(struct rk_memory_use *use)
{
	uint32_t capacity = use->tracked_capacity ? use->tracked_capacity * 2 : 256;
	struct tracked *grown = realloc(use->tracked, capacity * sizeof(*grown));

	if (!grown)
		return false;
	use->tracked = grown;
	use->tracked_capacity = capacity;
	return true;
}

static struct tracked *tracked_add(struct rk_memory_use *use, uint64_t key)
{
	uint32_t place = use->first_free;
	struct rk_handle_slot *slot;

	if (!place && use->tracked_count == use->tracked_capacity && !grow_tracked(use))
		return NULL;
	slot = rk_handle_map_put(&use->by_key, key);
	if (!slot)
		return NULL;
	if (place)
		use->first_free = use->tracked[place - 1].next;
	else
		place = ++use->tracked_count;
	slot->tag = place;
	return &use->tracked[place - 1];
}

static void tracked_drop(struct rk_memory_use *use, struct tracked *tracked)
{
	rk_handle_map_remove(&use->by_key, tracked->key);
	tracked->next = use->first_free;
	use->first_free = (uint32_t)(tracked - use->tracked) + 1;
}

/* ---- ops ---- */

static void row_add(struct rk_memory_row *row, const struct rk_op *op)
{
	row->live_bytes += (int64_t)op->memory.bytes;
	row->live_count++;
	row->allocs++;
	row->alloc_bytes += op->memory.bytes;
	if (row->live_bytes > (int64_t)row->peak_bytes) {
		row->peak_bytes = (uint64_t)row->live_bytes;
		row->peak_ns = op->host_end;
	}
}

static void space_add(struct rk_memory_space *space, const struct rk_op *op)
{
	space->live_bytes += (int64_t)op->memory.bytes;
	if (space->live_bytes <= (int64_t)space->peak_bytes)
		return;
	space->peak_bytes = (uint64_t)space->live_bytes;
	space->peak_ns = op->host_end;
	space->version++;
}

static bool starts_with(uint32_t api, const char *prefix)
{
	return strncmp(rk_intern_get(api), prefix, strlen(prefix)) == 0;
}

static bool registers(const struct rk_op *op)
{
	return op->memory.pool == RK_POOL_PINNED && starts_with(op->api, "cuMemHostRegister");
}

static void note_last(struct rk_memory_use *use, const struct rk_op *op)
{
	struct rk_handle_slot *slot = rk_handle_map_put(&use->last, op->tid);

	if (slot)
		slot->value = op->ordinal;
}

static void take_refusal(struct rk_memory_use *use, const struct rk_op *op)
{
	struct rk_memory_row *row = row_get(use, op->device, op->memory.pool, false);
	struct rk_memory_holder *holder = holder_of(use, op, registers(op));

	row->failed++;
	row->failed_bytes += op->memory.ptr;
	use->totals.failed++;
	if (holder)
		holder->failed++;
	use->refusal = (struct rk_memory_refusal){ .ordinal = op->ordinal,
						   .bytes = op->memory.ptr,
						   .device = op->device,
						   .pool = op->memory.pool };
}

/* How an allocation ended. */
struct ending {
	bool is_temporary, with_context;
};

static void let_go(struct rk_memory_use *use, struct tracked *tracked,
		   const struct rk_memory_space *space, struct ending ending)
{
	struct rk_memory_holder *holder = &use->holders[tracked->holder];

	settle(holder, space);
	holder->live_bytes -= (int64_t)tracked->bytes;
	holder->live_count--;
	holder->temporary += ending.is_temporary;
	if (ending.with_context)
		holder->with_context_bytes += tracked->bytes;
	tracked_drop(use, tracked);
}

static void hold(struct rk_memory_use *use, const struct rk_op *op, bool is_registered,
		 const struct rk_memory_space *space)
{
	struct rk_memory_holder *holder = holder_of(use, op, is_registered);
	struct tracked *tracked = tracked_get(use, key_of(op));

	if (tracked) /* of a file that lacks its FREE */
		let_go(use, tracked, space, (struct ending){ 0 });
	tracked = holder ? tracked_add(use, key_of(op)) : NULL;
	if (!tracked) {
		/* One without an address was over before it was told. */
		use->totals.untracked += op->memory.ptr != 0;
		return;
	}
	*tracked = (struct tracked){ .key = key_of(op),
				     .bytes = op->memory.bytes,
				     .ordinal = op->ordinal,
				     .holder = (uint32_t)(holder - use->holders),
				     .tid = op->tid };
	settle(holder, space);
	holder->live_bytes += (int64_t)op->memory.bytes;
	holder->live_count++;
	holder->allocs++;
	holder->alloc_bytes += op->memory.bytes;
}

static void take_alloc(struct rk_memory_use *use, const struct rk_op *op)
{
	struct rk_memory_space *space;
	bool is_registered;

	if (op->flags & RK_OP_F_OPEN && op->result) {
		take_refusal(use, op);
		return;
	}
	if (op->flags & RK_OP_F_OPEN) {
		use->totals.promised++;
		use->totals.promised_bytes += op->memory.ptr;
		return;
	}
	is_registered = registers(op);
	space = space_get(use, op->device, op->memory.pool);
	hold(use, op, is_registered, space);
	row_add(row_get(use, op->device, op->memory.pool, false), op);
	if (is_registered)
		row_add(row_get(use, op->device, op->memory.pool, true), op);
	space_add(space, op);
	note_last(use, op);
	use->totals.allocs++;
}

static void row_remove(struct rk_memory_row *row, const struct rk_op *op, struct ending ending)
{
	row->live_bytes -= (int64_t)op->memory.bytes;
	row->live_count--;
	row->frees++;
	if (ending.is_temporary) {
		row->temporary++;
		row->temporary_bytes += op->memory.bytes;
	}
	if (ending.with_context) {
		row->with_context++;
		row->with_context_bytes += op->memory.bytes;
	}
}

static bool is_temporary(const struct rk_memory_use *use, const struct tracked *tracked,
			 const struct rk_op *op)
{
	const struct rk_handle_slot *slot = rk_handle_map_get(&use->last, op->tid);

	return tracked && tracked->tid == op->tid && slot && slot->value == tracked->ordinal;
}

static void count_ending(struct rk_memory_totals *totals, const struct rk_op *op,
			 struct ending ending)
{
	if (ending.is_temporary) {
		totals->temporary++;
		totals->temporary_bytes += op->memory.bytes;
	}
	if (ending.with_context) {
		totals->with_context++;
		totals->with_context_bytes += op->memory.bytes;
	}
}

static void take_free(struct rk_memory_use *use, const struct rk_op *op)
{
	struct tracked *tracked = tracked_get(use, key_of(op));
	struct rk_memory_space *space;
	struct ending ending;
	bool is_registered;

	if (!tracked && op->memory.ptr && !op->memory.bytes) {
		use->totals.unknown_frees++;
		return;
	}
	ending.with_context =
		starts_with(op->api, "cuCtxDestroy") || starts_with(op->api, "cuDevicePrimaryCtx");
	ending.is_temporary = !ending.with_context && is_temporary(use, tracked, op);
	is_registered = tracked && use->holders[tracked->holder].is_registered;
	space = space_get(use, op->device, op->memory.pool);
	if (tracked)
		let_go(use, tracked, space, ending);
	row_remove(row_get(use, op->device, op->memory.pool, false), op, ending);
	if (is_registered)
		row_remove(row_get(use, op->device, op->memory.pool, true), op, ending);
	space->live_bytes -= (int64_t)op->memory.bytes;
	count_ending(&use->totals, op, ending);
}

static void note_time(struct rk_memory_totals *totals, const struct rk_op *op)
{
	if (!totals->first_ns || (op->host_start && op->host_start < totals->first_ns))
		totals->first_ns = op->host_start;
	if (op->host_end > totals->last_ns)
		totals->last_ns = op->host_end;
}

/* The program goes on while nothing is recorded: what was live at a stop may be gone, and a free
 * after it carries no size. Peaks and sums stay. */
static void forget_live(struct rk_memory_use *use)
{
	for (uint32_t i = 0; i < use->holder_count; i++) {
		struct rk_memory_holder *holder = &use->holders[i];
		const struct rk_memory_space *space =
			rk_memory_use_space_of(use, holder->device, holder->pool);

		if (space)
			settle(holder, space);
		holder->live_bytes = holder->live_count = 0;
	}
	for (uint32_t i = 0; i < use->row_count; i++)
		use->rows[i].live_bytes = use->rows[i].live_count = 0;
	for (uint32_t i = 0; i < use->space_count; i++)
		use->spaces[i].live_bytes = 0;
	rk_handle_map_finish(&use->by_key);
	rk_handle_map_init(&use->by_key, RK_MEMORY_TRACKED);
	use->tracked_count = use->first_free = 0;
	use->totals.resets++;
}

void rk_memory_use_feed(struct rk_memory_use *use, const struct rk_op *op)
{
	switch (op->kind) {
	case RK_OP_ALLOC:
		note_time(&use->totals, op);
		take_alloc(use, op);
		break;
	case RK_OP_FREE:
		note_time(&use->totals, op);
		take_free(use, op);
		break;
	case RK_OP_RECORDING:
		if (rk_recorded_time_is_stop(op) && !rk_recorded_time_is_hold(op))
			forget_live(use);
		break;
	case RK_OP_END:
		use->totals.ended = true;
		break;
	default:
		break;
	}
}

/* ---- answers ---- */

const struct rk_memory_row *rk_memory_use_row(const struct rk_memory_use *use, size_t i)
{
	return i < use->row_count ? &use->rows[i] : NULL;
}

const struct rk_memory_space *rk_memory_use_space(const struct rk_memory_use *use, size_t i)
{
	return i < use->space_count ? &use->spaces[i] : NULL;
}

void rk_memory_use_totals(const struct rk_memory_use *use, struct rk_memory_totals *totals)
{
	*totals = use->totals;
}

void rk_memory_use_refusal(const struct rk_memory_use *use, struct rk_memory_refusal *refusal)
{
	*refusal = use->refusal;
}

static int64_t weight_of(const struct rk_memory_holder *holder, enum rk_memory_order order)
{
	switch (order) {
	case RK_MEMORY_BY_PEAK:
		return holder->peak_bytes;
	case RK_MEMORY_BY_LEAK:
		return holder->live_bytes + (int64_t)holder->with_context_bytes;
	case RK_MEMORY_BY_TEMPORARY:
		return (int64_t)holder->temporary;
	default:
		return holder->live_bytes;
	}
}

/* @candidate into the @count greatest so far; the earlier seen of equals stays first. */
static size_t insert(struct rk_memory_holder *out, size_t count, size_t max,
		     const struct rk_memory_holder *candidate, enum rk_memory_order order)
{
	size_t at = count;

	while (at && weight_of(candidate, order) > weight_of(&out[at - 1], order))
		at--;
	if (at == max)
		return count;
	if (count == max)
		count--;
	memmove(&out[at + 1], &out[at], (count - at) * sizeof(*out));
	out[at] = *candidate;
	return count + 1;
}

size_t rk_memory_use_top(const struct rk_memory_use *use, const struct rk_memory_space *space,
			 enum rk_memory_order order, struct rk_memory_holder *out, size_t max)
{
	size_t count = 0;

	for (uint32_t i = 0; i < use->holder_count; i++) {
		struct rk_memory_holder holder = use->holders[i];

		if (space && space_device(holder.device, holder.pool) != space->device)
			continue;
		holder.peak_bytes = at_peak(use, &holder);
		if (weight_of(&holder, order) > 0)
			count = insert(out, count, max, &holder, order);
	}
	return count;
}
