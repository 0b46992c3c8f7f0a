/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/otlp_queue.h - encoded items that wait to be sent to one destination.
 *
 *   open batch --(size, time)--> sealed, oldest first --> head is sent --> pop
 *
 * Bounded in bytes. Why the newest batch is dropped when it is full: what waits longest
 * belongs to the beginning of an outage, which is what one looks for later; and a batch that
 * is being sent cannot be taken back. While something waits, the open batch is not sealed by
 * time but fills up, so a slow receiver gets few large requests and not many small ones.
 */
#ifndef RK_EXPORTERS_OTLP_QUEUE_H
#define RK_EXPORTERS_OTLP_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exporters/gzip.h"

struct rk_otlp_queue;

struct rk_otlp_batch {
	struct rk_otlp_batch *next;
	uint8_t *memory; /* what is freed */
	uint8_t *bytes;	 /* the request */
	size_t length;
	size_t weight; /* bytes it takes of the bound; kept when it is compressed */
	uint64_t items;
	uint64_t first, last; /* sequence of its first and last item; 0 = items have none */
	bool is_gzip;
	bool is_buffer; /* memory is of full size and can take the next batch */
};

struct rk_otlp_queue_setup {
	size_t flush_bytes; /* a batch is sealed at this size */
	size_t queue_bytes;
	uint64_t batch_items; /* or with so many items; 0 = any number */
	uint64_t queue_items; /* that wait at most, beside queue_bytes; 0 = any number */
	uint64_t flush_ns;    /* or at this age */
	const char *resource; /* see core/resource.h */
};

/* Items by what became of them. */
struct rk_otlp_queue_counts {
	uint64_t eligible; /* all that were offered */
	uint64_t waiting;  /* open, sealed, or being sent */
	uint64_t queue_full, too_large, limit;
};

/**
 * Context: exporter. Ownership: the caller, rk_otlp_queue_destroy(). Return: 0; -ENOMEM.
 */
int rk_otlp_queue_create(struct rk_otlp_queue **out, const struct rk_otlp_queue_setup *setup);
void rk_otlp_queue_destroy(struct rk_otlp_queue *queue);

/**
 * Whether an item of @bound bytes can be taken without dropping a batch.
 *
 * Context: exporter. For those who would rather wait.
 */
bool rk_otlp_queue_has_room(const struct rk_otlp_queue *queue, size_t bound);

/**
 * Room for one item of at most @bound bytes. Seals the open batch when it does not fit there.
 * The open batch is sealed before an item that is dropped, so that no batch has a gap.
 *
 * @sequence: of the item, rising; 0 = none.
 * Context: exporter.
 * Return: where to write, then rk_otlp_queue_commit(); NULL when the item is dropped, which
 *         has then been counted.
 */
uint8_t *rk_otlp_queue_reserve(struct rk_otlp_queue *queue, size_t bound, uint64_t now_ns);
void rk_otlp_queue_commit(struct rk_otlp_queue *queue, size_t bytes, uint64_t sequence);

/**
 * Add a whole request of @items items as a sealed batch, whatever waits already. @ticket
 * becomes its first and last sequence.
 *
 * Context: exporter. Ownership: the queue takes @request (malloc), on failure it frees it.
 * Return: false without memory; the items have then been counted.
 */
bool rk_otlp_queue_put(struct rk_otlp_queue *queue, uint8_t *request, size_t length, uint64_t items,
		       uint64_t ticket);

/**
 * Take the head out as if it had never been offered.
 *
 * Context: exporter; while the head is not being sent.
 */
void rk_otlp_queue_withdraw(struct rk_otlp_queue *queue);

/**
 * Count items that are offered and given up at once.
 *
 * Context: exporter.
 */
void rk_otlp_queue_refuse(struct rk_otlp_queue *queue, uint64_t items);

/**
 * Close the open batch. Does nothing when it is empty.
 *
 * Context: exporter.
 */
void rk_otlp_queue_seal(struct rk_otlp_queue *queue);

/**
 * When the open batch is to be sealed by age; RK_NEVER when it is empty or others wait.
 *
 * Context: exporter.
 */
uint64_t rk_otlp_queue_due_ns(const struct rk_otlp_queue *queue);

/**
 * The oldest sealed batch, NULL when there is none.
 *
 * Context: exporter. Ownership: borrowed until rk_otlp_queue_pop().
 */
const struct rk_otlp_batch *rk_otlp_queue_head(const struct rk_otlp_queue *queue);

/**
 * Compress the head, once. Without memory it stays as it is.
 *
 * Context: exporter; while the head is not being sent.
 */
void rk_otlp_queue_compress_head(struct rk_otlp_queue *queue, struct rk_gzip *gzip);

/**
 * Put other bytes in the place of the head's, in another encoding of the same items.
 *
 * Context: exporter; while the head is not being sent. Ownership: the queue takes @bytes.
 */
void rk_otlp_queue_replace_head(struct rk_otlp_queue *queue, uint8_t *bytes, size_t length);

/**
 * Forget the head: it was sent, or its items are counted elsewhere.
 *
 * Context: exporter.
 */
void rk_otlp_queue_pop(struct rk_otlp_queue *queue);

/**
 * Context: exporter. Ownership: borrowed; changes with the queue.
 */
const struct rk_otlp_queue_counts *rk_otlp_queue_get_counts(const struct rk_otlp_queue *queue);

#endif
