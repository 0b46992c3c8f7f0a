/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/guest/edge_library.h - what the constructor of the library got from the driver.
 */
#ifndef EDGE_LIBRARY_H
#define EDGE_LIBRARY_H

#include "guest_kit.h"

CUresult edge_library_first(void);

#endif
