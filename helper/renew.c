// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a device that is attached needs to get connections to its server again:
 * how it was attached comes from the kernel, which also checks that the server is
 * the same one.
 */
#include <string.h>

#include <linux/nbd-netlink.h>
#include <linux/nbd.h>

#include "bounded.h"
#include "device.h"
#include "renew.h"

/**
 * renew_options - what has to be known of how the device was attached
 * @d: the device
 * @o: filled
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int renew_options(const struct nl_device *d, struct attach_options *o,
		  struct err *err)
{
	const char *where;

	if (d->state == NBD_STATE_DISCONNECTING)
		return err_set(err, ST_BUSY,
			       "nbd%u is disconnected but still in use",
			       d->index);
	if (!d->backend)
		return err_set(err, ST_REFUSED,
			       "nbd%u was not attached by nbdctl: nothing says where its server is",
			       d->index);
	where = d->moved_to ? d->moved_to : d->backend;
	if (uri_parse(&o->uri, where, err))
		return err_set(err, ST_REFUSED,
			       "nbd%u was not attached by nbdctl: %s is not the URI of a server",
			       d->index, where);
	if (o->uri.tls)
		return err_set(err, ST_FAILED, "%s: TLS is not supported yet",
			       where);
	o->renewal = true;
	o->connections = (unsigned int)d->nr_conns;
	o->read_only = d->server_flags & NBD_FLAG_READ_ONLY;
	o->force_multi_conn = d->attach_flags & NBD_ATTACH_FORCE_MULTI_CONN;
	o->no_optgo = d->attach_flags & NBD_ATTACH_NO_OPTGO;
	return 0;
}

/**
 * renew_negotiate - connect and go through all handshakes
 * @o: as many connections as that says
 * @s: the session, for attach_choose() or attach_salvage(); session_close() it,
 *	also after a failure
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set when the server cannot be reached.
 */
int renew_negotiate(const struct attach_options *o, struct session *s,
		    struct err *err)
{
	const struct neg_request go = {
		.op = NEG_GO,
		.name = o->uri.export,
		.name_len = strlen(o->uri.export),
		.by_name = o->no_optgo,
	};
	s64 deadline = deadline_in((s64)o->connect_timeout * 1000);

	if (session_open(s, &o->uri, o->peer, o->connections, deadline, &go,
			 err))
		return -1;
	session_run(s);
	return 0;
}

/**
 * renew_check - can the device go on with what the server offers?
 * @d: the device
 * @server: name of the server for messages
 * @e: what it offers
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int renew_check(const struct nl_device *d, const char *server,
		const struct export *e, struct err *err)
{
	if (e->minimum <= d->block_size && e->maximum >= d->payload_max)
		return 0;
	return err_set(err, ST_REFUSED,
		       "%s: the server's block sizes are not those that nbd%u was attached with; detach and attach it",
		       server, d->index);
}

/**
 * renew_check_flags - does the export still have the flags that the device was given?
 * @d: the device
 * @server: name of the server for messages
 * @e: what it offers
 * @err: filled on failure
 *
 * A newer server may have more: the device does without them. But it was not made to
 * flush, or to be read-only, if it was attached without that. Whether the server's disk
 * turns is a hint.
 *
 * Return: 0, or -1 with @err set.
 */
int renew_check_flags(const struct nl_device *d, const char *server,
		      const struct export *e, struct err *err)
{
	/* The device may be read-only where the export is not. */
	u64 flags = e->flags | (d->server_flags & NBD_FLAG_READ_ONLY);
	u64 lost = d->server_flags & ~flags & ~(u64)NBD_FLAG_ROTATIONAL;
	u64 gained = flags & ~d->server_flags & NBD_FLAG_READ_ONLY;

	if (!(d->server_flags & NBD_FLAG_READ_ONLY))
		gained |= flags & ~d->server_flags & NBD_FLAG_SEND_FLUSH;
	if (!lost && !gained)
		return 0;
	return err_set(err, ST_REFUSED,
		       "%s: the export's flags are not those that nbd%u was attached with (%#llx, not %#llx)",
		       server, d->index, flags, d->server_flags);
}

/**
 * renew_hand_over - give the device the connections
 * @nl: the netlink socket
 * @s: the session; its sockets are the kernel's afterwards
 * @d: the device as it is
 * @change: what else changes; its sockets are filled in here
 * @what: what cannot be done if that fails
 * @err: filled on failure
 *
 * If live connections are replaced the server flushes before, so that it takes less
 * time while requests wait. Signals that end the program are held on return.
 *
 * Return: 0, or -1 with @err set; then nothing has changed, unless the answer was lost.
 */
int renew_hand_over(struct nl *nl, struct session *s, const struct nl_device *d,
		    struct nl_change *change, const char *what, struct err *err)
{
	int fds[SESSION_MAX_LINKS];
	struct nl_answer answer;
	unsigned int i;
	int error = 0;

	signals_hold();
	if (change->flags & NBD_CHANGE_REPLACE && nl_live(d))
		error = device_sync(change->index);
	if (error)
		return err_set(err, ST_FAILED, "%s: the server does not flush: %s",
			       what, strerror(-error));
	for (i = 0; i < s->n; i++)
		fds[i] = s->links[i].fd;
	change->fds = fds;
	change->nr_fds = s->n;
	nl_change(nl, change, &answer);
	change->fds = NULL;
	if (!answer.error || answer.unknown)
		session_hand_over(s);
	return answer.error ? nl_error(&answer, what, err) : 0;
}
