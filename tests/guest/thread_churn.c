/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/thread_churn.c - many short threads: half launch from a destructor of their
 * thread-specific data, some are cancelled between two launches.
 *
 * usage: thread_churn THREADS
 */
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "guest_kit.h"

#define AT_A_TIME 8

static pthread_key_t key;

/* Two rounds, so that the second comes after everybody else's destructors. */
static void launch_late(void *value)
{
	uintptr_t round = (uintptr_t)value;

	guest_launch(1);
	if (round < 2)
		pthread_setspecific(key, (void *)(round + 1));
}

static void *run(void *data)
{
	uintptr_t number = (uintptr_t)data;

	guest_enter();
	if (number % 2)
		pthread_setspecific(key, (void *)1);
	else
		guest_launch(1);
	if (number % 16 == 4) {
		for (;;) { /* usleep() is where it may be cancelled */
			guest_launch(1);
			usleep(100);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 1000;
	pthread_t threads[AT_A_TIME];
	int cancelled = 0;

	CHECK(pthread_key_create(&key, launch_late) == 0);
	guest_start();
	for (int first = 0; first < count; first += AT_A_TIME) {
		for (int i = 0; i < AT_A_TIME; i++)
			CHECK(pthread_create(&threads[i], NULL, run,
					     (void *)(uintptr_t)(first + i)) == 0);
		for (int i = 0; i < AT_A_TIME; i++) {
			void *result;

			if ((first + i) % 16 == 4)
				pthread_cancel(threads[i]);
			CHECK(pthread_join(threads[i], &result) == 0);
			cancelled += result == PTHREAD_CANCELED;
		}
		guest_wait();
	}
	printf("%d threads, %d cancelled\n", count, cancelled);
	guest_report("after the churn");
	guest_measure();
	return 0;
}
