/* SPDX-License-Identifier: Apache-2.0
 *
 * exporters/url.h - endpoints: what is requested, and what may be logged of it.
 */
#ifndef RK_EXPORTERS_URL_H
#define RK_EXPORTERS_URL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * URL of one OTLP/HTTP signal.
 *
 * @endpoint: as configured. Without a scheme, http:// is assumed.
 * @as_is: a variable of that signal: only a missing path becomes "/". Else @endpoint is a base
 *         and @path is appended to its path.
 * @path: "v1/traces".
 *
 * Context: exporter. Ownership: the caller, free().
 * Return: NULL when no memory could be had or @endpoint is not an http(s) URL with a host.
 */
char *rk_url_signal(const char *endpoint, bool as_is, const char *path);

/**
 * Port of an endpoint; 80 and 443 by scheme where none is given.
 *
 * Context: any. Return: 0 when there is none that could be read.
 */
unsigned rk_url_port(const char *endpoint);

/**
 * @url for a log line: without user, password, query and fragment.
 *
 * Context: any. Return: @out.
 */
const char *rk_url_redact(const char *url, char *out, size_t size);

/**
 * Host and port of @url, "collector:4318"; the port by scheme where none is given.
 *
 * Context: any. Return: @out.
 */
const char *rk_url_place(const char *url, char *out, size_t size);

/**
 * Blot out user and password of every URL in @text, in place: for messages of others.
 *
 * Context: any. Return: @text.
 */
char *rk_url_redact_text(char *text);

/**
 * Append "/<label>/<value>" of a Pushgateway group to @out: percent-encoded, or as
 * "/<label>@base64/<value>" where the value is empty, holds a slash or is dots.
 *
 * Context: any. Return: false when it did not fit; @out is no string then.
 */
bool rk_url_append_label(char *out, size_t size, const char *label, const char *value);

#endif
