/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_api_cpp.cpp - the same program as C++17, and an exception through a context.
 */
#include "guest_api.c"

namespace
{
void *throw_it(void *data)
{
	throw data;
}

/* Runs before main(). */
struct probe {
	probe()
	{
		rk_context remote = rk_context_extract(TRACEPARENT, nullptr, nullptr);

		try {
			rk_execute_with_context(&remote, throw_it, nullptr);
		} catch (void *) {
		}
		CHECK(rk_context_current().flags == 0);
	}
} at_start;
}
