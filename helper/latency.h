/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long requests took, from the driver's histograms. */
#ifndef NBDCTL_LATENCY_H
#define NBDCTL_LATENCY_H

#include "nl.h"

/* Of all requests, those that took no longer. */
enum {
	LATENCY_50,
	LATENCY_99,
	LATENCY_999,
	LATENCY_PARTS,
};

/**
 * struct latency - how long requests took
 * @any: whether there were any of a kind
 * @ms: milliseconds that a part of them took at most; nothing if there were none
 */
struct latency {
	bool any[NL_LATENCY_KINDS];
	double ms[NL_LATENCY_KINDS][LATENCY_PARTS];
};

void latency_add(struct nl_latency *sum, const struct nl_latency *before,
		 const struct nl_latency *after);
void latency_read(struct latency *l, const struct nl_latency *counts);
u64 latency_total(const u64 *count);
u64 latency_below(const u64 *count, unsigned int exponent);
double latency_seconds(const u64 *count);

#endif /* NBDCTL_LATENCY_H */
