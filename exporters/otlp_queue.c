/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_queue.c - batches: opened, filled, sealed, sent, forgotten.
 */
#include "exporters/otlp_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exporters/loop.h"
#include "exporters/otlp_envelope.h"

#define SLACK_BYTES (16u << 10) /* behind flush_bytes: the last item may go over it */

struct rk_otlp_queue {
	struct rk_otlp_envelope envelope;
	size_t flush_bytes, queue_bytes;
	uint64_t batch_items, queue_items; /* 0 = any number */
	uint64_t flush_ns;
	uint8_t *open;	    /* memory of the open batch; NULL = none */
	size_t open_length; /* of the items in it */
	uint64_t open_items, opened_ns, open_first, open_last;
	uint8_t *spare; /* one buffer that is kept for the next batch */
	struct rk_otlp_batch *head, *tail;
	size_t sealed_bytes;
	uint64_t sealed_items;
	struct rk_otlp_queue_counts counts;
};

int rk_otlp_queue_create(struct rk_otlp_queue **out, const struct rk_otlp_queue_setup *setup)
{
	struct rk_otlp_queue *queue = calloc(1, sizeof(*queue));
	int err;

	*out = NULL;
	if (!queue)
		return -ENOMEM;
	err = rk_otlp_envelope_init(&queue->envelope, setup->resource);
	if (err) {
		free(queue);
		return err;
	}
	queue->flush_bytes = setup->flush_bytes;
	queue->queue_bytes = setup->queue_bytes;
	queue->batch_items = setup->batch_items;
	queue->queue_items = setup->queue_items;
	if (queue->queue_items && (!queue->batch_items || queue->batch_items > queue->queue_items))
		queue->batch_items = queue->queue_items;
	queue->flush_ns = setup->flush_ns;
	*out = queue;
	return 0;
}

void rk_otlp_queue_destroy(struct rk_otlp_queue *queue)
{
	if (!queue)
		return;
	while (queue->head)
		rk_otlp_queue_pop(queue);
	free(queue->open);
	free(queue->spare);
	rk_otlp_envelope_finish(&queue->envelope);
	free(queue);
}

static size_t items_capacity(const struct rk_otlp_queue *queue)
{
	return queue->flush_bytes + SLACK_BYTES;
}

static size_t open_weight(const struct rk_otlp_queue *queue)
{
	return queue->open_length + queue->envelope.resource_length;
}

/* A queue without waiting batches takes one of any size. @more: items that are to be added. */
static bool fits(const struct rk_otlp_queue *queue, uint64_t more)
{
	uint64_t items = queue->sealed_items + queue->open_items + more;

	if (!queue->head)
		return true;
	if (queue->queue_items && items > queue->queue_items)
		return false;
	return queue->sealed_bytes + open_weight(queue) <= queue->queue_bytes;
}

bool rk_otlp_queue_has_room(const struct rk_otlp_queue *queue, size_t bound)
{
	if (!queue->open_items)
		return true;
	/* It is sealed before this item, or by it. */
	if (queue->open_length + bound < queue->flush_bytes &&
	    (!queue->batch_items || queue->open_items + 1 < queue->batch_items))
		return true;
	return fits(queue, 1);
}

static bool open_batch(struct rk_otlp_queue *queue, uint64_t now_ns)
{
	if (queue->spare) {
		queue->open = queue->spare;
		queue->spare = NULL;
	} else {
		queue->open =
			malloc(rk_otlp_envelope_front(&queue->envelope) + items_capacity(queue) +
			       rk_otlp_envelope_back(&queue->envelope));
	}
	queue->open_length = 0;
	queue->open_items = 0;
	queue->opened_ns = now_ns;
	return queue->open != NULL;
}

uint8_t *rk_otlp_queue_reserve(struct rk_otlp_queue *queue, size_t bound, uint64_t now_ns)
{
	size_t capacity = items_capacity(queue);

	queue->counts.eligible++;
	if (bound > capacity) {
		rk_otlp_queue_seal(queue);
		queue->counts.too_large++;
		return NULL;
	}
	if (queue->open_length + bound > capacity)
		rk_otlp_queue_seal(queue);
	if (!queue->open && !open_batch(queue, now_ns)) {
		queue->counts.limit++;
		return NULL;
	}
	if (!queue->open_items)
		queue->opened_ns = now_ns;
	return queue->open + rk_otlp_envelope_front(&queue->envelope) + queue->open_length;
}

void rk_otlp_queue_commit(struct rk_otlp_queue *queue, size_t bytes, uint64_t sequence)
{
	if (!queue->open_items)
		queue->open_first = sequence;
	queue->open_last = sequence;
	queue->open_length += bytes;
	queue->open_items++;
	queue->counts.waiting++;
	if (queue->open_length >= queue->flush_bytes ||
	    (queue->batch_items && queue->open_items >= queue->batch_items))
		rk_otlp_queue_seal(queue);
}

void rk_otlp_queue_refuse(struct rk_otlp_queue *queue, uint64_t items)
{
	queue->counts.eligible += items;
}

/* The open buffer becomes empty again; nothing is freed. */
static void empty_open(struct rk_otlp_queue *queue)
{
	queue->open_length = 0;
	queue->open_items = 0;
}

/* A batch that fills less than half of its buffer is copied, so that waiting batches take
 * the memory they are counted with. */
static bool take_bytes(struct rk_otlp_queue *queue, struct rk_otlp_batch *batch)
{
	size_t front = rk_otlp_envelope_front(&queue->envelope);
	uint8_t *request = rk_otlp_envelope_close(&queue->envelope, queue->open + front,
						  queue->open_length, &batch->length);

	if (batch->length < items_capacity(queue) / 2) {
		batch->memory = malloc(batch->length);
		if (!batch->memory)
			return false;
		batch->is_buffer = false;
		memcpy(batch->memory, request, batch->length);
		batch->bytes = batch->memory;
		return true;
	}
	batch->memory = queue->open;
	batch->is_buffer = true;
	batch->bytes = request;
	queue->open = NULL;
	return true;
}

static void append(struct rk_otlp_queue *queue, struct rk_otlp_batch *batch)
{
	if (queue->tail)
		queue->tail->next = batch;
	else
		queue->head = batch;
	queue->tail = batch;
	queue->sealed_bytes += batch->weight;
	queue->sealed_items += batch->items;
}

void rk_otlp_queue_seal(struct rk_otlp_queue *queue)
{
	uint64_t items = queue->open_items;
	struct rk_otlp_batch *batch;

	if (!items)
		return;
	if (!fits(queue, 0)) {
		queue->counts.queue_full += items;
		queue->counts.waiting -= items;
		empty_open(queue);
		return;
	}
	batch = calloc(1, sizeof(*batch));
	if (batch) {
		batch->weight = open_weight(queue);
		batch->items = items;
		batch->first = queue->open_first;
		batch->last = queue->open_last;
	}
	if (!batch || !take_bytes(queue, batch)) {
		free(batch);
		queue->counts.limit += items;
		queue->counts.waiting -= items;
		empty_open(queue);
		return;
	}
	empty_open(queue);
	append(queue, batch);
}

bool rk_otlp_queue_put(struct rk_otlp_queue *queue, uint8_t *request, size_t length, uint64_t items,
		       uint64_t ticket)
{
	struct rk_otlp_batch *batch = calloc(1, sizeof(*batch));

	queue->counts.eligible += items;
	if (!batch) {
		queue->counts.limit += items;
		free(request);
		return false;
	}
	queue->counts.waiting += items;
	batch->memory = batch->bytes = request;
	batch->length = batch->weight = length;
	batch->items = items;
	batch->first = batch->last = ticket;
	append(queue, batch);
	return true;
}

void rk_otlp_queue_withdraw(struct rk_otlp_queue *queue)
{
	queue->counts.eligible -= queue->head->items;
	rk_otlp_queue_pop(queue);
}

uint64_t rk_otlp_queue_due_ns(const struct rk_otlp_queue *queue)
{
	if (!queue->open_items || queue->head)
		return RK_NEVER;
	return queue->opened_ns + queue->flush_ns;
}

const struct rk_otlp_batch *rk_otlp_queue_head(const struct rk_otlp_queue *queue)
{
	return queue->head;
}

static void free_bytes(struct rk_otlp_queue *queue, struct rk_otlp_batch *batch)
{
	if (batch->is_buffer && !queue->spare)
		queue->spare = batch->memory;
	else
		free(batch->memory);
	batch->memory = NULL;
	batch->is_buffer = false;
}

void rk_otlp_queue_compress_head(struct rk_otlp_queue *queue, struct rk_gzip *gzip)
{
	struct rk_otlp_batch *batch = queue->head;
	uint8_t *bytes;
	size_t length;

	if (!batch || batch->is_gzip)
		return;
	length = rk_gzip_compress(gzip, batch->bytes, batch->length, &bytes);
	if (!length)
		return;
	rk_otlp_queue_replace_head(queue, bytes, length);
	batch->is_gzip = true;
}

void rk_otlp_queue_replace_head(struct rk_otlp_queue *queue, uint8_t *bytes, size_t length)
{
	struct rk_otlp_batch *batch = queue->head;

	free_bytes(queue, batch);
	batch->memory = batch->bytes = bytes;
	batch->length = length;
}

void rk_otlp_queue_pop(struct rk_otlp_queue *queue)
{
	struct rk_otlp_batch *batch = queue->head;

	queue->head = batch->next;
	if (!queue->head)
		queue->tail = NULL;
	queue->sealed_bytes -= batch->weight;
	queue->sealed_items -= batch->items;
	queue->counts.waiting -= batch->items;
	free_bytes(queue, batch);
	free(batch);
}

const struct rk_otlp_queue_counts *rk_otlp_queue_get_counts(const struct rk_otlp_queue *queue)
{
	return &queue->counts;
}
