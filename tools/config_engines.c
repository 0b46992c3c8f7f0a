/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/config_engines.c - the parsers, run for what they say.
 */
#include "tools/config_engines.h"

#include "core/config_change.h"
#include "pipeline/alert/alert_channel.h"
#include "pipeline/alert/alert_route.h"
#include "pipeline/alert/alert_rule.h"
#include "pipeline/alert/slo.h"
#include "tools/tool.h"

/* Return: 0, -ENOMEM. */
static int check_alerting(const struct rk_config *config)
{
	struct rk_alert_channels *channels = NULL;
	struct rk_alert_rules *rules = NULL;
	struct rk_alert_routing routing = { 0 };
	int err = rk_alert_rules_create(&rules, config);

	if (!err)
		err = rk_alert_channels_create(&channels, config);
	if (!err) {
		err = rk_alert_routing_init(&routing, config, channels);
		rk_alert_routing_finish(&routing);
	}
	rk_alert_channels_destroy(channels);
	rk_alert_rules_destroy(rules);
	return err;
}

/* Return: 0, -ENOMEM. */
static int check_slos(const struct rk_config *config)
{
	struct rk_slo *slo = NULL;
	int err = rk_slo_create(&slo, config, NULL);

	rk_slo_destroy(slo);
	return err;
}

int rk_config_engines_check(const struct rk_config *config, rk_log_fn tell, void *data)
{
	int err = 0;

	rk_log_attach(tell, data);
	if (config->alerting && !rk_config_is_wrong(config, "alerting"))
		err = check_alerting(config);
	if (!err && config->slo && !rk_config_is_wrong(config, "slo"))
		err = check_slos(config);
	rk_tool_log_init();
	return err;
}
