/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/header_list.h - request headers as people configure them.
 *
 * "name=value,name=value"; values percent-encoded where they hold a comma. In a file, line
 * ends separate too. Values are secrets: no message ever shows one.
 */
#ifndef RK_EXPORTERS_HEADER_LIST_H
#define RK_EXPORTERS_HEADER_LIST_H

#include "exporters/http.h"

/**
 * Add every header of @list to @call. A bad one is named by its position and left out.
 *
 * @what: the setting, for messages.
 * Context: exporter.
 */
void rk_header_list_apply(struct rk_http_call *call, const char *list, const char *what);

/**
 * The same from a file of at most 64 KiB.
 *
 * Context: exporter. Reads the file once.
 */
void rk_header_list_apply_file(struct rk_http_call *call, const char *path, const char *what);

#endif
