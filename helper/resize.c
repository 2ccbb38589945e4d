// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a device the size that its export has now. Most servers tell a client
 * the size once and refuse what is beyond it for as long as the connection lasts,
 * so the device gets new connections, too.
 */
#include <stdio.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "device.h"
#include "renew.h"
#include "resize.h"
#include "show.h"

static int plan(const struct nl_device *d, const struct export *e, bool shrink,
		struct nl_change *change, struct err *err)
{
	change->index = d->index;
	change->serial = d->serial;
	change->size = e->size - e->size % d->block_size;
	change->server_flags = d->server_flags;
	change->backend = d->backend;
	change->flags = NBD_CHANGE_REPLACE;
	if (!change->size)
		return err_set(err, ST_REFUSED,
			       "the export has %llu bytes, less than one block",
			       e->size);
	if (change->size >= d->size)
		return 0;
	change->flags |= NBD_CHANGE_SHRINK;
	if (shrink)
		return 0;
	return err_set(err, ST_REFUSED,
		       "the export has shrunk from %llu to %llu bytes; --shrink makes nbd%u smaller, too, whatever is on its end",
		       d->size, change->size, d->index);
}

static int hand_over(struct nl *nl, struct session *s, const struct nl_device *d,
		     struct nl_change *change, struct err *err)
{
	char what[64];

	snprintf(what, sizeof(what), "cannot resize nbd%u", change->index);
	if (renew_hand_over(nl, s, d, change, what, err))
		return -1;
	return device_wait(change->index, change->size, err);
}

static int resize_device(struct nl *nl, const struct nl_device *d,
			 const struct attach_options *o, bool shrink,
			 struct err *err)
{
	struct nl_change change = { .index = d->index };
	struct session s = { .n = 0 };
	const struct export *export;
	int ret;

	ret = renew_negotiate(o, &s, err);
	if (!ret)
		ret = attach_choose(o, &s, &export, err);
	if (!ret)
		ret = renew_check(d, s.server, export, err);
	if (!ret)
		ret = plan(d, export, shrink, &change, err);
	if (!ret && change.size != d->size)
		ret = renew_check_flags(d, s.server, export, err);
	if (!ret && change.size != d->size)
		ret = hand_over(nl, &s, d, &change, err);
	session_close(&s);
	if (!ret)
		printf("nbd%u: %llu bytes, was %llu\n", d->index, change.size,
		       d->size);
	return ret;
}

/**
 * resize_run - ask the server for the size and give it to the device
 * @index: the device
 * @shrink: the device may become smaller
 * @connect_timeout: seconds for all handshakes
 * @err: filled on failure
 *
 * Nothing happens to a device that has the size already.
 *
 * Return: 0, or -1 with @err set; then nothing has changed, unless the size did
 * not show in time, or the kernel's answer was lost.
 */
int resize_run(u32 index, bool shrink, u64 connect_timeout, struct err *err)
{
	static struct attach_options o;
	struct nl_devices devices;
	struct nl nl;
	int ret;

	if (admin_check("resize devices", err))
		return -1;
	ret = show_one(index, &devices, err);
	if (!ret)
		ret = renew_options(&devices.d[0], &o, err);
	if (ret)
		goto out;
	o.connect_timeout = connect_timeout;
	ret = nl_open(&nl, err);
	if (!ret)
		ret = nl_need(&nl, false, err);
	if (!ret)
		ret = resize_device(&nl, &devices.d[0], &o, shrink, err);
	nl_done(&nl);
out:
	nl_free_devices(&devices);
	return ret;
}
