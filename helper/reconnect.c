// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a device new connections: in place of those that are dead, or of all, to
 * its server or to another one that has the same export.
 */
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "device.h"
#include "reconnect.h"
#include "renew.h"
#include "show.h"

/* The same disk, as far as can be seen; larger will do, it just is not used. */
static int check_identity(const struct nl_device *d, const char *server,
			  const struct export *e, struct err *err)
{
	if (e->size < d->size)
		return err_set(err, ST_REFUSED,
			       "%s: the export has %llu bytes, nbd%u has %llu: it is another one, or has shrunk",
			       server, e->size, d->index, d->size);
	if (renew_flags(d, e) != d->server_flags)
		return err_set(err, ST_REFUSED,
			       "%s: the export's flags are not those that nbd%u was attached with (%#llx, not %#llx)",
			       server, d->index, renew_flags(d, e),
			       d->server_flags);
	return renew_check(d, server, e, err);
}

static int hand_over(struct nl *nl, struct session *s,
		     const struct nl_device *d, bool replace, struct err *err)
{
	struct nl_change change = {
		.index = d->index,
		.size = d->size,
		.server_flags = d->server_flags,
		.backend = d->backend,
		.flags = replace ? NBD_CHANGE_REPLACE : 0,
	};
	char what[64];
	int error;

	snprintf(what, sizeof(what), "cannot reconnect nbd%u", d->index);
	/* Now, so that it takes less time while requests wait. */
	error = replace ? device_sync(d->index) : 0;
	if (error)
		return err_set(err, ST_FAILED, "%s: the server does not flush: %s",
			       what, strerror(-error));
	return renew_hand_over(nl, s, &change, what, err);
}

static int choose(const struct attach_options *o, struct session *s,
		  bool replace, const struct export **export, struct err *err)
{
	/* Some connections are better than none; replacing takes them all. */
	if (replace)
		return attach_choose(o, s, export, err);
	return attach_salvage(s, export, err);
}

static int say(const struct nl_device *d, unsigned int live)
{
	printf("nbd%u: %u of %zu connections are live\n", d->index, live,
	       d->nr_conns);
	return 0;
}

static int reconnect(struct nl *nl, const struct nl_device *d,
		     const struct attach_options *o, bool replace,
		     struct err *err)
{
	unsigned int live = replace ? 0 : nl_live(d);
	struct session s = { .n = 0 };
	const struct export *export;
	int ret;

	ret = renew_negotiate(o, &s, err);
	if (!ret)
		ret = choose(o, &s, replace, &export, err);
	if (!ret)
		ret = check_identity(d, s.server, export, err);
	if (!ret)
		ret = hand_over(nl, &s, d, replace, err);
	live += s.n;
	if (!ret && live < d->nr_conns)
		ret = err_set(err, ST_REFUSED,
			      "%s: the server accepted only %u more connections: nbd%u has %u of %zu",
			      s.server, s.n, d->index, live, d->nr_conns);
	session_close(&s);
	return ret ?: say(d, live);
}

static int reconnect_device(struct nl *nl, const struct nl_device *d,
			    const struct reconnect_options *want,
			    struct err *err)
{
	struct attach_options o = { .connect_timeout = want->connect_timeout };
	unsigned int dead = (unsigned int)d->nr_conns - nl_live(d);

	if (renew_options(d, &o, err))
		return -1;
	if (want->has_uri)
		o.uri = want->uri;
	if (!want->replace && !dead)
		return say(d, nl_live(d));
	if (!want->replace)
		o.connections = dead;
	return reconnect(nl, d, &o, want->replace, err);
}

/**
 * reconnect_run - give a device new connections and say how many it has
 * @index: the device
 * @want: how
 * @err: filled on failure
 *
 * Return: 0 when all its connections are live, or -1 with @err set; then nothing
 * has changed, unless the server accepted some connections and not all.
 */
int reconnect_run(u32 index, const struct reconnect_options *want,
		  struct err *err)
{
	struct nl_devices devices;
	struct nl nl;
	int ret;

	if (admin_check("reconnect devices", err))
		return -1;
	ret = show_one(index, &devices, err);
	if (ret)
		goto out;
	ret = nl_open(&nl, err);
	if (!ret)
		ret = nl_need(&nl, false, err);
	if (!ret)
		ret = reconnect_device(&nl, &devices.d[0], want, err);
	nl_done(&nl);
out:
	nl_free_devices(&devices);
	return ret;
}
