/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_top.c - `rktrace top`: what a traced program does right now.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/number.h"
#include "core/proc_stat.h"
#include "tools/ctl_process.h"
#include "tools/options.h"
#include "tools/top_terminal.h"
#include "tools/top_view.h"

#define NS_PER_MS   1000000u
#define FIRST_NS    300000000u /* until the first rates: nobody wants to wait for them */
#define INTERVAL_NS 1000000000u
#define FASTEST_NS  100000000u
#define SLOWEST_NS  60000000000u

static const char verb[] = "top";

struct top {
	pid_t pid;
	uint64_t interval_ns;
	enum rk_top_sort sort;
	bool is_paused, shows_help, has_ended;
	const char *trouble; /* NULL = the process answers */
	uint64_t next_ns;
	struct rk_top_sample samples[2];
	int newer; /* of the two */
	struct rk_top_view view;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	struct timespec pause = { .tv_sec = (time_t)(ns / 1000000000u),
				  .tv_nsec = (long)(ns % 1000000000u) };

	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

/* One that has ended may not have been waited for yet. */
static bool is_alive(pid_t pid)
{
	struct rk_proc_stat process;

	return rk_proc_stat_read(&process, (int)pid) && process.state != 'Z';
}

static int tell_failure(const struct top *top, int err)
{
	if (err == -EOPNOTSUPP)
		return rk_tool_fail(RK_TOOL_NETWORK, verb,
				    "pid %d has an older rkpreload, which cannot be asked this; "
				    "rktrace ctl %d status can",
				    (int)top->pid, (int)top->pid);
	if (err == -EPROTO)
		return rk_tool_fail(RK_TOOL_NETWORK, verb, "the answer is not what was expected");
	if (err == -ENOMEM)
		return rk_tool_fail(RK_TOOL_MEMORY, verb, "out of memory");
	return rk_ctl_process_tell_unreachable(top->pid, verb, err);
}

/* The first answer: without one there is nothing to show. */
static int begin(struct top *top)
{
	int err = rk_top_sample_take(&top->samples[0], top->pid);

	if (err)
		return tell_failure(top, err);
	top->samples[1] = top->samples[0];
	return RK_TOOL_OK;
}

static void look(struct top *top)
{
	int err = rk_top_sample_take(&top->samples[!top->newer], top->pid);

	top->trouble = NULL;
	if (!err)
		top->newer = !top->newer;
	else if (!is_alive(top->pid))
		top->has_ended = true;
	else if (err == -EAGAIN)
		top->trouble = "does not answer, it may be stopped; below is what it did before";
	else
		top->trouble = "has stopped listening; below is what it did before";
}

static void draw(struct top *top, bool is_screen)
{
	struct rk_top_page page = {
		.out = stdout,
		.sort = top->sort,
		.is_screen = is_screen,
		.is_paused = top->is_paused,
		.shows_help = top->shows_help,
		.trouble = top->trouble,
		.pid = top->pid,
	};

	if (is_screen)
		rk_top_terminal_size(&page.rows, &page.columns);
	rk_top_view_make(&top->view, &top->samples[!top->newer], &top->samples[top->newer],
			 top->sort);
	rk_top_view_draw(&top->view, &page);
	fflush(stdout);
}

static int tell_end(const struct top *top)
{
	const struct rk_top_sample *last = &top->samples[top->newer];

	fprintf(stderr, "rktrace top: %s (pid %d) has ended\n", last->program, (int)top->pid);
	if (*last->trace_file)
		fprintf(stderr, "next: rktrace report %s\n", last->trace_file);
	return RK_TOOL_OK;
}

static int print_once(struct top *top)
{
	sleep_ns(top->interval_ns);
	look(top);
	if (top->has_ended)
		return tell_end(top);
	draw(top, false);
	return rk_tool_finish(top->trouble ? RK_TOOL_NETWORK : RK_TOOL_OK, verb);
}

static void change_interval(struct top *top, bool is_longer)
{
	uint64_t next = is_longer ? top->interval_ns * 2 : top->interval_ns / 2;

	if (next >= FASTEST_NS && next <= SLOWEST_NS)
		top->interval_ns = next;
	top->next_ns = now_ns() + top->interval_ns;
}

/* Return: whether it goes on. */
static bool act(struct top *top, int key)
{
	if (key == 'q' || key == 'Q' || key == RK_TOP_KEY_END)
		return false;
	if (key == RK_TOP_KEY_NONE)
		return true;
	if (key == 'p' || key == ' ')
		top->is_paused = !top->is_paused;
	if (key == 'h' || key == '?')
		top->shows_help = !top->shows_help;
	if (key == '+' || key == '-')
		change_interval(top, key == '-');
	for (int i = 0; i < RK_TOP_SORTS; i++) {
		if (key == rk_top_sort_key((enum rk_top_sort)i)) {
			top->sort = (enum rk_top_sort)i;
			top->shows_help = false;
		}
	}
	draw(top, true);
	return true;
}

static uint32_t wait_ms(const struct top *top)
{
	uint64_t now = now_ns();
	uint64_t left = top->next_ns > now ? top->next_ns - now : 0;

	return (uint32_t)((top->is_paused ? top->interval_ns : left) / NS_PER_MS + 1);
}

static void watch(struct top *top)
{
	top->next_ns = now_ns() + FIRST_NS;
	do {
		if (top->is_paused || now_ns() < top->next_ns)
			continue;
		look(top);
		top->next_ns = now_ns() + top->interval_ns;
		if (!top->has_ended)
			draw(top, true);
	} while (!top->has_ended && act(top, rk_top_terminal_key(wait_ms(top))));
}

static int run(struct top *top, bool once)
{
	int status = begin(top), err;

	if (status)
		return status;
	if (once || !rk_top_terminal_is_there())
		return print_once(top);
	err = rk_top_terminal_open();
	if (err)
		return rk_tool_fail(RK_TOOL_CANNOT_WRITE, verb, "could not use the terminal: %s",
				    strerror(-err));
	watch(top);
	rk_top_terminal_close();
	return top->has_ended ? tell_end(top) : rk_tool_finish(RK_TOOL_OK, verb);
}

static int parse(struct top *top, const char *interval, const char *sort)
{
	top->interval_ns = INTERVAL_NS;
	if (interval && (!rk_number_parse_units(interval, rk_number_durations, &top->interval_ns) ||
			 top->interval_ns < FASTEST_NS || top->interval_ns > SLOWEST_NS))
		return rk_options_misused(verb, "--interval is a time from 100ms to 1m, not %s",
					  interval);
	for (int i = 0; sort && i < RK_TOP_SORTS; i++) {
		if (strcmp(sort, rk_top_sort_name((enum rk_top_sort)i)) == 0) {
			top->sort = (enum rk_top_sort)i;
			sort = NULL;
		}
	}
	return sort ? rk_options_misused(verb, "--sort is time, calls, mean, total or name, not %s",
					 sort) :
		      RK_TOOL_OK;
}

int rk_cmd_top(int argc, char **argv)
{
	static struct top top;
	const char *interval = NULL, *sort = NULL, *process = NULL;
	bool once = false;
	const struct rk_option options[] = {
		{ "interval", 'i', "TIME", "how often to look (1s)", NULL, &interval },
		{ "sort", 0, "KEY", "kernels by time (default), calls, mean, total or name", NULL,
		  &sort },
		{ "once", 0, NULL, "print one look and end; so it is without a terminal", &once,
		  NULL },
		{ NULL, 0, NULL, NULL, NULL, NULL },
	};
	int at = 0, status;

	while (at < argc) {
		int first;

		status = rk_options_parse(options, verb, argc - at, argv + at, &first);
		if (status != RK_OPTIONS_PARSED)
			return status;
		at += first;
		if (at < argc && process)
			return rk_options_misused(verb, "one process at a time; what is %s?",
						  argv[at]);
		if (at < argc)
			process = argv[at++];
	}
	status = parse(&top, interval, sort);
	if (!status)
		status = process ? rk_ctl_process_find(process, verb, &top.pid) :
				   rk_ctl_process_choose(verb, &top.pid);
	return status ? status : run(&top, once);
}
