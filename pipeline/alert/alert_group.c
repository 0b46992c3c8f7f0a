/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_group.c - when a group has something to say.
 */
#include "pipeline/alert/alert_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/alert/alert_text.h"

static void write_key(const struct rk_alert_groups *groups, size_t route,
		      const struct rk_alert *alert, char out[33])
{
	const struct rk_yaml_node *by = groups->routing->group_by;
	struct rk_alert_hash hash;
	char number[24];

	rk_alert_hash_init(&hash);
	snprintf(number, sizeof(number), "%zu", route);
	rk_alert_hash_add(&hash, number);
	if (!by)
		rk_alert_hash_add(&hash, alert->rule);
	for (const struct rk_yaml_node *n = by ? by->first : NULL; n; n = n->next) {
		rk_alert_hash_add(&hash, n->text);
		rk_alert_hash_add(&hash, rk_alert_route_label(alert, n->text));
	}
	rk_alert_hash_write(&hash, out);
}

/* Room for one more element of @size. Return: false without memory. */
static bool grow(void **array, size_t *capacity, size_t count, size_t size)
{
	size_t more = *capacity ? *capacity * 2 : 8;
	void *grown;

	if (count < *capacity)
		return true;
	grown = realloc(*array, more * size);
	if (!grown)
		return false;
	*array = grown;
	*capacity = more;
	return true;
}

static struct rk_alert_group *get_group(struct rk_alert_groups *groups, size_t route,
					const char *key, uint64_t now)
{
	struct rk_alert_group *group;
	void *array = groups->groups;

	for (size_t i = 0; i < groups->count; i++) {
		if (strcmp(groups->groups[i].key, key) == 0)
			return &groups->groups[i];
	}
	if (!grow(&array, &groups->capacity, groups->count, sizeof(*groups->groups)))
		return NULL;
	groups->groups = array;
	group = &groups->groups[groups->count++];
	*group = (struct rk_alert_group){
		.route = route,
		.due_ns = now + groups->routing->group_wait_ns,
	};
	memcpy(group->key, key, sizeof(group->key));
	return group;
}

/* Return: false without memory. */
static bool add_member(struct rk_alert_group *group, struct rk_alert_series *series)
{
	void *array = group->members;

	for (size_t i = 0; i < group->count; i++) {
		if (group->members[i].series == series)
			return true;
	}
	if (!grow(&array, &group->capacity, group->count, sizeof(*group->members)))
		return false;
	group->members = array;
	group->members[group->count++] = (struct rk_alert_member){ .series = series };
	return true;
}

void rk_alert_groups_add(struct rk_alert_groups *groups, struct rk_alert_series *series,
			 uint64_t now)
{
	const struct rk_alert_routing *routing = groups->routing;
	struct rk_alert_text text;
	bool is_taken = false;

	rk_alert_text_fill(&text, series, RK_ALERT_FIRING);
	for (size_t r = 0; r < routing->route_count; r++) {
		const struct rk_alert_route *route = &routing->routes[r];
		struct rk_alert_group *group;
		char key[33];

		/* The last one is for what no other takes. */
		if (r + 1 == routing->route_count && is_taken)
			break;
		if (!rk_alert_route_matches(route->match, &text.alert))
			continue;
		is_taken = true;
		write_key(groups, r, &text.alert, key);
		group = get_group(groups, r, key, now);
		if (!group || !add_member(group, series))
			groups->lost++;
		if (!route->goes_on)
			break;
	}
}

/* The shortest interval that an alert of the group asks for. */
static uint64_t repeat_after(const struct rk_alert_groups *groups,
			     const struct rk_alert_group *group)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < group->count; i++) {
		uint64_t own = group->members[i].series->rule->repeat_ns;

		if (group->members[i].series->state != RK_ALERT_FIRING)
			continue;
		if (!own)
			own = groups->routing->repeat_interval_ns;
		least = own < least ? own : least;
	}
	return least;
}

/* What a look at a group found. */
struct content {
	struct rk_alert_text *texts;
	struct rk_alert *alerts;
	bool *is_silent;
	size_t count;
	bool has_changed, is_firing;
};

/* Silenced alerts are left out, but an end is told to whom the beginning was. */
static bool is_to_be_told(const struct rk_alert_groups *groups,
			  const struct rk_alert_member *member, const struct rk_alert *alert,
			  uint64_t unix_ns)
{
	if (alert->state == RK_ALERT_RESOLVED)
		return member->is_told;
	return !rk_alert_silences_cover(groups->silences, alert, unix_ns);
}

static void collect(const struct rk_alert_groups *groups, const struct rk_alert_group *group,
		    uint64_t unix_ns, struct content *content)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct rk_alert_member *member = &group->members[i];
		struct rk_alert_text *text = &content->texts[content->count];
		bool fires = member->series->state == RK_ALERT_FIRING;

		rk_alert_text_fill(text, member->series,
				   fires ? RK_ALERT_FIRING : RK_ALERT_RESOLVED);
		content->is_silent[i] = !is_to_be_told(groups, member, &text->alert, unix_ns);
		if (content->is_silent[i])
			continue;
		content->has_changed = content->has_changed || fires != member->is_told;
		content->is_firing = content->is_firing || fires;
		content->alerts[content->count++] = text->alert;
	}
}

static void send_notice(const struct rk_alert_groups *groups, const struct rk_alert_group *group,
			uint64_t unix_ns, const struct content *content)
{
	const struct rk_alert_route *route = &groups->routing->routes[group->route];
	struct rk_alert_notice notice = {
		.unix_ns = unix_ns,
		.alerts = content->alerts,
		.alert_count = content->count,
		.repeat = group->repeat,
	};

	memcpy(notice.group, group->key, sizeof(notice.group));
	for (size_t i = 0; groups->notify && i < route->channel_count; i++) {
		notice.channel = route->channels[i];
		groups->notify(groups->data, &notice);
	}
}

static void forget_resolved(struct rk_alert_group *group)
{
	size_t kept = 0;

	for (size_t i = 0; i < group->count; i++) {
		if (group->members[i].series->state == RK_ALERT_FIRING)
			group->members[kept++] = group->members[i];
	}
	group->count = kept;
}

static void tell_group(struct rk_alert_groups *groups, struct rk_alert_group *group, uint64_t now,
		       uint64_t unix_ns)
{
	struct content content = {
		.texts = calloc(group->count, sizeof(*content.texts)),
		.alerts = calloc(group->count, sizeof(*content.alerts)),
		.is_silent = calloc(group->count, sizeof(*content.is_silent)),
	};
	bool repeats;

	if (!content.texts || !content.alerts || !content.is_silent) {
		groups->lost += group->count; /* until the next interval */
	} else {
		collect(groups, group, unix_ns, &content);
		repeats = group->told_ns && content.is_firing &&
			  now - group->told_ns >= repeat_after(groups, group);
		if (content.count && (content.has_changed || repeats)) {
			group->repeat = content.has_changed ? 0 : group->repeat + 1;
			group->told_ns = now;
			send_notice(groups, group, unix_ns, &content);
			for (size_t i = 0; i < group->count; i++)
				group->members[i].is_told |= !content.is_silent[i];
		}
		forget_resolved(group);
	}
	free(content.texts);
	free(content.alerts);
	free(content.is_silent);
}

void rk_alert_groups_tell(struct rk_alert_groups *groups, uint64_t now, uint64_t unix_ns,
			  bool everything)
{
	size_t i = 0;

	while (i < groups->count) {
		struct rk_alert_group *group = &groups->groups[i];

		if (everything || now >= group->due_ns) {
			tell_group(groups, group, now, unix_ns);
			group->due_ns = now + groups->routing->group_interval_ns;
		}
		if (group->count) {
			i++;
			continue;
		}
		free(group->members);
		*group = groups->groups[--groups->count];
	}
}

void rk_alert_groups_finish(struct rk_alert_groups *groups)
{
	for (size_t i = 0; i < groups->count; i++)
		free(groups->groups[i].members);
	free(groups->groups);
	groups->groups = NULL;
	groups->count = groups->capacity = 0;
}
