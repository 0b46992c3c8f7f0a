/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/hook/guest_api.h - the second translation unit of guest_api.
 */
#ifndef GUEST_API_H
#define GUEST_API_H

#ifdef __cplusplus
extern "C" {
#endif

int guest_api_main(int argc, char **argv);
void guest_api_say_elsewhere(const char *name);

#ifdef __cplusplus
}
#endif

#endif
