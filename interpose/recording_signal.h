/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/recording_signal.h - SIGUSR2 starts and stops recording, where the user asked for it.
 */
#ifndef RK_INTERPOSE_RECORDING_SIGNAL_H
#define RK_INTERPOSE_RECORDING_SIGNAL_H

#include "core/config.h"

/**
 * With recording.signal: handle SIGUSR2, unless the program does or has it ignored. A handler
 * that the program sets later takes the place of ours, and nobody puts ours back.
 *
 * Context: the start path.
 */
void rk_recording_signal_take(const struct rk_config *config);

#endif
