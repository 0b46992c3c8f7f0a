/* SPDX-License-Identifier: Apache-2.0
 *
 * core/config_form.h - the forms that the limits of a text row can name.
 */
#ifndef RK_CORE_CONFIG_FORM_H
#define RK_CORE_CONFIG_FORM_H

#include <stdbool.h>

struct rk_config_form {
	const char *name;
	bool (*check)(const char *text); /* may be NULL: any text */
	const char *expected;		 /* for people */
};

/**
 * The form of that name.
 *
 * Context: any but hooks. Return: the form without a check when there is none of that name.
 * Ownership: static.
 */
const struct rk_config_form *rk_config_form(const char *name);

/**
 * Whether @text is the word that stands for an empty value.
 *
 * Context: any but hooks.
 */
bool rk_config_form_is_off(const struct rk_config_form *form, const char *text);

#endif
