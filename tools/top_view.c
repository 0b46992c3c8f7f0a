/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/top_view.c - rates, their order, and one line of text after the other.
 */
#include "tools/top_view.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

#define LINE_BYTES 1024
#define BAR_WIDTH  20

static const struct {
	const char *name;
	char key;
} sorts[RK_TOP_SORTS] = {
	[RK_TOP_BY_TIME] = { "time", 't' }, [RK_TOP_BY_CALLS] = { "calls", 'c' },
	[RK_TOP_BY_MEAN] = { "mean", 'm' }, [RK_TOP_BY_TOTAL] = { "total", 'a' },
	[RK_TOP_BY_NAME] = { "name", 'n' },
};

const char *rk_top_sort_name(enum rk_top_sort sort)
{
	return sorts[sort].name;
}

char rk_top_sort_key(enum rk_top_sort sort)
{
	return sorts[sort].key;
}

static double mean_of(const struct rk_top_row *row)
{
	return row->calls > 0 ? row->seconds / row->calls : 0;
}

/* The larger one first. */
static int compare(double a, double b)
{
	return (a < b) - (a > b);
}

static int compare_names(const struct rk_top_row *a, const struct rk_top_row *b)
{
	int order = strcmp(a->kernel->name, b->kernel->name);

	return order ? order : strcmp(a->kernel->device, b->kernel->device);
}

static int by_time(const void *x, const void *y)
{
	const struct rk_top_row *a = x, *b = y;
	int order = compare(a->seconds, b->seconds);

	order = order ? order : compare(a->kernel->seconds, b->kernel->seconds);
	return order ? order : compare_names(a, b);
}

static int by_calls(const void *x, const void *y)
{
	const struct rk_top_row *a = x, *b = y;
	int order = compare(a->calls, b->calls);

	return order ? order : by_time(a, b);
}

static int by_mean(const void *x, const void *y)
{
	int order = compare(mean_of(x), mean_of(y));

	return order ? order : by_time(x, y);
}

static int by_total(const void *x, const void *y)
{
	const struct rk_top_row *a = x, *b = y;
	int order = compare(a->kernel->seconds, b->kernel->seconds);

	return order ? order : compare_names(a, b);
}

static int by_name(const void *x, const void *y)
{
	return compare_names(x, y);
}

/* The same kernel in the older sample: it stands where it stood, or a little before. */
static const struct rk_top_kernel *find(const struct rk_top_sample *before,
					const struct rk_top_kernel *kernel, uint32_t *at)
{
	for (uint32_t i = 0; i < before->kernel_count; i++) {
		uint32_t place = (*at + i) % before->kernel_count;
		const struct rk_top_kernel *other = &before->kernels[place];

		if (strcmp(other->name, kernel->name) == 0 &&
		    strcmp(other->device, kernel->device) == 0 &&
		    strcmp(other->source, kernel->source) == 0) {
			*at = place + 1;
			return other;
		}
	}
	return NULL;
}

void rk_top_view_make(struct rk_top_view *view, const struct rk_top_sample *before,
		      const struct rk_top_sample *after, enum rk_top_sort sort)
{
	static int (*const orders[RK_TOP_SORTS])(const void *, const void *) = {
		by_time, by_calls, by_mean, by_total, by_name,
	};
	uint32_t at = 0;

	view->before = before;
	view->after = after;
	view->elapsed = (double)(int64_t)(after->now_ns - before->now_ns) / 1e9;
	view->row_count = after->kernel_count;
	for (uint32_t i = 0; i < after->kernel_count; i++) {
		const struct rk_top_kernel *kernel = &after->kernels[i];
		const struct rk_top_kernel *old = find(before, kernel, &at);

		view->rows[i] = (struct rk_top_row){
			.kernel = kernel,
			.calls = (double)(kernel->count - (old ? old->count : 0)),
			.seconds = kernel->seconds - (old ? old->seconds : 0),
		};
	}
	qsort(view->rows, view->row_count, sizeof(view->rows[0]), orders[sort]);
}

/* Cut to the columns of the screen; a character of several bytes is not cut in two. */
static void clip(char *line, uint32_t columns)
{
	uint32_t shown = 0;

	if (!columns)
		return;
	for (; *line; line++) {
		if (((unsigned char)*line & 0xc0) != 0x80 && shown++ == columns)
			break;
	}
	*line = '\0';
}

__attribute__((format(printf, 2, 3))) static void put(struct rk_top_page *page, const char *format,
						      ...)
{
	char line[LINE_BYTES];
	va_list args;

	if (page->rows && page->used == page->rows)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	clip(line, page->columns);
	/* No new line behind the last one: it would scroll. */
	if (page->used++)
		fputc('\n', page->out);
	fprintf(page->out, "%s%s", line, page->is_screen ? "\033[K" : "");
}

/* "12345" or "12.3 k": a rate. */
static const char *rate(const struct rk_top_view *view, double difference, char out[32])
{
	double value = view->elapsed > 0 ? difference / view->elapsed : 0;

	if (value < 99999.5)
		snprintf(out, 32, "%.*f", value > 0 && value < 9.95 ? 1 : 0, value);
	else if (value < 999.95e3)
		snprintf(out, 32, "%.0f k", value / 1e3);
	else
		snprintf(out, 32, "%.2f M", value / 1e6);
	return out;
}

static void put_head(const struct rk_top_view *view, struct rk_top_page *page)
{
	const struct rk_top_sample *after = view->after;
	char time[32];

	if (page->trouble) {
		put(page, "%s (pid %d): %s", after->program, (int)page->pid, page->trouble);
		return;
	}
	put(page, "%s (pid %d), rkpreload %s: %s for %s, GPU times from %s%s", after->program,
	    (int)page->pid, after->version, after->recording ? "recording" : "not recording",
	    rk_tool_format_ns(after->recorded_seconds * 1e9, time), after->gpu_time_source,
	    page->is_paused ? "   PAUSED" : "");
}

static void put_calls(const struct rk_top_view *view, struct rk_top_page *page)
{
	const struct rk_top_sample *before = view->before, *after = view->after;
	char text[4][32];

	put(page,
	    "calls     launches %s/s, graphs %s/s, copies %s/s, memsets %s/s; open %llu, failed "
	    "%llu",
	    rate(view, (double)(after->launches - before->launches), text[0]),
	    rate(view, (double)(after->graph_launches - before->graph_launches), text[1]),
	    rate(view, (double)(after->copies - before->copies), text[2]),
	    rate(view, (double)(after->memsets - before->memsets), text[3]),
	    (unsigned long long)after->open, (unsigned long long)after->failed);
}

static const struct rk_top_device *device_before(const struct rk_top_view *view,
						 const struct rk_top_device *device)
{
	static const struct rk_top_device none;

	for (uint32_t i = 0; i < view->before->device_count; i++) {
		if (strcmp(view->before->devices[i].number, device->number) == 0)
			return &view->before->devices[i];
	}
	return &none;
}

/* What the GPU did: a share of the time that was accounted for between the samples. */
static void put_split(const struct rk_top_view *view, struct rk_top_page *page,
		      const struct rk_top_device *device)
{
	static const char bar[BAR_WIDTH + 1] = "####################";
	const struct rk_top_device *before = device_before(view, device);
	double parts[RK_TOP_STATES], sum = 0;
	char line[256];
	int used = 0;

	for (uint32_t i = 0; i < RK_TOP_STATES; i++) {
		parts[i] = device->seconds[i] - before->seconds[i];
		sum += parts[i];
	}
	if (sum <= 0) {
		put(page, "GPU %-4s  no time accounted for", device->number);
		return;
	}
	for (uint32_t i = 0; i < RK_TOP_STATES; i++) {
		if (i == 0 || parts[i] > 0)
			used += snprintf(line + used, sizeof(line) - (size_t)used, "%s%s %.1f %%",
					 i ? ", " : "", rk_top_state_name(i), 100 * parts[i] / sum);
	}
	put(page, "GPU %-4s  [%-*.*s] %s", device->number, BAR_WIDTH,
	    (int)(parts[0] / sum * BAR_WIDTH + 0.5), bar, line);
}

static void put_devices(const struct rk_top_view *view, struct rk_top_page *page)
{
	char live[32], peak[32];

	for (uint32_t i = 0; i < view->after->device_count; i++) {
		const struct rk_top_device *device = &view->after->devices[i];

		put_split(view, page, device);
		put(page, "          memory %s (most %s), kernels under way %.0f",
		    rk_tool_format_bytes(device->live_bytes, live),
		    rk_tool_format_bytes(device->peak_bytes, peak), device->active);
	}
}

static double bytes_before(const struct rk_top_view *view, const struct rk_top_copy *copy)
{
	for (uint32_t i = 0; i < view->before->transfer_count; i++) {
		const struct rk_top_copy *other = &view->before->transfers[i];

		if (strcmp(other->kind, copy->kind) == 0 &&
		    strcmp(other->device, copy->device) == 0)
			return other->bytes;
	}
	return 0;
}

static void put_copies(const struct rk_top_view *view, struct rk_top_page *page)
{
	char line[512] = "", now[32], total[32];
	size_t used = 0;

	for (uint32_t i = 0; i < view->after->transfer_count && used < sizeof(line); i++) {
		const struct rk_top_copy *copy = &view->after->transfers[i];
		double bytes = copy->bytes - bytes_before(view, copy);

		used += (size_t)snprintf(
			line + used, sizeof(line) - used, "%s%s%s%s %s/s (%s)", used ? ", " : "",
			copy->kind, *copy->device ? " GPU " : "", copy->device,
			rk_tool_format_bytes(view->elapsed > 0 ? bytes / view->elapsed : 0, now),
			rk_tool_format_bytes(copy->bytes, total));
	}
	put(page, "copied    %s", *line ? line : "nothing");
}

static void put_tracer(const struct rk_top_view *view, struct rk_top_page *page)
{
	const struct rk_top_sample *before = view->before, *after = view->after;
	double share =
		view->elapsed > 0 ? (after->cpu_seconds - before->cpu_seconds) / view->elapsed : 0;
	char bytes[32], grown[32];

	put(page,
	    "tracer    %.1f %% of a CPU, file %s (+%s/s), queued %llu, calls lost %llu, dropped "
	    "%llu",
	    100 * share, *after->trace_file ? rk_tool_format_bytes(after->trace_bytes, bytes) : "-",
	    rk_tool_format_bytes(view->elapsed > 0 && after->trace_bytes > before->trace_bytes ?
					 (after->trace_bytes - before->trace_bytes) /
						 view->elapsed :
					 0,
				 grown),
	    (unsigned long long)after->queued, (unsigned long long)after->lost,
	    (unsigned long long)after->dropped);
}

static void put_row(const struct rk_top_view *view, struct rk_top_page *page,
		    const struct rk_top_row *row)
{
	const struct rk_top_kernel *kernel = row->kernel;
	double share = view->elapsed > 0 ? row->seconds / view->elapsed : 0;
	char calls[32], mean[32] = "-", total[32];

	if (row->calls > 0)
		rk_tool_format_ns(mean_of(row) * 1e9, mean);
	put(page, "%7.1f %10s %10s %10s %11llu %4s  %s%s", 100 * share,
	    rate(view, row->calls, calls), mean, rk_tool_format_ns(kernel->seconds * 1e9, total),
	    (unsigned long long)kernel->count, kernel->device, kernel->name,
	    strcmp(kernel->source, "host") == 0 ? " (time of the call)" : "");
}

static void put_kernels(const struct rk_top_view *view, struct rk_top_page *page)
{
	put(page, "%s", "");
	put(page, "%7s %10s %10s %10s %11s %4s  %s", "Time(%)", "Calls/s", "Mean", "Total", "Calls",
	    "GPU", "Kernel");
	if (!view->row_count)
		put(page, "no kernel so far");
	for (uint32_t i = 0; i < view->row_count; i++)
		put_row(view, page, &view->rows[i]);
	if (view->after->left_out)
		put(page, "and %llu rows that the answer had no room for",
		    (unsigned long long)view->after->left_out);
}

static void put_help(struct rk_top_page *page)
{
	static const char *const meanings[RK_TOP_SORTS] = {
		"GPU time since the line before", "launches", "mean time of one launch",
		"GPU time since the start",	  "name",
	};

	put(page, "%s", "");
	put(page, "Time(%%) is the GPU time of a kernel per time that passed; kernels that run at");
	put(page, "the same time add up. What a GPU did is known up to two seconds ago.");
	put(page, "%s", "");
	for (int i = 0; i < RK_TOP_SORTS; i++)
		put(page, "  %c  sort by %s%s", sorts[i].key, meanings[i],
		    page->sort == (enum rk_top_sort)i ? " (now)" : "");
	put(page, "  p  pause, or go on");
	put(page, "  +  look more often      -  less often");
	put(page, "  h  this text            q  leave; the program goes on");
}

void rk_top_view_draw(const struct rk_top_view *view, struct rk_top_page *page)
{
	page->used = 0;
	if (page->is_screen)
		fputs("\033[H", page->out);
	put_head(view, page);
	put_calls(view, page);
	put_devices(view, page);
	put_copies(view, page);
	put_tracer(view, page);
	if (page->shows_help)
		put_help(page);
	else
		put_kernels(view, page);
	if (page->is_screen)
		fputs("\033[J", page->out);
	else
		fputc('\n', page->out);
}
