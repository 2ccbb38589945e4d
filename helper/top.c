// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "top.h"

/**
 * top_parse_stat - read the text of /sys/block/nbdN/stat
 * @text: the text
 * @stat: result, also when it is not known
 *
 * Return: whether it has the fields that are needed.
 */
bool top_parse_stat(const char *text, struct top_stat *stat)
{
	u64 *n = stat->requests, *ms = stat->ms;

	/* Between them are requests that were merged, and sectors. */
	stat->known = sscanf(text,
			     "%llu %*u %*u %llu %llu %*u %*u %llu %*u %*u %*u %llu %*u %*u %llu %llu %llu",
			     &n[TOP_READ], &ms[TOP_READ],
			     &n[TOP_WRITE], &ms[TOP_WRITE],
			     &n[TOP_TRIM], &ms[TOP_TRIM],
			     &n[TOP_FLUSH], &ms[TOP_FLUSH]) == 2 * TOP_KINDS;
	return stat->known;
}

static size_t find_device(const struct nl_devices *devices, u32 index)
{
	size_t i;

	for (i = 0; i < devices->n; i++)
		if (devices->d[i].index == index)
			break;
	return i;
}

/* One that is new has not done anything before. */
static const struct nl_conn *find_conn(const struct nl_device *d, u32 index)
{
	static const struct nl_conn none;
	size_t i;

	for (i = 0; i < d->nr_conns; i++)
		if (d->conns[i].index == index)
			return &d->conns[i];
	return &none;
}

static bool went_back(const struct nl_conn *before, const struct nl_conn *after)
{
	return after->generation < before->generation ||
	       after->requests < before->requests ||
	       after->bytes_read < before->bytes_read ||
	       after->bytes_written < before->bytes_written ||
	       after->errors < before->errors;
}

/* Attached once, and not again since: counters begin anew with each time. */
static bool is_same(const struct nl_device *before,
		    const struct nl_device *after)
{
	size_t i;

	if (before->pid != after->pid || before->nr_conns > after->nr_conns)
		return false;
	for (i = 0; i < after->nr_conns; i++)
		if (went_back(find_conn(before, after->conns[i].index),
			      &after->conns[i]))
			return false;
	return true;
}

static void compare_conns(struct top_device *t, const struct nl_device *before,
			  double seconds)
{
	const struct nl_conn *was, *is = t->device->conns;
	struct top_rates *r = t->conns;
	size_t i;

	for (i = 0; i < t->device->nr_conns; i++, is++, r++) {
		was = find_conn(before, is->index);
		r->requests = (is->requests - was->requests) / seconds;
		r->bytes_read = (is->bytes_read - was->bytes_read) / seconds;
		r->bytes_written =
			(is->bytes_written - was->bytes_written) / seconds;
		r->errors = (is->errors - was->errors) / seconds;
		t->rates.requests += r->requests;
		t->rates.bytes_read += r->bytes_read;
		t->rates.bytes_written += r->bytes_written;
		t->rates.errors += r->errors;
	}
}

static void compare_stats(struct top_device *t, const struct top_stat *before,
			  const struct top_stat *after, double seconds)
{
	u64 requests;
	int i;

	if (!before->known || !after->known)
		return;
	for (i = 0; i < TOP_KINDS; i++)
		if (after->requests[i] < before->requests[i] ||
		    after->ms[i] < before->ms[i])
			return;
	t->kinds_known = true;
	for (i = 0; i < TOP_KINDS; i++) {
		requests = after->requests[i] - before->requests[i];
		t->kinds[i].requests = requests / seconds;
		if (requests)
			t->kinds[i].ms = (double)(after->ms[i] -
						  before->ms[i]) / requests;
	}
}

static void compare_latency(struct top_device *t, const struct nl_device *before)
{
	const struct nl_conn *was, *is = t->device->conns;
	struct nl_latency all, one;
	size_t i;

	memset(&all, 0, sizeof(all));
	for (i = 0; i < t->device->nr_conns; i++, is++) {
		was = find_conn(before, is->index);
		/* One that is new has generation 0 and no histogram before. */
		if (!is->latency || (was->generation && !was->latency))
			continue;
		memset(&one, 0, sizeof(one));
		latency_add(&one, was->latency, is->latency);
		latency_read(&t->conn_latency[i], &one);
		latency_add(&all, NULL, &one);
	}
	latency_read(&t->latency, &all);
}

static int start_device(struct top_device *t, const struct nl_device *d)
{
	size_t i;

	t->device = d;
	t->conns = calloc(d->nr_conns + 1, sizeof(*t->conns));
	t->conn_latency = calloc(d->nr_conns + 1, sizeof(*t->conn_latency));
	if (!t->conns || !t->conn_latency)
		return -1;
	for (i = 0; i < d->nr_conns; i++) {
		t->in_flight += d->conns[i].in_flight;
		t->errors += d->conns[i].errors;
	}
	return 0;
}

/**
 * top_compare - what happened between two looks
 * @top: result; top_free() it, also after a failure
 * @before: the first look
 * @after: the second look; it must live as long as @top
 *
 * A device that was not there before, or was attached again since, has no rates:
 * nobody knows when it began.
 *
 * Return: 0, or -1 when memory ran out.
 */
int top_compare(struct top *top, const struct top_look *before,
		const struct top_look *after)
{
	const struct nl_device *d = after->devices.d;
	size_t i, was;

	memset(top, 0, sizeof(*top));
	if (after->at > before->at)
		top->seconds = (after->at - before->at) / 1e9;
	top->devices = calloc(after->devices.n + 1, sizeof(*top->devices));
	if (!top->devices)
		return -1;
	for (i = 0; i < after->devices.n; i++, d++) {
		struct top_device *t = &top->devices[top->n++];

		if (start_device(t, d))
			return -1;
		was = find_device(&before->devices, d->index);
		t->known = top->seconds > 0 && was < before->devices.n &&
			   is_same(&before->devices.d[was], d);
		if (!t->known)
			continue;
		compare_conns(t, &before->devices.d[was], top->seconds);
		compare_latency(t, &before->devices.d[was]);
		compare_stats(t, &before->stats[was], &after->stats[i],
			      top->seconds);
	}
	return 0;
}

static bool has_trouble(const struct top_device *t)
{
	return t->device->state != NBD_STATE_LIVE || t->rates.errors > 0 ||
	       nl_live(t->device) < t->device->nr_conns;
}

static int by_interest(const void *a, const void *b)
{
	const struct top_device *x = a, *y = b;

	if (has_trouble(x) != has_trouble(y))
		return has_trouble(x) ? -1 : 1;
	if (x->rates.requests != y->rates.requests)
		return x->rates.requests > y->rates.requests ? -1 : 1;
	return (x->device->index > y->device->index) -
	       (x->device->index < y->device->index);
}

/**
 * top_rank - the most interesting devices first
 * @top: the devices
 *
 * Those that have trouble come before those that have none, busy ones before
 * others, and else they are ordered by index.
 */
void top_rank(struct top *top)
{
	qsort(top->devices, top->n, sizeof(*top->devices), by_interest);
}

/**
 * top_free - free what top_compare() made
 * @top: the devices
 */
void top_free(struct top *top)
{
	size_t i;

	for (i = 0; i < top->n; i++) {
		free(top->devices[i].conns);
		free(top->devices[i].conn_latency);
	}
	free(top->devices);
	memset(top, 0, sizeof(*top));
}
