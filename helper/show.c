// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "show.h"

static int by_index(const void *a, const void *b)
{
	const struct nl_device *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* Move those that are idle to the end, where they are freed. */
static void drop_idle(struct nl_devices *devices)
{
	size_t i, kept = 0;

	for (i = 0; i < devices->n; i++) {
		struct nl_device d = devices->d[i];

		if (d.state == NBD_STATE_IDLE)
			nl_free_device(&d);
		else
			devices->d[kept++] = d;
	}
	devices->n = kept;
	if (kept)
		qsort(devices->d, kept, sizeof(*devices->d), by_index);
}

/**
 * show_attached - get all devices that are attached
 * @devices: result, by index; nl_free_devices() it, also after a failure
 * @err: filled on failure
 *
 * Without a driver there are none.
 *
 * Return: 0, or -1 with @err set.
 */
int show_attached(struct nl_devices *devices, struct err *err)
{
	struct nl_answer answer;
	struct nl nl;
	int ret;

	memset(devices, 0, sizeof(*devices));
	ret = nl_open_quietly(&nl, err);
	if (!ret && nl.family != NL_FAMILY_ABSENT) {
		ret = nl_need(&nl, false, err);
		if (!ret) {
			nl_get_all(&nl, devices, &answer);
			if (answer.error)
				ret = nl_error(&answer,
					       "cannot list the devices", err);
		}
	}
	nl_done(&nl);
	drop_idle(devices);
	return ret;
}

/**
 * show_one - get one device that is attached
 * @index: the device
 * @devices: result; nl_free_devices() it, also after a failure
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int show_one(u32 index, struct nl_devices *devices, struct err *err)
{
	struct nl_answer answer;
	char what[32];
	struct nl nl;
	int ret;

	memset(devices, 0, sizeof(*devices));
	snprintf(what, sizeof(what), "nbd%u", index);
	ret = nl_open_quietly(&nl, err);
	if (!ret)
		ret = nl_need(&nl, false, err);
	if (!ret) {
		nl_get(&nl, index, devices, &answer);
		if (answer.error)
			ret = nl_error(&answer, what, err);
		else if (devices->d[0].state == NBD_STATE_IDLE)
			ret = err_set(err, ST_NO_DEVICE,
				      "%s is not attached", what);
	}
	nl_done(&nl);
	return ret;
}

/* It may be gone by now, or the driver be older; then nothing is known. */
static void ask_latency(struct nl *nl, u32 index, struct nl_conn *conn)
{
	struct nl_answer answer;

	conn->latency = malloc(sizeof(*conn->latency));
	if (!conn->latency)
		return;
	nl_get_latency(nl, index, conn->index, conn->latency, &answer);
	if (answer.error) {
		free(conn->latency);
		conn->latency = NULL;
	}
}

/**
 * show_latency - get how long requests took, on each connection
 * @devices: as show_attached() found them; what is not known stays NULL
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int show_latency(struct nl_devices *devices, struct err *err)
{
	struct nl_device *d = devices->d;
	struct nl nl;
	size_t i, j;
	int ret;

	if (!devices->n)
		return 0;
	ret = nl_open_quietly(&nl, err);
	for (i = 0; !ret && i < devices->n; i++, d++)
		for (j = 0; j < d->nr_conns; j++)
			ask_latency(&nl, d->index, &d->conns[j]);
	nl_done(&nl);
	return ret;
}
