/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/programs/check.h - end the program at the first CUDA error, saying which.
 */
#ifndef PROGRAMS_CHECK_H
#define PROGRAMS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(call)                                                                                \
	do {                                                                                       \
		int error_ = (int)(call);                                                          \
		if (error_) {                                                                      \
			fprintf(stderr, "%s:%d: %s: error %d\n", __FILE__, __LINE__, #call,        \
				error_);                                                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#endif
