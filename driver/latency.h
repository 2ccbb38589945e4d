/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long requests took: a histogram for each kind of command.
 */
#ifndef NBD_LATENCY_H
#define NBD_LATENCY_H

#include <linux/atomic.h>
#include <linux/log2.h>
#include <linux/minmax.h>

#include "../uapi/linux/nbd-netlink.h"
#include "cmd.h"

enum nbd_latency_kind {
	NBD_LATENCY_READ,
	NBD_LATENCY_WRITE,
	NBD_LATENCY_TRIM,
	NBD_LATENCY_FLUSH,
	NBD_LATENCY_KINDS,
};

/**
 * struct nbd_latency - requests of one connection by their time
 * @count: how many, by kind and by bucket, see NBD_LATENCY_BUCKETS. Incremented by
 *	whoever completes a command: the receiving context, or the sender when a reply
 *	came before it was through, at the same time
 */
struct nbd_latency {
	atomic64_t count[NBD_LATENCY_KINDS][NBD_LATENCY_BUCKETS];
};

/* Four buckets for each doubling, see linux/nbd-netlink.h. */
static inline unsigned int nbd_latency_bucket(u64 ns)
{
	u64 units = ns / NBD_LATENCY_UNIT_NS;
	unsigned int exponent;

	if (units < 4)
		return units;
	exponent = ilog2(units);
	return min_t(unsigned int, NBD_LATENCY_BUCKETS - 1,
		     4 * (exponent - 1) + ((units >> (exponent - 2)) & 3));
}

static inline enum nbd_latency_kind nbd_latency_kind(const struct nbd_cmd *cmd)
{
	switch (cmd->type & 0xffff) {
	case NBD_CMD_READ:
		return NBD_LATENCY_READ;
	case NBD_CMD_TRIM:
		return NBD_LATENCY_TRIM;
	case NBD_CMD_FLUSH:
		return NBD_LATENCY_FLUSH;
	default:
		return NBD_LATENCY_WRITE;
	}
}

/* Context: any. */
static inline void nbd_latency_add(struct nbd_latency *latency,
				   const struct nbd_cmd *cmd, u64 ns)
{
	atomic64_inc(&latency->count[nbd_latency_kind(cmd)][nbd_latency_bucket(ns)]);
}

#endif /* NBD_LATENCY_H */
