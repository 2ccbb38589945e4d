// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include <linux/nbd-netlink.h>

#include "advice.h"
#include "uri.h"

/* Other programs have names of their own for a server. */
static bool is_ours(const struct nl_device *d)
{
	static struct uri uri;
	struct err ignored;

	return d->backend && !uri_parse(&uri, d->backend, &ignored);
}

/* How its connections come back. Where the server is only who attached it knows. */
static void how_to_connect(const struct nl_device *d, char *dst, size_t size)
{
	if (!is_ours(d))
		snprintf(dst, size, "its program may connect it again");
	else if (d->attach_flags & NBD_ATTACH_PERSIST)
		snprintf(dst, size,
			 "see that nbdctl monitor runs, it connects again; or nbdctl reconnect nbd%u",
			 d->index);
	else
		snprintf(dst, size, "nbdctl reconnect nbd%u", d->index);
}

/* Most other programs cannot connect a device again that is attached. */
static bool advice_on_theirs(const struct nl_device *d, char *dst, size_t size)
{
	if (d->state == NBD_STATE_LIVE)
		snprintf(dst, size,
			 "when it can be spared detach it and attach it again");
	else
		snprintf(dst, size,
			 "unmount, nbdctl detach --force nbd%u, attach it again, check the file system",
			 d->index);
	return true;
}

/**
 * advice_on - what a person should do about a device
 * @d: the device
 * @root: the root file system is on it: without it nothing runs
 * @dst: gets a line of text
 * @size: room there
 *
 * Return: false if there is nothing to be done; then @dst is not written.
 */
bool advice_on(const struct nl_device *d, bool root, char *dst, size_t size)
{
	char connect[128];

	how_to_connect(d, connect, sizeof(connect));
	if (root && (d->state == NBD_STATE_PARKED || d->state == NBD_STATE_DEAD)) {
		snprintf(dst, size, "%s%s", connect,
			 d->state == NBD_STATE_DEAD ? ", restart the machine" : "");
		return true;
	}
	if (d->state == NBD_STATE_LIVE && nl_live(d) == d->nr_conns)
		return false;
	if (!is_ours(d) &&
	    (d->state == NBD_STATE_LIVE || d->state == NBD_STATE_DEAD))
		return advice_on_theirs(d, dst, size);
	switch (d->state) {
	case NBD_STATE_LIVE:
		snprintf(dst, size, "%s", connect);
		return true;
	case NBD_STATE_PARKED:
		snprintf(dst, size,
			 "%s; to give up what waits, nbdctl detach --force nbd%u",
			 connect, d->index);
		return true;
	case NBD_STATE_DEAD:
		snprintf(dst, size,
			 "unmount, %s, check the file system; or nbdctl detach --force nbd%u",
			 connect, d->index);
		return true;
	case NBD_STATE_DISCONNECTING:
		snprintf(dst, size,
			 "unmount or close what has it open, then it is free");
		return true;
	default:
		return false;
	}
}
