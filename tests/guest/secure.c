/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/secure.c - linked to the tracer, because the loader drops LD_PRELOAD from a
 * program with more rights than its caller: even then it must do nothing.
 */
#include <sys/auxv.h>
#include <unistd.h>

#include "guest_kit.h"

int main(void)
{
	printf("secure %lu\n", getauxval(AT_SECURE));
	guest_start();
	guest_launch(200);
	guest_wait();
	usleep(600000);
	guest_measure();
	guest_report("with more rights");
	return 0;
}
