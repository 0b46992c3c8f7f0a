/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/devices.cu - asks how many devices there are, and nothing else.
 */
#include <stdio.h>

int main(void)
{
	int count = 0;
	cudaError_t error = cudaGetDeviceCount(&count);

	printf("devices: %d (%s)\n", count, cudaGetErrorName(error));
	return 0;
}
