/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/simgpu/sim_builtin.c - the few kernels that really compute, so that programs
 * can check their results.
 *
 *   __global__ void vector_add(const float *a, const float *b, float *c, int n);
 *   __global__ void saxpy(int n, float a, const float *x, float *y);
 *   __global__ void reduce_sum(const float *in, float *out, int n);
 *
 * The first two handle element blockIdx.x * blockDim.x + threadIdx.x; reduce_sum
 * strides over the whole grid and leaves the sum of each block in out[blockIdx.x].
 * They are known by the exact name, so that another program's kernel of the same
 * name and different arguments is never run as one of these.
 */
#include <string.h>

#include "sim.h"

struct vector_args {
	const float *a;
	const float *b;
	float *c;
	int n;
};

struct saxpy_args {
	int n;
	float a;
	const float *x;
	float *y;
};

struct reduce_args {
	const float *in;
	float *out;
	int n;
};

static const struct {
	const char *name;
	enum sim_builtin builtin;
} known[] = {
	{ "_Z10vector_addPKfS0_Pfi", SIM_VECTOR_ADD },
	{ "vector_add", SIM_VECTOR_ADD },
	{ "_Z5saxpyifPKfPf", SIM_SAXPY },
	{ "saxpy", SIM_SAXPY },
	{ "_Z10reduce_sumPKfPfi", SIM_REDUCE_SUM },
	{ "reduce_sum", SIM_REDUCE_SUM },
};

/* Offset and size of each argument, as the device's parameter buffer has them. */
static const struct {
	unsigned int count;
	struct {
		uint8_t at, size;
	} arg[4];
} shapes[] = {
	[SIM_PLAIN] = { 0, { { 0, 0 } } },
	[SIM_VECTOR_ADD] = { 4, { { 0, 8 }, { 8, 8 }, { 16, 8 }, { 24, 4 } } },
	[SIM_SAXPY] = { 4, { { 0, 4 }, { 4, 4 }, { 8, 8 }, { 16, 8 } } },
	[SIM_REDUCE_SUM] = { 3, { { 0, 8 }, { 8, 8 }, { 16, 4 } } },
};

enum sim_builtin sim_builtin_find(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].builtin;
	return SIM_PLAIN;
}

void sim_builtin_args(struct sim_kernel_work *work, void **params, void **extra)
{
	enum sim_builtin b = work->func->builtin;
	const void *buffer = NULL;
	size_t size = SIM_ARG_BYTES;

	if (b == SIM_PLAIN)
		return;
	for (unsigned int i = 0; params && i < shapes[b].count; i++)
		memcpy(work->args + shapes[b].arg[i].at, params[i], shapes[b].arg[i].size);
	for (size_t i = 0; extra && extra[i] != CU_LAUNCH_PARAM_END; i += 2) {
		if (extra[i] == CU_LAUNCH_PARAM_BUFFER_POINTER)
			buffer = extra[i + 1];
		else if (extra[i] == CU_LAUNCH_PARAM_BUFFER_SIZE)
			size = *(size_t *)extra[i + 1];
	}
	if (buffer)
		memcpy(work->args, buffer, size < SIM_ARG_BYTES ? size : SIM_ARG_BYTES);
}

static size_t threads(const struct sim_kernel_work *work, int n)
{
	size_t all = (size_t)work->grid[0] * work->block[0];

	return n < 0 ? 0 : (size_t)n < all ? (size_t)n : all;
}

static bool range_ok(const void *ptr, size_t bytes)
{
	const struct sim_alloc *a = sim_mem_find(ptr);

	return !bytes || (a && (const char *)ptr + bytes <= a->base + a->size);
}

/* The lock is held. A bad pointer is an illegal address, as on a device. */
bool sim_builtin_pointers_ok(const struct sim_kernel_work *work)
{
	const void *args = work->args;
	const struct vector_args *v = args;
	const struct saxpy_args *s = args;
	const struct reduce_args *r = args;
	size_t bytes;

	switch (work->func->builtin) {
	case SIM_VECTOR_ADD:
		bytes = threads(work, v->n) * sizeof(float);
		return range_ok(v->a, bytes) && range_ok(v->b, bytes) && range_ok(v->c, bytes);
	case SIM_SAXPY:
		bytes = threads(work, s->n) * sizeof(float);
		return range_ok(s->x, bytes) && range_ok(s->y, bytes);
	case SIM_REDUCE_SUM:
		return range_ok(r->in, r->n > 0 ? (size_t)r->n * sizeof(float) : 0) &&
		       range_ok(r->out, work->grid[0] * sizeof(float));
	case SIM_PLAIN:
		break;
	}
	return true;
}

static void run_reduce(const struct sim_kernel_work *work, const struct reduce_args *r)
{
	size_t block = work->block[0], stride = (size_t)work->grid[0] * block;
	size_t n = r->n > 0 ? (size_t)r->n : 0;

	for (size_t b = 0; b < work->grid[0]; b++) {
		double sum = 0;

		for (size_t base = b * block; base < n; base += stride)
			for (size_t i = base; i < base + block && i < n; i++)
				sum += (double)r->in[i];
		r->out[b] = (float)sum;
	}
}

void sim_builtin_run(const struct sim_kernel_work *work)
{
	const void *args = work->args;
	const struct vector_args *v = args;
	const struct saxpy_args *s = args;
	size_t n;

	switch (work->func->builtin) {
	case SIM_VECTOR_ADD:
		n = threads(work, v->n);
		for (size_t i = 0; i < n; i++)
			v->c[i] = v->a[i] + v->b[i];
		break;
	case SIM_SAXPY:
		n = threads(work, s->n);
		for (size_t i = 0; i < n; i++)
			s->y[i] = s->a * s->x[i] + s->y[i];
		break;
	case SIM_REDUCE_SUM:
		run_reduce(work, args);
		break;
	case SIM_PLAIN:
		break;
	}
}
