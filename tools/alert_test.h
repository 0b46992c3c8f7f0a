/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_test.h - `rktrace alert test`: does a channel take what we would send?
 */
#ifndef RK_TOOLS_ALERT_TEST_H
#define RK_TOOLS_ALERT_TEST_H

/**
 * Send a test message to one channel of the settings, by the code that sends real ones, and
 * print the answer. @argv: what stands behind "alert test".
 *
 * Context: tools. Return: status of the verb: 69 when it was not accepted.
 */
int rk_alert_test(int argc, char **argv);

#endif
