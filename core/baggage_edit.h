/* SPDX-License-Identifier: Apache-2.0
 *
 * core/baggage_edit.h - change one member of a W3C baggage and leave the others as they are.
 *
 * Properties of other members are passed on, because they are not ours to drop. Unlike the
 * reading of baggage for attributes this runs on the program's threads: little stack, nothing
 * allocated.
 */
#ifndef RK_CORE_BAGGAGE_EDIT_H
#define RK_CORE_BAGGAGE_EDIT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The members of @baggage that keep to the grammar, without blanks around them; 64 and as many
 * as fit at most.
 *
 * @out: never longer than @baggage. @size: > 0.
 * Context: any.
 */
void rk_baggage_edit_clean(const char *baggage, char *out, size_t size);

/**
 * The decoded value of @key, of several the last one.
 *
 * Context: any. Return: its length; 0, with "" in @out, when there is none or it does not fit.
 */
size_t rk_baggage_edit_get(const char *baggage, const char *key, char *out, size_t size);

/**
 * @baggage, clean, with @key set to @value, encoded, at its end; NULL takes it out.
 *
 * Context: any.
 * Return: false, @out then being @baggage, for a @key that is no token, for more than 64 members
 *         or 8 KiB, and for one to be taken out that is not there.
 */
bool rk_baggage_edit_put(const char *baggage, const char *key, const char *value, char *out,
			 size_t size);

#endif
