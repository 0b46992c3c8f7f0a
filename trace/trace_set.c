/* SPDX-License-Identifier: Apache-2.0
 *
 * trace/trace_set.c - looks into the folder, and into the first frame of each part.
 */
#include "trace/trace_set.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/trace_name.h"
#include "trace/trace_reader.h"

#define PARTS_MAX 4096u /* under one name, other runs included */

/* What is no part, or none yet, is passed over. */
static int add_part(struct rk_trace_set *set, const char *path)
{
	struct rk_trace_set_part *more;
	struct rk_trace_reader *reader;
	const struct rk_trace_meta *meta;
	struct rk_trace_info info;
	int err = 0;

	if (set->count == PARTS_MAX || rk_trace_reader_open(&reader, path, NULL))
		return 0;
	meta = rk_trace_reader_meta(reader);
	rk_trace_reader_get_info(reader, &info);
	if (meta->part_ordinal) {
		more = realloc(set->parts, (set->count + 1) * sizeof(*more));
		err = more ? 0 : -ENOMEM;
		set->parts = more ? more : set->parts;
	}
	if (meta->part_ordinal && !err)
		set->parts[set->count++] = (struct rk_trace_set_part){
			.path = strdup(path),
			.seed = meta->seed,
			.first_ordinal = meta->part_ordinal,
			.start_ns = meta->start_wall_ns,
			.bytes = info.file_bytes,
		};
	rk_trace_reader_close(reader);
	if (set->count && !set->parts[set->count - 1].path)
		return -ENOMEM;
	return err;
}

static int by_order(const void *a, const void *b)
{
	const struct rk_trace_set_part *left = a, *right = b;

	return (left->first_ordinal > right->first_ordinal) -
	       (left->first_ordinal < right->first_ordinal);
}

/* Only those of the run that began to write last. */
static void choose_run(struct rk_trace_set *set)
{
	uint64_t seed = 0, latest = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		if (set->parts[i].start_ns >= latest) {
			latest = set->parts[i].start_ns;
			seed = set->parts[i].seed;
		}
	}
	for (uint32_t i = 0; i < set->count; i++) {
		if (set->parts[i].seed == seed)
			set->parts[kept++] = set->parts[i];
		else
			free(set->parts[i].path);
	}
	set->count = kept;
	if (kept)
		qsort(set->parts, kept, sizeof(*set->parts), by_order);
}

int rk_trace_set_find(struct rk_trace_set *set, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char folder[PATH_MAX], part[2 * PATH_MAX];
	const struct dirent *entry;
	uint64_t number;
	DIR *dir;
	int err = 0;

	memset(set, 0, sizeof(*set));
	if (strlen(path) >= sizeof(folder))
		return -ENAMETOOLONG;
	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 2,
		 slash ? path : "./");
	dir = opendir(folder);
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		if (!rk_trace_name_is_part(entry->d_name, name, &number))
			continue;
		snprintf(part, sizeof(part), "%s%s", slash ? folder : "", entry->d_name);
		err = add_part(set, part);
	}
	closedir(dir);
	if (err)
		rk_trace_set_finish(set);
	choose_run(set);
	return err;
}

bool rk_trace_set_refresh(struct rk_trace_set *set, const char *path)
{
	struct rk_trace_set now;
	uint64_t seed, opened;

	if (!set->next || set->next < set->count || rk_trace_set_find(&now, path))
		return set->next < set->count;
	seed = set->parts[set->next - 1].seed;
	opened = set->parts[set->next - 1].first_ordinal;
	while (now.next < now.count && now.parts[now.next].seed == seed &&
	       now.parts[now.next].first_ordinal <= opened)
		now.next++;
	if (!now.next || now.next == now.count || now.parts[now.next].seed != seed) {
		rk_trace_set_finish(&now);
		return false;
	}
	rk_trace_set_finish(set);
	*set = now;
	return true;
}

uint64_t rk_trace_set_bytes(const struct rk_trace_set *set)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < set->count; i++)
		bytes += set->parts[i].bytes;
	return bytes;
}

void rk_trace_set_finish(struct rk_trace_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		free(set->parts[i].path);
	free(set->parts);
	memset(set, 0, sizeof(*set));
}
