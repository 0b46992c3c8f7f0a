/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/recording_signal.c - one handler, two stores and a futex.
 */
#include "interpose/recording_signal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "core/log.h"
#include "interpose/preload.h"

static void handle_signal(int number)
{
	(void)number;
	rk_preload_toggle_recording();
}

void rk_recording_signal_take(const struct rk_config *config)
{
	struct sigaction action = { .sa_handler = handle_signal, .sa_flags = SA_RESTART };
	struct sigaction before;

	if (!config->recording_signal)
		return;
	if (sigaction(SIGUSR2, NULL, &before) || before.sa_handler != SIG_DFL) {
		rk_log_warn("recording: SIGUSR2 is left to the program, which handles it itself; "
			    "rktrace ctl starts and stops");
		return;
	}
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGUSR2, &action, NULL))
		rk_log_warn("recording: could not handle SIGUSR2: %s", rk_strerror(errno));
}
