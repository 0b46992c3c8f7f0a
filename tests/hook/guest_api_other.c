/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_api_other.c - says something from another translation unit.
 */
#include "guest_api.h"
#include "include/rustkernel.h"

void guest_api_say_elsewhere(const char *name)
{
	struct rk_span span;

	rk_span_begin(&span, name);
	rk_span_end(&span);
}
