/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/confined.c - goes into a sandbox after its start: whoever opens a file, makes a
 * thread or a socket from then on kills the process.
 *
 * usage: confined SECONDS_BEFORE SECONDS_AFTER
 */
#include "guest_filter.h"
#include "guest_kit.h"

static void launch_for(double seconds)
{
	uint64_t end = guest_now_ns() + (uint64_t)(seconds * 1e9);

	do {
		guest_launch(20);
		guest_wait();
		usleep(1000);
	} while (guest_now_ns() < end);
}

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	guest_start();
	launch_for(atof(argv[1]));
	guest_report("before the sandbox");
	guest_measure();
	CHECK(guest_filter_kill_opening());
	launch_for(atof(argv[2]));
	printf("done\n");
	return 0;
}
