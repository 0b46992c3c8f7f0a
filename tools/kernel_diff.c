/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/kernel_diff.c - pairs of rows, intervals and verdicts.
 */
#include "tools/kernel_diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define Z_MEDIAN 2.807 /* two-sided 99.5 % of the normal distribution: 99 % for two sides */
#define Z_MEAN	 2.576 /* two-sided 99 % */
#define LAUNCHES_MIN 9u /* 2 * 0.5^9 < 0.5 %: the extremes are an interval of the median */

struct interval {
	double low, high;
};

/* Bounds of the median by rank: below the lower one lie so many with a probability of 0.25 %. */
static bool median_interval(struct rk_distribution *d, struct interval *interval)
{
	double n = (double)d->count, half = Z_MEDIAN * sqrt(n) / 2;
	double low = floor(n / 2 - half), high = ceil(n / 2 + half) + 1;

	if (d->count < LAUNCHES_MIN)
		return false;
	interval->low = rk_distribution_get_ranked(d, low < 1 ? 1 : (uint64_t)low);
	interval->high = rk_distribution_get_ranked(d, high > n ? d->count : (uint64_t)high);
	return interval->low > 0;
}

/* How much higher the mean of B is at least, as a share of A's. */
static double mean_change_low(const struct rk_distribution *a, const struct rk_distribution *b)
{
	double sa = rk_distribution_get_stddev(a), sb = rk_distribution_get_stddev(b);
	double error = sqrt(sa * sa / (double)a->count + sb * sb / (double)b->count);

	return a->mean > 0 ? (b->mean - a->mean - Z_MEAN * error) / a->mean : 0;
}

static uint8_t judge(const struct rk_kernel_diff *row, double mean_low, double limit)
{
	if (!row->has_range)
		return RK_DIFF_INCONCLUSIVE;
	if (row->low >= limit || mean_low >= limit)
		return RK_DIFF_SLOWER;
	if (row->high <= -limit)
		return RK_DIFF_FASTER;
	return row->low > -limit && row->high < limit ? RK_DIFF_SAME : RK_DIFF_INCONCLUSIVE;
}

static void compare_rows(struct rk_kernel_diff *row, struct rk_distribution *a,
			 struct rk_distribution *b, double limit)
{
	struct interval of_a, of_b;
	bool has_a = median_interval(a, &of_a), has_b = median_interval(b, &of_b);

	row->change = row->median[0] > 0 ? row->median[1] / row->median[0] - 1 : 0;
	row->has_range = has_a && has_b;
	if (row->has_range) {
		row->low = of_b.low / of_a.high - 1;
		row->high = of_b.high / of_a.low - 1;
	}
	row->verdict = judge(row, mean_change_low(a, b), limit);
}

static void take_side(struct rk_kernel_diff *row, int side, struct rk_report_row *from)
{
	row->name = from->name;
	row->group = from->group;
	row->host_time = from->host_time;
	row->count[side] = from->ns.count;
	row->total[side] = (double)from->ns.total;
	row->median[side] = rk_distribution_get_median(&from->ns);
}

static bool is_same(const struct rk_report_row *a, const struct rk_report_row *b)
{
	return a->name == b->name && a->group == b->group && a->host_time == b->host_time;
}

/* Names are few: a few hundred to a few thousand. */
static struct rk_report_row *find(struct rk_report_table *table, size_t rows,
				  const struct rk_report_row *like)
{
	for (size_t i = 0; i < rows; i++) {
		if (is_same(rk_report_table_get(table, i), like))
			return rk_report_table_get(table, i);
	}
	return NULL;
}

static void set_shares(struct rk_kernel_diff *rows, size_t count, double min_share)
{
	double totals[2] = { rk_kernel_diff_total(rows, count, 0),
			     rk_kernel_diff_total(rows, count, 1) };

	for (size_t i = 0; i < count; i++) {
		for (int side = 0; side < 2; side++)
			rows[i].share =
				fmax(rows[i].share,
				     totals[side] > 0 ? rows[i].total[side] / totals[side] : 0);
		rows[i].counts = rows[i].share >= min_share;
	}
}

/* Those that count, the most certain trouble, what takes most time. */
static int compare(const void *x, const void *y)
{
	const struct rk_kernel_diff *a = x, *b = y;

	if (a->counts != b->counts)
		return b->counts - a->counts;
	if (a->verdict != b->verdict)
		return a->verdict - b->verdict;
	if (a->share != b->share)
		return a->share < b->share ? 1 : -1;
	return a->name < b->name ? -1 : a->name > b->name;
}

int rk_kernel_diff_make(struct rk_kernel_diff **rows, size_t *count, struct rk_report_table *a,
			struct rk_report_table *b, const struct rk_kernel_diff_limits *limits)
{
	size_t rows_a = rk_report_table_sort(a), rows_b = rk_report_table_sort(b);

	*count = 0;
	*rows = calloc(rows_a + rows_b + 1, sizeof(**rows));
	if (!*rows)
		return -ENOMEM;
	for (size_t i = 0; i < rows_a; i++) {
		struct rk_report_row *left = rk_report_table_get(a, i);
		struct rk_report_row *right = find(b, rows_b, left);
		struct rk_kernel_diff *row = &(*rows)[(*count)++];

		take_side(row, 0, left);
		row->verdict = RK_DIFF_GONE;
		if (right) {
			take_side(row, 1, right);
			compare_rows(row, &left->ns, &right->ns, limits->change);
		}
	}
	for (size_t i = 0; i < rows_b; i++) {
		struct rk_report_row *right = rk_report_table_get(b, i);
		struct rk_kernel_diff *row = &(*rows)[*count];

		if (find(a, rows_a, right))
			continue;
		take_side(row, 1, right);
		row->verdict = RK_DIFF_NEW;
		++*count;
	}
	set_shares(*rows, *count, limits->min_share);
	if (*count)
		qsort(*rows, *count, sizeof(**rows), compare);
	return 0;
}

double rk_kernel_diff_total(const struct rk_kernel_diff *rows, size_t count, int side)
{
	double total = 0;

	for (size_t i = 0; i < count; i++)
		total += rows[i].total[side];
	return total;
}

const char *rk_kernel_diff_verdict_name(uint8_t verdict)
{
	static const char *const names[] = {
		[RK_DIFF_SLOWER] = "slower", [RK_DIFF_INCONCLUSIVE] = "inconclusive",
		[RK_DIFF_FASTER] = "faster", [RK_DIFF_SAME] = "same",
		[RK_DIFF_NEW] = "new",	     [RK_DIFF_GONE] = "gone",
	};

	return names[verdict];
}
