/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_work.c - work on its way through a stream: captured into a graph,
 * or placed on the timeline, carried out in memory, and reported as one operation.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define COPY_FIXED_NS 1000 /* what an empty copy or memset takes */

#define HOST_SLICE_NS 200000 /* the host thread looks for earlier work this often */

bool sim_op_wanted(void)
{
	return sim.config.truth || atomic_load_explicit(&sim.tool, memory_order_relaxed);
}

uint64_t sim_copy_ns(uint64_t bytes)
{
	if (sim.config.copy_ns)
		return sim.config.copy_ns;
	return COPY_FIXED_NS + bytes / sim.config.copy_gbps;
}

/* ---- effects on memory ---- */
static void effect_copy(const struct sim_copy_work *c)
{
	for (size_t z = 0; z < c->depth; z++) {
		char *dst = (char *)c->dst + z * c->dst_slice;
		const char *src = (const char *)c->src + z * c->src_slice;

		for (size_t y = 0; y < c->height; y++)
			memmove(dst + y * c->dst_pitch, src + y * c->src_pitch, c->width);
	}
}

static void effect_set(const struct sim_set_work *w)
{
	for (size_t y = 0; y < w->height; y++) {
		char *row = (char *)w->dst + y * w->pitch;

		if (w->element == 1)
			memset(row, (int)w->value, w->width);
		else
			for (size_t x = 0; x < w->width; x++)
				memcpy(row + x * w->element, &w->value, w->element);
	}
}

static void effect(const struct sim_work *work)
{
	if (work->failed)
		return;
	if (work->kind == SIM_WORK_KERNEL)
		sim_builtin_run(&work->kernel);
	else if (work->kind == SIM_WORK_COPY)
		effect_copy(&work->copy);
	else if (work->kind == SIM_WORK_SET)
		effect_set(&work->set);
}

/* ---- operations ---- */
static void fill_kernel(const struct sim_kernel_work *k, struct simgpu_op *op)
{
	op->kind = SIMGPU_OP_KERNEL;
	op->name = k->func->name;
	memcpy(op->grid, k->grid, sizeof(op->grid));
	memcpy(op->block, k->block, sizeof(op->block));
	memcpy(op->cluster, k->cluster, sizeof(op->cluster));
	op->dynamic_shared = k->shared;
	op->registers = 32;
	op->cooperative = k->cooperative;
}

static void fill_copy(const struct sim_copy_work *c, struct simgpu_op *op)
{
	op->kind = SIMGPU_OP_MEMCPY;
	op->bytes = c->width * c->height * c->depth;
	op->copy_kind = c->kind;
	op->src_kind = c->src_kind;
	op->dst_kind = c->dst_kind;
	op->src_device = c->src_device;
	op->dst_device = c->dst_device;
	op->async = c->async;
}

static void fill_set(const struct sim_set_work *w, struct simgpu_op *op)
{
	uint32_t device;

	op->kind = SIMGPU_OP_MEMSET;
	op->bytes = w->width * w->height * w->element;
	op->value = w->value;
	op->address = (uint64_t)(uintptr_t)w->dst;
	op->async = w->async;
	sim_mem_kinds(w->dst, &op->dst_kind, &device);
}

static void count(const struct sim_work *work)
{
	if (work->kind == SIM_WORK_KERNEL)
		atomic_fetch_add_explicit(&sim.counts.kernels, 1, memory_order_relaxed);
	else if (work->kind == SIM_WORK_COPY)
		atomic_fetch_add_explicit(&sim.counts.memcpys, 1, memory_order_relaxed);
	else if (work->kind == SIM_WORK_SET)
		atomic_fetch_add_explicit(&sim.counts.memsets, 1, memory_order_relaxed);
}

/* How many kernels the one that runs now launches. */
static uint64_t device_launches(void)
{
	unsigned long long n;

	if (!sim.config.device_every)
		return 0;
	n = atomic_fetch_add(&sim.counts.device_parents, 1) + 1;
	return n % sim.config.device_every ? 0 : sim.config.device_kernels;
}

/* They share the time of their parent, which is not done before they are. */
static void add_device_launches(const struct simgpu_op *parent, uint64_t count)
{
	struct simgpu_op like = *parent;
	uint64_t each = (parent->end_ns - parent->start_ns) / (count + 1);

	for (uint64_t i = 0; i < count; i++) {
		struct simgpu_op *op = sim_op_add();

		*op = like;
		op->device_launched = true;
		op->name = "device_kernel";
		op->grid[0] = (uint32_t)i + 1;
		op->graph_id = 0;
		op->graph_node_id = 0;
		op->start_ns = like.start_ns + i * each;
		op->end_ns = op->start_ns + each;
		if (sim.config.device_correlation)
			op->corr = (uint32_t)sim.config.device_correlation;
		atomic_fetch_add_explicit(&sim.counts.device_kernels, 1, memory_order_relaxed);
		if (sim.config.device_before) {
			op[-1] = *op;
			*op = like;
		}
	}
}

/* The lock is held. Puts @work on @s from @start on; returns its end. */
static uint64_t place(struct sim_stream *s, struct sim_work *work, uint64_t start,
		      const struct sim_node *node, uint32_t graph_id)
{
	struct sim_ctx *ctx = s->ctx;
	uint64_t end = start + work->dur_ns;
	bool reported = work->kind == SIM_WORK_KERNEL || work->kind == SIM_WORK_COPY ||
			work->kind == SIM_WORK_SET;
	struct simgpu_op *op;

	work->failed = ctx->sticky && start >= ctx->sticky_ns;
	if (!work->failed && work->kind == SIM_WORK_KERNEL &&
	    !sim_builtin_pointers_ok(&work->kernel)) {
		ctx->sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
		ctx->sticky_ns = end;
		work->failed = true;
	}
	if (!reported)
		return end;
	if (!work->failed)
		count(work);
	if (!sim_op_wanted())
		return end;
	op = sim_op_add();
	if (work->kind == SIM_WORK_KERNEL)
		fill_kernel(&work->kernel, op);
	else if (work->kind == SIM_WORK_COPY)
		fill_copy(&work->copy, op);
	else
		fill_set(&work->set, op);
	op->device = (uint32_t)ctx->device->ordinal;
	op->context = ctx->id;
	op->stream = s->id;
	op->queued_ns = sim_now();
	op->submitted_ns = op->queued_ns;
	op->start_ns = start;
	op->end_ns = end;
	op->graph_id = graph_id;
	op->graph_node_id = node ? node->id : 0;
	op->failed = work->failed;
	if (work->kind == SIM_WORK_KERNEL && !work->failed)
		add_device_launches(op, device_launches());
	return end;
}

/* ---- host functions ---- */
struct host_item {
	struct host_item *next;
	struct sim_stream *stream;
	struct sim_host_work work;
	uint64_t at_ns;
	atomic_bool *busy; /* of a graph node, else NULL */
};

static struct host_item *host_items;
static pthread_cond_t host_wake = PTHREAD_COND_INITIALIZER;
static bool host_running;

static struct host_item *host_take(void)
{
	struct host_item **best = &host_items, *item;

	for (struct host_item **at = &host_items; *at; at = &(*at)->next)
		if ((*at)->at_ns < (*best)->at_ns)
			best = at;
	item = *best;
	if (item && item->at_ns > sim_now())
		return NULL;
	if (item)
		*best = item->next;
	return item;
}

static void host_run(struct host_item *item)
{
	struct sim_stream *s = item->stream;

	pthread_mutex_unlock(&sim.lock);
	if (item->work.fn)
		item->work.fn(item->work.user);
	else
		item->work.callback(item->work.stream, sim_ctx_error(s->ctx), item->work.user);
	pthread_mutex_lock(&sim.lock);
	s->hosts_pending--;
	sim_stream_advance(s, sim_now());
	if (item->busy)
		atomic_store(item->busy, false);
	pthread_cond_broadcast(&sim.changed);
	free(item);
}

static void *host_main(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "simgpu-host");
	pthread_mutex_lock(&sim.lock);
	for (;;) {
		struct host_item *item;

		while (!host_items)
			pthread_cond_wait(&host_wake, &sim.lock);
		item = host_take();
		if (item) {
			host_run(item);
			continue;
		}
		pthread_mutex_unlock(&sim.lock);
		sim_sleep_until(sim_now() + HOST_SLICE_NS);
		pthread_mutex_lock(&sim.lock);
	}
	return NULL;
}

static void host_start(void)
{
	sigset_t all, before;
	pthread_t thread;

	if (host_running)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	host_running = !pthread_create(&thread, NULL, host_main, NULL);
	if (host_running)
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The lock is held. */
void sim_host_push(struct sim_stream *stream, const struct sim_host_work *work, uint64_t at_ns,
		   atomic_bool *busy)
{
	struct host_item *item = calloc(1, sizeof(*item));
	struct host_item **end = &host_items;

	if (!item)
		abort();
	item->stream = stream;
	item->work = *work;
	item->at_ns = at_ns;
	item->busy = busy;
	while (*end)
		end = &(*end)->next;
	*end = item;
	stream->hosts_pending++;
	host_start();
	pthread_cond_signal(&host_wake);
}

/* ---- submission ---- */
static bool script_fault(void)
{
	unsigned long long n = atomic_fetch_add(&sim.counts.launches, 1) + 1;

	return sim.config.illegal_at && n == sim.config.illegal_at;
}

static uint64_t run_now(struct sim_stream *s, struct sim_work *work)
{
	uint64_t start, end;
	bool fault;

	sim_stream_settle(s);
	start = sim_stream_ready(s);
	if (work->kind == SIM_WORK_HOST) {
		sim_host_push(s, &work->host, start, NULL);
		sim_stream_advance(s, start);
		return start;
	}
	fault = work->kind == SIM_WORK_KERNEL && script_fault();
	if (fault && !s->ctx->sticky) {
		s->ctx->sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
		s->ctx->sticky_ns = start;
	}
	end = place(s, work, start, NULL, 0);
	sim_stream_advance(s, end);
	return end;
}

CUresult sim_submit_wait(CUstream handle, struct sim_work *work, bool wait)
{
	struct sim_stream *s;
	uint64_t end = 0;
	CUresult result;

	work->captured = false;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(handle, &s);
	if (!result && s->cap) {
		work->captured = true;
		if (wait) {
			s->cap->invalid = true;
			result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
		} else {
			result = sim_capture_work(s, work);
		}
		pthread_mutex_unlock(&sim.lock);
		return result;
	}
	if (!result && s->legacy)
		result = sim_capture_legacy(s->ctx);
	if (!result)
		end = run_now(s, work);
	pthread_mutex_unlock(&sim.lock);
	if (result)
		return result;
	effect(work);
	if (!wait)
		return CUDA_SUCCESS;
	sim_sleep_until(end);
	return sim_ctx_error(s->ctx);
}

CUresult sim_submit(CUstream stream, struct sim_work *work)
{
	return sim_submit_wait(stream, work, false);
}

/* ---- graphs ---- */
struct graph_run {
	struct sim_stream *stream;
	uint32_t graph_id;
	uint64_t start_ns;
	uint64_t end_ns;
};

static void run_nodes(struct graph_run *run, struct sim_graph *graph, uint64_t floor_ns);

/* The lock is held, and given up for the effect and while a host node runs. */
static void run_node(struct graph_run *run, struct sim_node *node, uint64_t floor_ns)
{
	struct sim_work work = node->work;
	uint64_t start = floor_ns;
	atomic_bool busy = false;

	for (size_t i = 0; i < node->dep_count; i++)
		if (node->deps[i]->end_ns > start)
			start = node->deps[i]->end_ns;
	node->end_ns = start;
	if (!node->enabled)
		return;
	if (work.kind == SIM_WORK_CHILD || work.kind == SIM_WORK_CONDITIONAL) {
		uint32_t runs = work.kind == SIM_WORK_CHILD ? 1 : work.body_runs;
		uint64_t before = run->end_ns;

		run->end_ns = start;
		while (runs--)
			run_nodes(run, work.child, run->end_ns);
		node->end_ns = run->end_ns;
		run->end_ns = before > node->end_ns ? before : node->end_ns;
		return;
	}
	if (work.kind == SIM_WORK_HOST) {
		atomic_store(&busy, true);
		sim_host_push(run->stream, &work.host, start, &busy);
		while (atomic_load(&busy))
			pthread_cond_wait(&sim.changed, &sim.lock);
		node->end_ns = sim_now();
	} else if (work.kind == SIM_WORK_RECORD) {
		work.event->recorded = true;
		work.event->time_ns = start;
	} else if (work.kind == SIM_WORK_WAIT) {
		if (work.event->recorded && work.event->time_ns > start)
			node->end_ns = work.event->time_ns;
	} else {
		node->end_ns = place(run->stream, &work, start, node, run->graph_id);
		pthread_mutex_unlock(&sim.lock);
		effect(&work);
		pthread_mutex_lock(&sim.lock);
	}
	if (node->end_ns > run->end_ns)
		run->end_ns = node->end_ns;
}

/* An instantiated graph has its nodes in dependency order. */
static void run_nodes(struct graph_run *run, struct sim_graph *graph, uint64_t floor_ns)
{
	for (size_t i = 0; i < graph->count; i++)
		run_node(run, graph->nodes[i], floor_ns);
}

static void report_graph(const struct graph_run *run)
{
	struct simgpu_op *op;

	if (!sim_op_wanted())
		return;
	op = sim_op_add();
	op->kind = SIMGPU_OP_GRAPH;
	op->device = (uint32_t)run->stream->ctx->device->ordinal;
	op->context = run->stream->ctx->id;
	op->stream = run->stream->id;
	op->graph_id = run->graph_id;
	op->start_ns = run->start_ns;
	op->end_ns = run->end_ns;
}

CUresult sim_run_graph(CUstream handle, struct sim_exec *exec)
{
	struct graph_run run = { .graph_id = exec->id };
	CUresult result;

	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(handle, &run.stream);
	if (!result && run.stream->legacy)
		result = sim_capture_legacy(run.stream->ctx);
	if (!result) {
		sim_stream_settle(run.stream);
		run.start_ns = sim_stream_ready(run.stream);
		run.end_ns = run.start_ns;
		/* Other threads' work on this stream comes behind the graph. */
		run_nodes(&run, exec->graph, run.start_ns);
		sim_stream_advance(run.stream, run.end_ns);
		report_graph(&run);
	}
	pthread_mutex_unlock(&sim.lock);
	return result;
}
