/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/cmd_alert.c - `rktrace alert`: what is done with alerts beside a running program.
 */
#include <stdio.h>
#include <string.h>

#include "tools/alert_export.h"
#include "tools/alert_run.h"
#include "tools/alert_test.h"
#include "tools/options.h"

static const char verb[] = "alert";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} actions[] = {
	{ "export", rk_alert_export },
	{ "list", rk_alert_list },
	{ "test", rk_alert_test },
	{ "watch", rk_alert_watch },
};

int rk_cmd_alert(int argc, char **argv)
{
	static const struct rk_option options[] = { { NULL, 0, NULL, NULL, NULL, NULL } };
	int first, status;

	for (size_t i = 0; argc && i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(argv[0], actions[i].name) == 0)
			return actions[i].run(argc - 1, argv + 1);
	}
	status = rk_options_parse(options, verb, argc, argv, &first);
	if (status != RK_OPTIONS_PARSED)
		return status;
	if (first < argc)
		return rk_options_misused(verb, "there is no action %s: export, list, test, watch",
					  argv[first]);
	return rk_options_misused(verb, "an action is missing: export, list, test, watch");
}
