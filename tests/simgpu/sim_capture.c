/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_capture.c - stream capture.
 *
 * A capturing stream keeps its front: the nodes that the next captured work depends
 * on. An event recorded there takes a copy of the front; a stream that waits for
 * such an event joins the capture.
 */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

static atomic_ullong capture_ids;

/* The lock is held. */
struct sim_capture *sim_capture_find(uint64_t id)
{
	for (struct sim_capture *c = sim.capture_list; c; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

/* A call that might synchronise or allocate, by the rules of the capture modes: a
 * global capture anywhere forbids it to threads that did not opt out, a thread-local
 * one to its own thread. Such a call spoils the capture. */
CUresult sim_capture_unsafe(void)
{
	CUresult result = CUDA_SUCCESS;

	if (!atomic_load_explicit(&sim.captures, memory_order_relaxed) ||
	    sim_self.capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&sim.lock);
	for (struct sim_capture *c = sim.capture_list; c; c = c->next) {
		bool own = pthread_equal(c->thread, pthread_self());
		bool global = c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL &&
			      sim_self.capture_mode == CU_STREAM_CAPTURE_MODE_GLOBAL;

		if (!(global || (own && c->mode != CU_STREAM_CAPTURE_MODE_RELAXED)))
			continue;
		c->invalid = true;
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	pthread_mutex_unlock(&sim.lock);
	return result;
}

static CUresult legacy_check(struct sim_ctx *ctx, bool spoil)
{
	CUresult result = CUDA_SUCCESS;

	if (!sim.capture_list)
		return CUDA_SUCCESS;
	for (struct sim_stream *s = ctx->streams; s; s = s->next) {
		if (!s->cap || s->flags & CU_STREAM_NON_BLOCKING)
			continue;
		if (spoil)
			s->cap->invalid = true;
		result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	}
	return result;
}

/* The lock is held. Use of the legacy stream while a blocking stream captures. */
CUresult sim_capture_legacy(struct sim_ctx *ctx)
{
	return legacy_check(ctx, true);
}

static void set_front(struct sim_node ***front, size_t *count, struct sim_node *const *nodes,
		      size_t n)
{
	struct sim_node **copy = n ? malloc(n * sizeof(*copy)) : NULL;

	if (copy)
		memcpy(copy, nodes, n * sizeof(*copy));
	free(*front);
	*front = copy;
	*count = copy ? n : 0;
}

static void add_front(struct sim_node ***front, size_t *count, struct sim_node *const *nodes,
		      size_t n)
{
	struct sim_node **grown;

	if (!n)
		return;
	grown = realloc(*front, (*count + n) * sizeof(*grown));
	if (!grown)
		abort();
	*front = grown;
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < *count && grown[k] != nodes[i])
			k++;
		if (k == *count)
			grown[(*count)++] = nodes[i];
	}
}

CUresult sim_capture_work(struct sim_stream *stream, struct sim_work *work)
{
	struct sim_node *node;

	sim_self.captured = true;
	if (stream->cap->invalid)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	node = sim_graph_add(stream->cap->graph, work, stream->front, stream->front_count);
	if (!node)
		return CUDA_ERROR_OUT_OF_MEMORY;
	set_front(&stream->front, &stream->front_count, &node, 1);
	return CUDA_SUCCESS;
}

CUresult sim_capture_record(struct sim_stream *stream, struct sim_event *event)
{
	if (stream->cap->invalid)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	event->cap = stream->cap;
	event->cap_id = stream->cap->id;
	set_front(&event->front, &event->front_count, stream->front, stream->front_count);
	return CUDA_SUCCESS;
}

CUresult sim_capture_wait(struct sim_stream *stream, struct sim_event *event)
{
	struct sim_capture *theirs = event->cap ? sim_capture_find(event->cap_id) : NULL;

	if (!theirs) {
		stream->cap->invalid = true;
		return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
	}
	if (theirs->invalid)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (stream->legacy)
		return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	if (stream->cap && stream->cap != theirs) {
		stream->cap->invalid = true;
		theirs->invalid = true;
		return CUDA_ERROR_STREAM_CAPTURE_MERGE;
	}
	if (!stream->cap)
		sim_stream_free_front(stream);
	stream->cap = theirs;
	add_front(&stream->front, &stream->front_count, event->front, event->front_count);
	return CUDA_SUCCESS;
}

static CUresult begin(CUstream handle, CUstreamCaptureMode mode, struct sim_graph *graph,
		      const CUgraphNode *deps, size_t count)
{
	struct sim_stream *s;
	struct sim_capture *c;
	CUresult result;

	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(handle, &s);
	if (!result && (s->legacy || s->cap))
		result = s->legacy ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED :
				     CUDA_ERROR_ILLEGAL_STATE;
	c = result ? NULL : calloc(1, sizeof(*c));
	if (c) {
		c->id = atomic_fetch_add(&capture_ids, 1) + 1;
		c->graph = graph ? graph : sim_graph_new();
		c->to_graph = graph != NULL;
		c->origin = s;
		c->mode = mode;
		c->thread = pthread_self();
		c->next = sim.capture_list;
		sim.capture_list = c;
		s->cap = c;
		set_front(&s->front, &s->front_count, (struct sim_node *const *)deps, count);
		atomic_fetch_add(&sim.captures, 1);
	}
	pthread_mutex_unlock(&sim.lock);
	return result ? result : c ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

SIM_API(cuStreamBeginCapture_v2, CUstream hStream, CUstreamCaptureMode mode)
{
	if ((unsigned int)mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_ERROR_INVALID_VALUE;
	return begin(hStream, mode, NULL, NULL, 0);
}

SIM_API(cuStreamBeginCapture, CUstream hStream)
{
	return begin(hStream, CU_STREAM_CAPTURE_MODE_GLOBAL, NULL, NULL, 0);
}

SIM_API(cuStreamBeginCaptureToGraph, CUstream hStream, CUgraph hGraph,
	const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
	size_t numDependencies, CUstreamCaptureMode mode)
{
	(void)dependencyData;
	if (!hGraph)
		return CUDA_ERROR_INVALID_VALUE;
	return begin(hStream, mode, (struct sim_graph *)hGraph, dependencies, numDependencies);
}

SIM_API(cuThreadExchangeStreamCaptureMode, CUstreamCaptureMode *mode)
{
	CUstreamCaptureMode before = sim_self.capture_mode;

	if (!mode || (unsigned int)*mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_ERROR_INVALID_VALUE;
	sim_self.capture_mode = *mode;
	*mode = before;
	return CUDA_SUCCESS;
}

static bool depends_on(const struct sim_node *node, const struct sim_node *on)
{
	if (node == on)
		return true;
	for (size_t i = 0; i < node->dep_count; i++)
		if (depends_on(node->deps[i], on))
			return true;
	return false;
}

/* Every other stream of the capture must have been waited for by the origin. */
static bool joined(const struct sim_capture *c)
{
	for (struct sim_stream *s = c->origin->ctx->streams; s; s = s->next) {
		if (s->cap != c || s == c->origin)
			continue;
		for (size_t i = 0; i < s->front_count; i++) {
			size_t k = 0;

			while (k < c->origin->front_count &&
			       !depends_on(c->origin->front[k], s->front[i]))
				k++;
			if (k == c->origin->front_count)
				return false;
		}
	}
	return true;
}

static void release(struct sim_capture *c)
{
	struct sim_ctx *ctx = c->origin->ctx;

	for (struct sim_stream *s = ctx->streams; s; s = s->next) {
		if (s->cap == c) {
			s->cap = NULL;
			sim_stream_free_front(s);
		}
	}
	for (struct sim_capture **at = &sim.capture_list; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	atomic_fetch_sub(&sim.captures, 1);
	free(c);
}

SIM_API(cuStreamEndCapture, CUstream hStream, CUgraph *phGraph)
{
	struct sim_stream *s;
	struct sim_capture *c;
	CUresult result;

	if (!phGraph)
		return CUDA_ERROR_INVALID_VALUE;
	*phGraph = NULL;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	c = result ? NULL : s->cap;
	if (!result && !c)
		result = CUDA_ERROR_ILLEGAL_STATE;
	else if (!result && c->origin != s)
		result = CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
	else if (!result && c->mode != CU_STREAM_CAPTURE_MODE_RELAXED &&
		 !pthread_equal(c->thread, pthread_self()))
		result = CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	else if (!result) {
		if (c->invalid)
			result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
		else if (!joined(c))
			result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
		if (!result)
			*phGraph = (CUgraph)c->graph;
		else if (!c->to_graph)
			sim_graph_free(c->graph);
		release(c);
	}
	pthread_mutex_unlock(&sim.lock);
	return result;
}

SIM_API(cuStreamGetCaptureInfo_v3, CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out, CUgraph *graph_out, const CUgraphNode **dependencies_out,
	const CUgraphEdgeData **edgeData_out, size_t *numDependencies_out)
{
	struct sim_stream *s;
	CUresult result;

	if (!captureStatus_out)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && s->legacy) /* a question: refused, but it spoils nothing */
		result = legacy_check(s->ctx, false);
	if (!result) {
		*captureStatus_out = !s->cap	     ? CU_STREAM_CAPTURE_STATUS_NONE :
				     s->cap->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED :
						       CU_STREAM_CAPTURE_STATUS_ACTIVE;
		if (id_out && s->cap)
			*id_out = s->cap->id;
		if (graph_out)
			*graph_out = s->cap ? (CUgraph)s->cap->graph : NULL;
		if (dependencies_out)
			*dependencies_out = s->cap ? (const CUgraphNode *)s->front : NULL;
		if (edgeData_out)
			*edgeData_out = NULL;
		if (numDependencies_out)
			*numDependencies_out = s->cap ? s->front_count : 0;
	}
	pthread_mutex_unlock(&sim.lock);
	return result;
}

SIM_API(cuStreamGetCaptureInfo_v2, CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out, CUgraph *graph_out, const CUgraphNode **dependencies_out,
	size_t *numDependencies_out)
{
	return sim_cuStreamGetCaptureInfo_v3(hStream, captureStatus_out, id_out, graph_out,
					     dependencies_out, NULL, numDependencies_out);
}

SIM_API(cuStreamGetCaptureInfo, CUstream hStream, CUstreamCaptureStatus *captureStatus_out,
	cuuint64_t *id_out)
{
	return sim_cuStreamGetCaptureInfo_v3(hStream, captureStatus_out, id_out, NULL, NULL, NULL,
					     NULL);
}

SIM_API(cuStreamIsCapturing, CUstream hStream, CUstreamCaptureStatus *captureStatus)
{
	return sim_cuStreamGetCaptureInfo_v3(hStream, captureStatus, NULL, NULL, NULL, NULL, NULL);
}

SIM_API(cuStreamUpdateCaptureDependencies_v2, CUstream hStream, CUgraphNode *dependencies,
	const CUgraphEdgeData *dependencyData, size_t numDependencies, unsigned int flags)
{
	struct sim_stream *s;
	CUresult result;

	(void)dependencyData;
	pthread_mutex_lock(&sim.lock);
	result = sim_stream_get(hStream, &s);
	if (!result && !s->cap)
		result = CUDA_ERROR_ILLEGAL_STATE;
	if (!result && flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES)
		set_front(&s->front, &s->front_count, (struct sim_node *const *)dependencies,
			  numDependencies);
	else if (!result)
		add_front(&s->front, &s->front_count, (struct sim_node *const *)dependencies,
			  numDependencies);
	pthread_mutex_unlock(&sim.lock);
	return result;
}

SIM_API(cuStreamUpdateCaptureDependencies, CUstream hStream, CUgraphNode *dependencies,
	size_t numDependencies, unsigned int flags)
{
	return sim_cuStreamUpdateCaptureDependencies_v2(hStream, dependencies, NULL,
							numDependencies, flags);
}
