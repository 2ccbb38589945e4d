// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a device the size that its export has now. Most servers tell a client
 * the size once and refuse what is beyond it for as long as the connection lasts,
 * so the device gets new connections, too.
 */
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>
#include <linux/nbd.h>

#include "admin.h"
#include "attach.h"
#include "bounded.h"
#include "device.h"
#include "resize.h"
#include "show.h"

/* What attach_choose() has to know of how the device was attached. */
static int options_of(const struct nl_device *d, struct attach_options *o,
		      struct err *err)
{
	if (d->state == NBD_STATE_DISCONNECTING)
		return err_set(err, ST_BUSY,
			       "nbd%u is disconnected but still in use",
			       d->index);
	if (!d->backend)
		return err_set(err, ST_REFUSED,
			       "nbd%u was not attached by nbdctl: nothing says where its server is",
			       d->index);
	if (uri_parse(&o->uri, d->backend, err))
		return -1;
	o->connections = (unsigned int)d->nr_conns;
	o->read_only = d->server_flags & NBD_FLAG_READ_ONLY;
	o->force_multi_conn = d->attach_flags & NBD_ATTACH_FORCE_MULTI_CONN;
	return 0;
}

static int check_limits(const struct nl_device *d, const char *server,
			const struct export *e, struct err *err)
{
	if (e->minimum <= d->block_size && e->maximum >= d->payload_max)
		return 0;
	return err_set(err, ST_REFUSED,
		       "%s: the server's block sizes are not those that nbd%u was attached with; detach and attach it",
		       server, d->index);
}

static int plan(const struct nl_device *d, const struct attach_options *o,
		const struct export *e, bool shrink, struct nl_change *change,
		struct err *err)
{
	change->index = d->index;
	change->size = e->size - e->size % d->block_size;
	change->server_flags = e->flags;
	if (o->read_only)
		change->server_flags |= NBD_FLAG_READ_ONLY;
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

static int hand_over(struct nl *nl, struct session *s,
		     struct nl_change *change, struct err *err)
{
	int fds[SESSION_MAX_LINKS], error;
	struct nl_answer answer;
	char what[64];
	unsigned int i;

	snprintf(what, sizeof(what), "cannot resize nbd%u", change->index);
	signals_hold();
	/* Now, so that it takes less time while requests wait. */
	error = device_sync(change->index);
	if (error)
		return err_set(err, ST_FAILED, "%s: the server does not flush: %s",
			       what, strerror(-error));
	for (i = 0; i < s->n; i++)
		fds[i] = s->links[i].fd;
	change->fds = fds;
	change->nr_fds = s->n;
	nl_change(nl, change, &answer);
	if (answer.error)
		return nl_error(&answer, what, err);
	session_hand_over(s);
	return device_wait(change->index, change->size, err);
}

static int negotiate(const struct attach_options *o, struct session *s,
		     const struct export **export, struct err *err)
{
	const struct neg_request go = {
		.op = NEG_GO,
		.name = o->uri.export,
		.name_len = strlen(o->uri.export),
	};
	s64 deadline = deadline_in((s64)o->connect_timeout * 1000);

	if (session_open(s, &o->uri, o->connections, deadline, &go, err))
		return -1;
	session_run(s);
	return attach_choose(o, s, export, err);
}

static int resize_device(struct nl *nl, const struct nl_device *d,
			 const struct attach_options *o, bool shrink,
			 struct err *err)
{
	struct nl_change change = { .index = d->index };
	struct session s = { .n = 0 };
	const struct export *export;
	int ret;

	ret = negotiate(o, &s, &export, err);
	if (!ret)
		ret = check_limits(d, s.server, export, err);
	if (!ret)
		ret = plan(d, o, export, shrink, &change, err);
	if (!ret && change.size != d->size)
		ret = hand_over(nl, &s, &change, err);
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
 * not show in time.
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
		ret = options_of(&devices.d[0], &o, err);
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
