/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rates of devices and connections, from two looks at them. */
#ifndef NBDCTL_TOP_H
#define NBDCTL_TOP_H

#include "latency.h"
#include "nl.h"

/* The kinds of requests that /sys/block/nbdN/stat tells apart, as latency.h. */
enum {
	TOP_READ = NL_LATENCY_READ,
	TOP_WRITE = NL_LATENCY_WRITE,
	TOP_TRIM = NL_LATENCY_TRIM,
	TOP_FLUSH = NL_LATENCY_FLUSH,
	TOP_KINDS = NL_LATENCY_KINDS,
};

/**
 * struct top_stat - what /sys/block/nbdN/stat says
 * @known: whether it could be read
 * @requests: requests that ended, of each kind
 * @ms: milliseconds that they took, all together
 */
struct top_stat {
	bool known;
	u64 requests[TOP_KINDS];
	u64 ms[TOP_KINDS];
};

/**
 * struct top_look - all devices at one moment
 * @at: the moment, in nanoseconds
 * @devices: the devices, by index
 * @stats: one for each of them
 */
struct top_look {
	u64 at;
	struct nl_devices devices;
	struct top_stat *stats;
};

/**
 * struct top_rates - what a device or a connection did in a second
 * @requests: requests that were answered
 * @bytes_read: payload of reads
 * @bytes_written: payload of writes
 * @errors: answers that were errors
 */
struct top_rates {
	double requests;
	double bytes_read;
	double bytes_written;
	double errors;
};

/**
 * struct top_kind - requests of one kind
 * @requests: those that ended in a second
 * @ms: milliseconds that they took on average; nothing if none ended
 */
struct top_kind {
	double requests;
	double ms;
};

/**
 * struct top_device - a device between two looks
 * @device: what it is like at the second one
 * @known: whether @rates and @conns are: it has been attached all the time
 * @rates: all connections together
 * @conns: rates of each connection, in the order of @device
 * @latency: how long requests took, on all connections
 * @conn_latency: on each connection
 * @in_flight: requests that are not answered, on all connections
 * @errors: answers that were errors, ever, of all connections
 * @kinds_known: whether @kinds are
 * @kinds: requests by kind
 */
struct top_device {
	const struct nl_device *device;
	bool known;
	struct top_rates rates;
	struct top_rates *conns;
	struct latency latency;
	struct latency *conn_latency;
	u64 in_flight;
	u64 errors;
	bool kinds_known;
	struct top_kind kinds[TOP_KINDS];
};

/**
 * struct top - all devices between two looks
 * @seconds: the time between them
 * @devices: those of the second look
 * @n: their number
 */
struct top {
	double seconds;
	struct top_device *devices;
	size_t n;
};

bool top_parse_stat(const char *text, struct top_stat *stat);
int top_compare(struct top *top, const struct top_look *before,
		const struct top_look *after);
void top_rank(struct top *top);
void top_free(struct top *top);

#endif /* NBDCTL_TOP_H */
