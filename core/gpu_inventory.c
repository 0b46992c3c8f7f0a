/* SPDX-License-Identifier: Apache-2.0
 *
 * core/gpu_inventory.c - a GPU's UUID as people know it.
 */
#include "core/gpu_inventory.h"

#include <stdio.h>
#include <string.h>

bool rk_gpu_format_uuid(const char *name, const uint8_t uuid[16], char out[RK_GPU_UUID_SIZE])
{
	static const uint8_t unknown[16];
	const uint8_t *b = uuid;

	out[0] = '\0';
	if (memcmp(uuid, unknown, sizeof(unknown)) == 0)
		return false;
	snprintf(out, RK_GPU_UUID_SIZE,
		 "%s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 strstr(name, " MIG ") ? "MIG" : "GPU", b[0], b[1], b[2], b[3], b[4], b[5], b[6],
		 b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return true;
}
