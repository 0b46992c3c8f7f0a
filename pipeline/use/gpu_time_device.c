/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/use/gpu_time_device.c - the states of one device, from its pieces in their order.
 */
#include "pipeline/use/gpu_time_device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/use/gpu_time_pieces.h"

#define FLIGHTS	     32u /* launches open for long at the same time; more are not waited for */
#define EXECS	     64u /* executions remembered by device, a power of two */
/* Short kernels find what they are part of by the 4 us in which they began, within 1 ms. */
#define CELL_SHIFT   12
#define CELLS	     256u
#define CELLS_AHEAD  16u /* of a long kernel */

struct flight {
	uint64_t since;
	uint32_t correlation;
};

struct rk_gpu_device {
	struct rk_gpu_time *time; /* borrowed */
	struct rk_gpu_pieces pieces;
	struct rk_gpu_split split;
	struct rk_gpu_gap gap; /* idle period that has begun; no start = none */
	uint64_t at;	       /* summed up until here; 0 = not begun */
	uint64_t busy_at;      /* kernels are, until here */
	uint64_t open_since;   /* work that never came back; 0 = none since the last that did */
	uint64_t known_until;  /* the newest work that is summed up and has a GPU time began */
	uint64_t execs[EXECS]; /* with work here, by number */
	uint32_t cells[CELLS]; /* by start: place + 1 of the kernel that was there last; 0 = none */
	struct flight flights[FLIGHTS];
	uint32_t flight_count;
	bool is_unknown; /* from .at on, until the next piece with a GPU time */
	bool has_work;
};

int rk_gpu_device_create(struct rk_gpu_device **out, uint32_t number, struct rk_gpu_time *time)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->time = time;
	(*out)->gap.device = number;
	return 0;
}

void rk_gpu_device_destroy(struct rk_gpu_device *d)
{
	if (!d)
		return;
	rk_gpu_pieces_finish(&d->pieces);
	free(d);
}

static void account(struct rk_gpu_device *d, uint64_t from, uint64_t to, enum rk_gpu_state state)
{
	if (to <= from)
		return;
	d->split.ns[state] += to - from;
	if (state > RK_GPU_COPYING)
		d->gap.ns[state] += to - from;
}

/* Waits of threads: those that began before the idle period reach so far, the others stand at
 * these places among the pieces, and nothing else does. */
struct waits {
	uint64_t reach;
	uint32_t first, end;
};

/* Where a thread waited it was waiting, elsewhere it is @state. */
static void account_waits(struct rk_gpu_device *d, uint64_t from, uint64_t to,
			  enum rk_gpu_state state, const struct waits *waits)
{
	uint64_t before = waits->reach < to ? waits->reach : to;

	if (before > from) {
		account(d, from, before, RK_GPU_WAITING);
		from = before;
	}
	for (uint32_t i = waits->first; i < waits->end && from < to; i++) {
		const struct rk_gpu_piece *wait = rk_gpu_pieces_get(&d->pieces, i);
		uint64_t start = wait->start < to ? wait->start : to;
		uint64_t end = wait->end < to ? wait->end : to;

		if (end <= from)
			continue;
		account(d, from, start, state);
		account(d, start > from ? start : from, end, RK_GPU_WAITING);
		from = end;
	}
	account(d, from, to, state);
}

static uint64_t within(uint64_t at, uint64_t from, uint64_t to)
{
	return at < from ? from : at > to ? to : at;
}

/* Nothing is known yet of what comes next, and will not be submitted before @to. */
static void account_rest(struct rk_gpu_device *d, uint64_t to, const struct waits *waits)
{
	uint64_t pending = d->open_since ? d->open_since : to;

	for (uint32_t i = 0; i < d->flight_count; i++) {
		if (d->flights[i].since < pending)
			pending = d->flights[i].since;
	}
	pending = within(pending, d->at, to);
	account_waits(d, d->at, pending, RK_GPU_NONE, waits);
	account(d, pending, to, RK_GPU_WAITING);
}

/* From within the call at @from, which returned at @returned, until the work began at @to. */
static void account_arrival(struct rk_gpu_device *d, uint64_t from, uint64_t returned, uint64_t to)
{
	uint64_t arrived = within(returned + RK_GPU_LATENCY_NS, from, to);

	account(d, from, arrived, RK_GPU_LAUNCH_BOUND);
	account(d, arrived, to, RK_GPU_WAITING);
}

static bool is_of_known_exec(const struct rk_gpu_device *d, const struct rk_gpu_piece *piece)
{
	return piece->exec && d->execs[piece->exec % EXECS] == piece->exec;
}

/* The idle period until @next, which was submitted before it, in it or nobody knows when. */
static void account_until(struct rk_gpu_device *d, const struct rk_gpu_piece *next, uint64_t to,
			  const struct waits *waits)
{
	uint64_t prepare = next->host_start, arrived = next->host_end, call;

	if (!next->host_start) {
		account_waits(d, d->at, to, RK_GPU_UNKNOWN, waits);
		return;
	}
	if (arrived < next->host_start)
		arrived = next->host_start;
	/* As nearly always: it was submitted before, and so nobody's waits are in between. */
	if (next->host_start <= d->at) {
		account_arrival(d, d->at, arrived, to);
		return;
	}
	if (is_of_known_exec(d, next))
		prepare -= prepare < RK_GPU_PREPARE_NS ? prepare : RK_GPU_PREPARE_NS;
	prepare = within(prepare, d->at, to);
	call = within(next->host_start, d->at, to);
	account_waits(d, d->at, prepare, RK_GPU_NONE, waits);
	account_waits(d, prepare, call, RK_GPU_LAUNCH_BOUND, waits);
	account_arrival(d, call, arrived, to);
}

/* Nothing ran from where the sums end until @to. @next: what runs then; NULL = not known. */
static void account_idle(struct rk_gpu_device *d, const struct rk_gpu_piece *next, uint64_t to,
			 const struct waits *waits)
{
	if (to <= d->at)
		return;
	if (!d->gap.start)
		d->gap.start = d->at;
	if (d->is_unknown || d->time->has_no_copies)
		account(d, d->at, to, RK_GPU_UNKNOWN);
	else if (next)
		account_until(d, next, to, waits);
	else
		account_rest(d, to, waits);
	d->at = to;
}

static void close_gap(struct rk_gpu_device *d, const struct rk_gpu_piece *next)
{
	if (d->gap.start && d->time->gap) {
		d->gap.end = d->at;
		d->gap.ended_by = next;
		d->time->gap(&d->gap, d->time->data);
	}
	d->gap.start = 0;
	memset(d->gap.ns, 0, sizeof(d->gap.ns));
}

/* A piece that runs until @end: what was taken for copying only may be busy as well. */
static void account_work(struct rk_gpu_device *d, const struct rk_gpu_piece *piece, uint64_t end)
{
	bool is_busy = piece->kind != RK_OP_MEMCPY && piece->kind != RK_OP_MEMSET;
	uint64_t from = piece->start > d->busy_at ? piece->start : d->busy_at;
	uint64_t both = end < d->at ? end : d->at;

	if (is_busy && both > from) {
		d->split.ns[RK_GPU_COPYING] -= both - from;
		d->split.ns[RK_GPU_BUSY] += both - from;
	}
	account(d, d->at, end, is_busy ? RK_GPU_BUSY : RK_GPU_COPYING);
	if (end > d->at)
		d->at = end;
	if (is_busy && end > d->busy_at)
		d->busy_at = end;
}

static void take(struct rk_gpu_device *d, const struct rk_gpu_piece *piece, uint64_t until,
		 const struct waits *waits)
{
	account_idle(d, piece, piece->start, waits);
	if (piece->kind == RK_OP_NONE) {
		d->is_unknown = piece->start >= d->known_until;
		return;
	}
	if (piece->newest > d->known_until)
		d->known_until = piece->newest;
	close_gap(d, piece);
	d->is_unknown = false;
	account_work(d, piece, piece->end < until ? piece->end : until);
	if (piece->exec)
		d->execs[piece->exec % EXECS] = piece->exec;
}

/* The first of @place and later that is no wait of a thread. */
static const struct rk_gpu_piece *next_work(const struct rk_gpu_device *d, uint32_t place)
{
	const struct rk_gpu_piece *piece;

	for (; place < d->pieces.count; place++) {
		piece = rk_gpu_pieces_get(&d->pieces, place);
		if (piece->kind != RK_OP_SYNC)
			return piece;
	}
	return NULL;
}

/* Of a device that is heard of now, it did nothing in the parts before. */
static uint64_t begin_sums(struct rk_gpu_device *d)
{
	d->split.ns[RK_GPU_NONE] += d->time->parts_ns;
	return rk_gpu_time_part_start(d->time);
}

/* Everything before @until, whatever may still come. */
static void settle(struct rk_gpu_device *d, uint64_t until)
{
	uint64_t from = d->at ? d->at : rk_gpu_time_part_start(d->time), reach = 0;
	struct waits waits = { 0 };
	uint32_t i;

	if (until <= from)
		return;
	d->at = d->at ? d->at : begin_sums(d);
	d->time->is_summing = true;
	rk_gpu_pieces_sort(&d->pieces);
	for (i = 0; i < d->pieces.count; i++) {
		const struct rk_gpu_piece *piece = rk_gpu_pieces_get(&d->pieces, i);

		if (piece->start >= until)
			break;
		if (piece->kind == RK_OP_SYNC) {
			reach = piece->end > reach ? piece->end : reach;
			continue;
		}
		waits.end = i;
		take(d, piece, until, &waits);
		waits.first = i + 1;
		waits.reach = reach;
	}
	waits.end = i;
	account_idle(d, next_work(d, i), until, &waits);
	rk_gpu_pieces_drop_until(&d->pieces, until);
	memset(d->cells, 0, sizeof(d->cells));
}

/* No room: the older half goes, or all of it where that does not help. */
static void make_room(struct rk_gpu_device *d)
{
	rk_gpu_pieces_sort(&d->pieces);
	settle(d, rk_gpu_pieces_get(&d->pieces, d->pieces.count / 2)->start);
	if (d->pieces.count <= d->pieces.capacity / 4 * 3)
		return;
	settle(d, rk_gpu_pieces_get_end(&d->pieces));
	rk_gpu_pieces_clear(&d->pieces);
	memset(d->cells, 0, sizeof(d->cells));
}

/* What lies below the floor was summed up as something else. */
static bool clip(struct rk_gpu_device *d, struct rk_gpu_piece *piece)
{
	uint64_t late;

	if (piece->start >= d->at)
		return true;
	late = (piece->end < d->at ? piece->end : d->at) - piece->start;
	if (piece->kind != RK_OP_SYNC && piece->kind != RK_OP_NONE)
		d->split.late_ns += late;
	piece->start = d->at;
	return piece->end > d->at;
}

static uint32_t *cell_of(struct rk_gpu_device *d, uint64_t at)
{
	return &d->cells[at >> CELL_SHIFT & (CELLS - 1)];
}

/* The kernel at @place now reaches until @end instead of @from. */
static void fill_cells(struct rk_gpu_device *d, uint32_t place, uint64_t from, uint64_t end)
{
	uint64_t first = from >> CELL_SHIFT, last = end >> CELL_SHIFT;

	if (last > first + CELLS_AHEAD)
		last = first + CELLS_AHEAD;
	for (uint64_t cell = first + 1; cell <= last; cell++)
		d->cells[cell & (CELLS - 1)] = place + 1;
}

bool rk_gpu_device_cover(struct rk_gpu_device *d, const struct rk_op *op)
{
	uint32_t place = *cell_of(d, op->start);
	struct rk_gpu_piece *over;

	if (!place)
		return false;
	over = &d->pieces.items[place - 1];
	if (op->start - over->start > over->end - over->start || op->exec != over->exec)
		return false;
	if (op->end > over->end) {
		fill_cells(d, place - 1, over->end, op->end);
		over->end = op->end;
	}
	over->newest = op->start > over->newest ? op->start : over->newest;
	d->open_since = 0;
	return true;
}

/* The kernel at @place came last: what begins in it is taken into it. One that was there and that
 * it runs into is lent its end, so that no part of the union is in sight of one of them only. */
static void note_kernel(struct rk_gpu_device *d, uint32_t place)
{
	struct rk_gpu_piece *piece = &d->pieces.items[place];
	uint32_t *cell = cell_of(d, piece->start);
	const struct rk_gpu_piece *over = *cell ? &d->pieces.items[*cell - 1] : NULL;

	if (over && over->exec == piece->exec && over->start >= piece->start &&
	    over->start <= piece->end && over->end > piece->end) {
		piece->end = over->end;
		piece->newest = over->newest > over->start ? over->newest : over->start;
	}
	*cell = place + 1;
	fill_cells(d, place, piece->start, piece->end);
}

static bool keep(struct rk_gpu_device *d, const struct rk_gpu_piece *piece)
{
	uint32_t place;

	if (!rk_gpu_pieces_push(&d->pieces, piece, &place))
		return false;
	if (piece->kind == RK_OP_KERNEL || piece->kind == RK_OP_GRAPH)
		note_kernel(d, place);
	return true;
}

void rk_gpu_device_push(struct rk_gpu_device *d, struct rk_gpu_piece *piece)
{
	if (piece->kind != RK_OP_SYNC && piece->kind != RK_OP_NONE) {
		d->has_work = true;
		d->open_since = 0;
	}
	if (!clip(d, piece) || keep(d, piece))
		return;
	if (!d->pieces.count) {
		d->time->short_of_memory++;
		return;
	}
	make_room(d);
	if (clip(d, piece))
		keep(d, piece);
}

void rk_gpu_device_take_off(struct rk_gpu_device *d, uint32_t correlation, uint64_t since)
{
	if (d->flight_count == FLIGHTS || !since)
		return;
	d->flights[d->flight_count++] = (struct flight){ since, correlation };
	d->time->in_flight++;
}

void rk_gpu_device_land(struct rk_gpu_device *d, uint32_t correlation)
{
	for (uint32_t i = 0; i < d->flight_count; i++) {
		if (d->flights[i].correlation == correlation) {
			d->flights[i] = d->flights[--d->flight_count];
			d->time->in_flight--;
			return;
		}
	}
}

void rk_gpu_device_note_open(struct rk_gpu_device *d, uint64_t since)
{
	if (since && (!d->open_since || since < d->open_since))
		d->open_since = since;
}

void rk_gpu_device_sum_up(struct rk_gpu_device *d, uint64_t until)
{
	for (uint32_t i = 0; i < d->flight_count; i++) {
		if (d->flights[i].since < until)
			until = d->flights[i].since;
	}
	settle(d, until);
}

void rk_gpu_device_end(struct rk_gpu_device *d)
{
	settle(d, d->time->last);
	close_gap(d, NULL);
}

void rk_gpu_device_begin_part(struct rk_gpu_device *d)
{
	if (d->at)
		d->at = d->time->part_first;
	rk_gpu_pieces_clear(&d->pieces);
	memset(d->cells, 0, sizeof(d->cells));
	d->time->in_flight -= d->flight_count;
	d->flight_count = 0;
	d->open_since = 0;
	d->is_unknown = false;
}

bool rk_gpu_device_get(const struct rk_gpu_device *d, struct rk_gpu_split *split)
{
	*split = d->split;
	return d->has_work;
}
