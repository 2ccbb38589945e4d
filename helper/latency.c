// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "latency.h"

#define UNIT_MS		(NBD_LATENCY_UNIT_NS / 1e6)

/* Milliseconds at which a bucket begins, see linux/nbd-netlink.h. */
static double begins_at(unsigned int bucket)
{
	if (bucket < 4)
		return bucket * UNIT_MS;
	return (double)((4ULL + bucket % 4) << (bucket / 4 - 1)) * UNIT_MS;
}

static u64 first(const u64 *count, unsigned int buckets)
{
	u64 sum = 0;

	while (buckets--)
		sum += count[buckets];
	return sum;
}

/* As if those of a bucket were spread evenly. */
static double within(const u64 *count, double wanted)
{
	double before = 0, start;
	unsigned int i;

	for (i = 0; i < NBD_LATENCY_BUCKETS; i++) {
		if (count[i] && before + (double)count[i] >= wanted)
			break;
		before += (double)count[i];
	}
	/* There is no end to the last one. */
	if (i + 1 >= NBD_LATENCY_BUCKETS)
		return begins_at(NBD_LATENCY_BUCKETS - 1);
	start = begins_at(i);
	return start + (begins_at(i + 1) - start) * (wanted - before) /
		       (double)count[i];
}

/**
 * latency_add - add what happened between two moments
 * @sum: what is added to
 * @before: the first moment, or NULL for the beginning
 * @after: the second moment
 */
void latency_add(struct nl_latency *sum, const struct nl_latency *before,
		 const struct nl_latency *after)
{
	u64 was, is;
	int kind, i;

	for (kind = 0; kind < NL_LATENCY_KINDS; kind++) {
		for (i = 0; i < NBD_LATENCY_BUCKETS; i++) {
			was = before ? before->count[kind][i] : 0;
			is = after->count[kind][i];
			if (is > was)
				sum->count[kind][i] += is - was;
		}
	}
}

/**
 * latency_read - what a histogram says
 * @l: result
 * @counts: the histogram
 *
 * A time is exact to a quarter, as fine as the buckets are.
 */
void latency_read(struct latency *l, const struct nl_latency *counts)
{
	static const double parts[] = {
		[LATENCY_50]	= 0.5,
		[LATENCY_99]	= 0.99,
		[LATENCY_999]	= 0.999,
	};
	int kind, part;

	memset(l, 0, sizeof(*l));
	for (kind = 0; kind < NL_LATENCY_KINDS; kind++) {
		const u64 *count = counts->count[kind];
		u64 all = latency_total(count);

		l->any[kind] = all;
		for (part = 0; all && part < LATENCY_PARTS; part++)
			l->ms[kind][part] = within(count,
						   parts[part] * (double)all);
	}
}

/**
 * latency_total - all requests
 * @count: those of one kind, by bucket
 *
 * Return: how many.
 */
u64 latency_total(const u64 *count)
{
	return first(count, NBD_LATENCY_BUCKETS);
}

/**
 * latency_below - requests that took less than a power of two
 * @count: those of one kind, by bucket
 * @exponent: of that power of two, which is in units of NBD_LATENCY_UNIT_NS; from 2,
 *	and where the last bucket begins at most
 *
 * Return: how many.
 */
u64 latency_below(const u64 *count, unsigned int exponent)
{
	return first(count, 4 * (exponent - 1));
}

/**
 * latency_seconds - what all requests took together
 * @count: those of one kind, by bucket
 *
 * As if each had taken what is in the middle of its bucket: exact to an eighth. What
 * is in the last one, which has no end, counts as its beginning.
 *
 * Return: seconds.
 */
double latency_seconds(const u64 *count)
{
	double ms = (double)count[NBD_LATENCY_BUCKETS - 1] *
		    begins_at(NBD_LATENCY_BUCKETS - 1);
	unsigned int i;

	for (i = 0; i < NBD_LATENCY_BUCKETS - 1; i++)
		ms += (double)count[i] * (begins_at(i) + begins_at(i + 1)) / 2;
	return ms / 1e3;
}
