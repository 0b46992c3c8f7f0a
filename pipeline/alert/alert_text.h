/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_text.h - an alert in words: labels, summary, description, fingerprint.
 *
 * In templates {value}, {threshold}, {window}, {for}, {percentile}, {grid}, {subject}, the names of
 * details ({stack}, {top_holders}, {idle_split}) and those of labels stand for themselves; anything
 * else in braces stays as it is.
 */
#ifndef RK_PIPELINE_ALERT_ALERT_TEXT_H
#define RK_PIPELINE_ALERT_ALERT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/alert/alert_series.h"

#define RK_ALERT_SUMMARY_BYTES	   512
#define RK_ALERT_DESCRIPTION_BYTES 1024

/* The alert points into the rest: it must not be moved. */
struct rk_alert_text {
	struct rk_alert alert;
	char device[16], stream[16], thread[64], grid[48], subject[256];
	char holders[RK_ALERT_HOLDERS_BYTES], idle[RK_ALERT_IDLE_BYTES];
	char summary[RK_ALERT_SUMMARY_BYTES];
	char description[RK_ALERT_DESCRIPTION_BYTES];
};

/**
 * Put the alert of @series into words.
 *
 * @state: which to tell; RESOLVED also when the next one is pending already.
 * Context: the feeding thread.
 */
void rk_alert_text_fill(struct rk_alert_text *text, const struct rk_alert_series *series,
			enum rk_alert_state state);

/**
 * "123 ms", "4.56 GiB", "1.2 %", "3.5/s", "14.4": @value in @unit as people read it.
 *
 * Context: any. Return: @out.
 */
const char *rk_alert_text_value(char out[32], double value, const char *unit);

/**
 * What @rule says where it has no summary of its own: a template.
 *
 * Context: any. Return: a static string.
 */
const char *rk_alert_text_default_summary(const struct rk_alert_rule *rule);

/* 128 bits that stay the same for the same texts, whatever the process. */
struct rk_alert_hash {
	uint64_t words[2];
};

/**
 * Begin; mix in a text and its end; write 32 hex digits.
 *
 * Context: any.
 */
void rk_alert_hash_init(struct rk_alert_hash *hash);
void rk_alert_hash_add(struct rk_alert_hash *hash, const char *text);
void rk_alert_hash_write(const struct rk_alert_hash *hash, char out[33]);

#endif
