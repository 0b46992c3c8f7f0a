/* SPDX-License-Identifier: Apache-2.0
 *
 * core/glob.c - one pass, going back to the last star only.
 */
#include "core/glob.h"

#include <stddef.h>

bool rk_glob_matches(const char *glob, const char *text)
{
	const char *star = NULL;
	const char *resume = NULL;

	while (*text) {
		if (*glob == '*') {
			star = glob++;
			resume = text;
		} else if (*glob == '?' || *glob == *text) {
			glob++;
			text++;
		} else if (star) {
			glob = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*glob == '*')
		glob++;
	return *glob == '\0';
}
