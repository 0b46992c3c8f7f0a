/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline/alert/alert_silence.c - reading the file of silences.
 */
#include "pipeline/alert/alert_silence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/sandbox.h"
#include "pipeline/alert/alert_route.h"

#define FILE_BYTES_MAX (1u << 20)
#define NS_PER_S       1000000000ull

static bool read_digits(const char **at, int digits, int *out)
{
	*out = 0;
	for (int i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return true;
}

static bool skip(const char **at, char what)
{
	if (**at != what)
		return false;
	(*at)++;
	return true;
}

static bool read_date(const char **at, struct tm *tm)
{
	if (!read_digits(at, 4, &tm->tm_year) || !skip(at, '-') ||
	    !read_digits(at, 2, &tm->tm_mon) || !skip(at, '-') || !read_digits(at, 2, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return tm->tm_year >= 70 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= 31;
}

static bool read_time_of_day(const char **at, struct tm *tm)
{
	if (!read_digits(at, 2, &tm->tm_hour) || !skip(at, ':') ||
	    !read_digits(at, 2, &tm->tm_min) || !skip(at, ':') || !read_digits(at, 2, &tm->tm_sec))
		return false;
	return tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

static uint64_t read_fraction(const char **at)
{
	uint64_t ns = 0, digit = NS_PER_S / 10;

	if (!skip(at, '.'))
		return 0;
	for (; **at >= '0' && **at <= '9'; (*at)++, digit /= 10)
		ns += (uint64_t)(**at - '0') * digit;
	return ns;
}

/* Seconds east of UTC. */
static bool read_offset(const char **at, long *offset)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*offset = 0;
	if (skip(at, 'Z') || skip(at, 'z'))
		return true;
	if (!skip(at, '+') && !skip(at, '-'))
		return false;
	if (!read_digits(at, 2, &hours) || !skip(at, ':') || !read_digits(at, 2, &minutes))
		return false;
	*offset = sign * (hours * 3600L + minutes * 60L);
	return hours < 24 && minutes < 60;
}

bool rk_alert_silence_parse_time(const char *text, uint64_t *unix_ns)
{
	struct tm tm = { 0 };
	const char *at = text;
	uint64_t fraction;
	long offset;
	time_t seconds;

	if (!read_date(&at, &tm) || !(skip(&at, 'T') || skip(&at, 't') || skip(&at, ' ')) ||
	    !read_time_of_day(&at, &tm))
		return false;
	fraction = read_fraction(&at);
	if (!read_offset(&at, &offset) || *at)
		return false;
	seconds = timegm(&tm) - offset;
	if (seconds < 0)
		return false;
	*unix_ns = (uint64_t)seconds * NS_PER_S + fraction;
	return true;
}

void rk_alert_silences_init(struct rk_alert_silences *silences, const char *path)
{
	*silences = (struct rk_alert_silences){ .path = path };
}

static void forget(struct rk_alert_silences *silences)
{
	rk_arena_destroy(silences->arena);
	silences->arena = NULL;
	silences->rows = NULL;
	silences->count = 0;
}

void rk_alert_silences_finish(struct rk_alert_silences *silences)
{
	forget(silences);
}

static void tell_problem(uint32_t line, const char *key, const char *text, void *data)
{
	const struct rk_alert_silences *silences = data;

	rk_log_warn("alerts: %s:%u: %s%s%s", silences->path, line, key ? key : "",
		    key && *key ? ": " : "", text);
}

static bool read_time(const struct rk_yaml_node *row, const char *key, uint64_t *unix_ns)
{
	const struct rk_yaml_node *node = rk_yaml_get(row, key);

	return node && node->kind == RK_YAML_SCALAR &&
	       rk_alert_silence_parse_time(node->text, unix_ns);
}

static const char *read_row(struct rk_alert_silence *row, const struct rk_yaml_node *node)
{
	row->matchers = rk_yaml_get(node, "matchers");
	/* Without a matcher it would be everything, which is never what somebody forgot. */
	if (!row->matchers || row->matchers->kind != RK_YAML_MAPPING || !row->matchers->first)
		return "matchers: expected labels and the globs they must match; ignored";
	for (const struct rk_yaml_node *n = row->matchers->first; n; n = n->next) {
		if (n->kind != RK_YAML_SCALAR)
			return "matchers: expected text for each label; ignored";
	}
	row->starts_unix_ns = 0;
	if (rk_yaml_get(node, "starts_at") && !read_time(node, "starts_at", &row->starts_unix_ns))
		return "starts_at: expected a time like 2026-11-23T22:00:00Z; ignored";
	if (!read_time(node, "ends_at", &row->ends_unix_ns))
		return "ends_at: expected a time like 2026-11-24T06:00:00Z; ignored";
	return row->starts_unix_ns < row->ends_unix_ns ? NULL : "ends before it starts; ignored";
}

static void take_rows(struct rk_alert_silences *silences, const struct rk_yaml_node *list)
{
	size_t most = 1;

	if (!list || rk_yaml_is_null(list))
		return;
	if (list->kind != RK_YAML_SEQUENCE) {
		tell_problem(list->line, "silences", "expected a list", silences);
		return;
	}
	for (const struct rk_yaml_node *n = list->first; n; n = n->next)
		most++;
	silences->rows = rk_arena_alloc(silences->arena, most * sizeof(*silences->rows));
	for (const struct rk_yaml_node *n = list->first; n && silences->rows; n = n->next) {
		const char *wrong = read_row(&silences->rows[silences->count], n);

		if (wrong)
			tell_problem(n->line, "silences", wrong, silences);
		else
			silences->count++;
	}
}

/* Return: bytes, or -errno. */
static ssize_t read_bytes(const char *path, char **out)
{
	int fd = rk_sandbox_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	ssize_t length = -errno, part = 0;

	*out = NULL;
	if (fd < 0)
		return length;
	*out = malloc(FILE_BYTES_MAX);
	length = *out ? 0 : -ENOMEM;
	while (*out && (size_t)length < FILE_BYTES_MAX &&
	       (part = read(fd, *out + length, FILE_BYTES_MAX - (size_t)length)) > 0)
		length += part;
	if (part < 0)
		length = -errno;
	else if ((size_t)(length < 0 ? 0 : length) == FILE_BYTES_MAX)
		length = -EFBIG;
	close(fd);
	return length;
}

static void read_file(struct rk_alert_silences *silences)
{
	const struct rk_yaml_problem_sink sink = { .fn = tell_problem, .data = silences };
	const struct rk_yaml_node *root = NULL;
	char *bytes;
	ssize_t length = read_bytes(silences->path, &bytes);

	forget(silences);
	if (length < 0) {
		rk_log_warn("alerts: could not read the silences of %s: %s", silences->path,
			    rk_strerror((int)length));
	} else {
		silences->arena = rk_arena_create();
		if (silences->arena &&
		    rk_yaml_parse(&root, silences->arena, bytes, (size_t)length, &sink) == 0)
			take_rows(silences, rk_yaml_get(root, "silences"));
		rk_log_info("alerts: %zu silences in %s", silences->count, silences->path);
	}
	free(bytes);
}

static uint64_t version_of(const struct stat *st)
{
	uint64_t version = (uint64_t)st->st_mtim.tv_sec * NS_PER_S + (uint64_t)st->st_mtim.tv_nsec;

	version = (version ^ (uint64_t)st->st_size) * 0x9e3779b97f4a7c15ull;
	return (version ^ (uint64_t)st->st_ino) | 1;
}

void rk_alert_silences_refresh(struct rk_alert_silences *silences)
{
	struct stat st;
	uint64_t version;

	if (!*silences->path)
		return;
	if (stat(silences->path, &st)) {
		/* A file that was removed, or is yet to be made, is no mistake. */
		if (errno != ENOENT && errno != silences->error)
			rk_log_warn("alerts: could not read the silences of %s: %s", silences->path,
				    rk_strerror(errno));
		silences->error = errno;
		silences->read_as = 0;
		forget(silences);
		return;
	}
	silences->error = 0;
	version = version_of(&st);
	if (version == silences->read_as)
		return;
	silences->read_as = version;
	read_file(silences);
}

bool rk_alert_silences_cover(const struct rk_alert_silences *silences, const struct rk_alert *alert,
			     uint64_t unix_ns)
{
	for (size_t i = 0; i < silences->count; i++) {
		const struct rk_alert_silence *row = &silences->rows[i];

		if (unix_ns >= row->starts_unix_ns && unix_ns < row->ends_unix_ns &&
		    rk_alert_route_matches(row->matchers, alert))
			return true;
	}
	return false;
}
