/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/edges.c - an ordinary program, linked to a library that is not.
 *
 * usage: edges [idle]     idle: asks whether there is a device, and launches nothing
 */
#include "edge_library.h"

int main(int argc, char **argv)
{
	int count = -1;

	(void)argv;
	printf("first %d\n", edge_library_first());
	if (argc > 1) {
		printf("init %d", cuInit(0));
		printf(" count %d", cuDeviceGetCount(&count));
		printf(" %d\n", count);
	} else {
		guest_start();
		guest_launch(300);
		guest_wait();
	}
	guest_report("at the edge");
	guest_measure();
	return 0;
}
