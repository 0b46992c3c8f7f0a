/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/header_list.h - request headers as people configure them.
 *
 * "name=value,name=value"; values percent-encoded where they hold a comma. In a file, line
 * ends separate too. Values are secrets: no message ever shows one.
 */
#ifndef RK_EXPORTERS_HEADER_LIST_H
#define RK_EXPORTERS_HEADER_LIST_H

#include <stdbool.h>

#include "exporters/secret_file.h"

/* Takes one header; -EINVAL when it cannot be sent. The strings are wiped afterwards. */
typedef int (*rk_header_fn)(void *data, const char *name, const char *value);

/**
 * Hand every header of @list to @add. A bad one is named by its position and left out.
 *
 * @what: the setting, for messages; NULL = nothing is said.
 * Context: exporter.
 */
void rk_header_list_each(const char *list, const char *what, rk_header_fn add, void *data);

/**
 * The same from a file, of which 64 KiB are read.
 *
 * Context: exporter. Return: false when it could not be read, which was then said.
 */
bool rk_header_file_each(struct rk_secret_file *file, rk_header_fn add, void *data);

#endif
