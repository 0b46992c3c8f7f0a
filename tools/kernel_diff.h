/* SPDX-License-Identifier: Apache-2.0
 *
 * tools/kernel_diff.h - rows of two reports side by side, and whether a change is one.
 *
 * The change of a row is that of its median. For the median of each side there is an interval that
 * holds the true one with 99.5 % probability whatever the distribution is (order statistics, from
 * the binomial); together they give the range in which the change lies with 99 %:
 *
 *	low  = lower bound of B / upper bound of A - 1
 *	high = upper bound of B / lower bound of A - 1
 *
 *   slower        low >= limit          faster    high <= -limit
 *   same          -limit < low and high < limit
 *   inconclusive  anything else, and too few launches for an interval (fewer than nine)
 *
 * A median is blind to a few launches that became very slow, so a row whose mean is surely higher
 * by the limit (Welch's interval, 99 %) is slower as well, and is not called the same.
 *
 * What one run cannot tell is how much runs differ: clocks and neighbours move all launches of a
 * run together. The limit has to be above that.
 */
#ifndef RK_TOOLS_KERNEL_DIFF_H
#define RK_TOOLS_KERNEL_DIFF_H

#include "tools/report_table.h"

enum rk_diff_verdict {
	RK_DIFF_SLOWER,
	RK_DIFF_INCONCLUSIVE,
	RK_DIFF_FASTER,
	RK_DIFF_SAME,
	RK_DIFF_NEW,  /* only in B */
	RK_DIFF_GONE, /* only in A */
};

struct rk_kernel_diff_limits {
	double change;	  /* 0.05 = 5 % */
	double min_share; /* of the time of A or of B; rows below it do not count */
};

/* Arrays: of A, of B. */
struct rk_kernel_diff {
	uint32_t name; /* string */
	uint8_t group; /* enum rk_report_group */
	bool host_time;
	bool counts;	/* it has its share */
	bool has_range;
	uint8_t verdict;	/* enum rk_diff_verdict */
	uint64_t count[2];
	double total[2], median[2]; /* ns */
	double change, low, high;   /* 0.05 = 5 % longer */
	double share;		    /* of the time, in A or in B, whichever is more */
};

/**
 * Compare the tables; rows that matter come first.
 *
 * Context: tools. Ownership: *rows is the caller's, free(). Return: 0, -ENOMEM.
 */
int rk_kernel_diff_make(struct rk_kernel_diff **rows, size_t *count, struct rk_report_table *a,
			struct rk_report_table *b, const struct rk_kernel_diff_limits *limits);

/**
 * ns of all rows of one side.
 *
 * Context: any.
 */
double rk_kernel_diff_total(const struct rk_kernel_diff *rows, size_t count, int side);

/**
 * "slower", "inconclusive"...
 *
 * Context: any. Return: a static string.
 */
const char *rk_kernel_diff_verdict_name(uint8_t verdict);

#endif
