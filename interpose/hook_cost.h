/* SPDX-License-Identifier: Apache-2.0
 *
 * interpose/hook_cost.h - what a hook costs the thread that makes a call.
 *
 * Measured once and multiplied: a hook that measured itself would read the clock twice more, and
 * two reads of the clock are four fifths of what it costs.
 */
#ifndef RK_INTERPOSE_HOOK_COST_H
#define RK_INTERPOSE_HOOK_COST_H

/**
 * Do what a hook does besides the real call some thousand times, into a ring that nobody reads.
 *
 * Context: the start path; takes less than a millisecond.
 * Return: ns for one call, of the best of several rounds: what disturbs a round is not ours.
 */
double rk_hook_cost_measure(void);

#endif
