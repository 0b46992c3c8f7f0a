/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/alert_run.h - `rktrace alert list` and `watch`: the rules of a configuration over a file.
 *
 *   list    what would have been told, when; nobody is told
 *   watch   the file of a program that still runs, or of one that has ended: channels are told
 */
#ifndef RK_TOOLS_ALERT_RUN_H
#define RK_TOOLS_ALERT_RUN_H

/**
 * The actions of the verb. @argv: what stands behind "alert list" or "alert watch".
 *
 * Context: tools. Return: status of the verb; list: 1 when something fired.
 */
int rk_alert_list(int argc, char **argv);
int rk_alert_watch(int argc, char **argv);

#endif
