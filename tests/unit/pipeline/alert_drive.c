/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/unit/pipeline/alert_drive.c - the alert engine, driven by lines on standard input.
 *
 * usage: alert_drive CONFIG < SCRIPT
 *
 *   wait SECONDS | run KERNEL COUNT MS | fail KERNEL COUNT | memory DEVICE BYTES
 *   lose COUNT | define NUMBER BREAKER | breaker NUMBER STATE | end
 *
 * Prints one line per transition: seconds, state, rule, labels.
 */
#include "alert_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/instrument.h"

static struct alert_story story;

static void print_transitions(void)
{
	for (uint32_t i = 0; i < story.transition_count; i++)
		printf("%.3f\t%s\t%s\t%s\n", story.transitions[i].at,
		       rk_alert_state_name(story.transitions[i].state), story.transitions[i].rule,
		       story.transitions[i].labels);
	story.transition_count = 0;
	story.notice_count = 0;
}

static void obey(const char *line)
{
	char name[128];
	unsigned count, device;
	long long bytes;
	double number;

	if (sscanf(line, "wait %lf", &number) == 1)
		story_wait(&story, number);
	else if (sscanf(line, "run %127s %u %lf", name, &count, &number) == 3)
		story_run(&story, name, count, number);
	else if (sscanf(line, "fail %127s %u", name, &count) == 2)
		story_fail(&story, name, count);
	else if (sscanf(line, "memory %u %lld", &device, &bytes) == 2)
		story_allocate(&story, device, RK_POOL_DEVICE, bytes);
	else if (sscanf(line, "lose %u", &count) == 1)
		story.tick.tick.ledger.dropped[RK_LOSS_RING_FULL] += count;
	else if (sscanf(line, "define %u %127s", &device, name) == 2)
		story_define(&story, device, RK_INSTRUMENT_BREAKER, name);
	else if (sscanf(line, "breaker %u %lf", &device, &number) == 2)
		story_sample(&story, device, number, false);
	else if (strncmp(line, "end", 3) == 0)
		story_end(&story);
	else
		fail_msg("no such line: %s", line);
}

int main(int argc, char **argv)
{
	static char yaml[65536], line[512];
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;

	if (!file || !fread(yaml, 1, sizeof(yaml) - 1, file)) {
		fprintf(stderr, "usage: alert_drive CONFIG < SCRIPT\n");
		return 2;
	}
	fclose(file);
	story_start(&story, yaml);
	if (!story.engine)
		return 1;
	while (fgets(line, sizeof(line), stdin)) {
		obey(line);
		print_transitions();
	}
	story_finish(&story);
	return 0;
}
