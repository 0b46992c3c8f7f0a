/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/last_thread.c - the main thread ends, and the process when its last thread does.
 *
 * usage: last_thread alone|other
 *   other  another thread goes on for two seconds, and launches at its end
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "guest_kit.h"

static void *go_on(void *data)
{
	sleep(2);
	guest_enter();
	guest_launch(5);
	guest_wait();
	puts("the other thread has ended");
	fflush(stdout);
	return data;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	CHECK(argc == 2);
	guest_start();
	guest_launch(10);
	guest_wait();
	if (strcmp(argv[1], "other") == 0)
		CHECK(pthread_create(&thread, NULL, go_on, NULL) == 0);
	pthread_exit(NULL);
}
