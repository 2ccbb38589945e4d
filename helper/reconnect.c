// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Giving a device new connections: in place of those that are dead, or of all, to
 * its server or to another one that has the same export.
 */
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
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
	if (renew_check_flags(d, server, e, err))
		return -1;
	return renew_check(d, server, e, err);
}

/* Nothing: that is where it was attached. */
static const char *new_place(const struct nl_device *d, const struct uri *uri,
			     char *dst, size_t size)
{
	uri_format(uri, dst, size);
	return strcmp(dst, d->backend) ? dst : "";
}

static int hand_over(struct nl *nl, struct session *s,
		     const struct nl_device *d,
		     const struct reconnect_options *want, struct err *err)
{
	struct nl_change change = {
		.index = d->index,
		.serial = d->serial,
		.size = d->size,
		.server_flags = d->server_flags,
		.backend = d->backend,
		.flags = want->replace ? NBD_CHANGE_REPLACE : 0,
	};
	char place[URI_MAX_FORMAT];
	char what[64];

	if (want->move)
		change.moved_to = new_place(d, &want->uri, place,
					    sizeof(place));
	snprintf(what, sizeof(what), "cannot reconnect nbd%u", d->index);
	return renew_hand_over(nl, s, d, &change, what, err);
}

static int choose(const struct attach_options *o, struct session *s,
		  bool replace, const struct export **export, struct err *err)
{
	/* Some connections are better than none; replacing takes them all. */
	if (replace)
		return attach_choose(o, s, export, err);
	return attach_salvage(s, export, err);
}

/* Two servers of one export need not see each other's writes. */
static int check_server(const struct nl_device *d, const struct session *s,
			struct err *err)
{
	char peer[TRANSPORT_PEER_MAX];
	size_t i;

	if (!nl_live(d))
		return 0;
	transport_peer(s->links[0].fd, peer, sizeof(peer));
	for (i = 0; i < d->nr_conns; i++)
		if (d->conns[i].state == NBD_CONN_LIVE &&
		    !strcmp(d->conns[i].peer, peer))
			return 0;
	return err_set(err, ST_REFUSED,
		       "%s: the live connections of nbd%u go to another server",
		       s->server, d->index);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The same as it is now: others may have been at it during the handshakes. */
static int check_server_now(struct nl *nl, const struct nl_device *d,
			    const struct session *s, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	char what[32];
	int ret;

	snprintf(what, sizeof(what), "nbd%u", d->index);
	nl_get(nl, d->index, &devices, &answer);
	if (answer.error)
		ret = nl_error(&answer, what, err);
	else if (!nl_is_meant(&devices.d[0], d->serial))
		ret = err_set(err, ST_NO_DEVICE, "%s was detached meanwhile",
			      what);
	else if (!same_text(devices.d[0].moved_to, d->moved_to))
		ret = err_set(err, ST_REFUSED,
			      "%s: nbd%u was moved to another server meanwhile",
			      s->server, d->index);
	else
		ret = check_server(&devices.d[0], s, err);
	nl_free_devices(&devices);
	return ret;
}

static int reconnect(struct nl *nl, const struct nl_device *d,
		     const struct attach_options *o,
		     const struct reconnect_options *want, unsigned int *live,
		     struct err *err)
{
	struct session s = { .n = 0 };
	const struct export *export;
	int ret;

	ret = renew_negotiate(o, &s, err);
	if (!ret)
		ret = choose(o, &s, want->replace, &export, err);
	if (!ret)
		ret = check_identity(d, s.server, export, err);
	if (!ret && !want->replace)
		ret = check_server_now(nl, d, &s, err);
	if (!ret)
		ret = hand_over(nl, &s, d, want, err);
	if (!ret)
		*live = want->replace ? s.n : *live + s.n;
	if (!ret && *live < d->nr_conns)
		ret = err_set(err, ST_REFUSED,
			      "%s: the server accepted only %u more connections: nbd%u has %u of %zu",
			      s.server, s.n, d->index, *live, d->nr_conns);
	session_close(&s);
	return ret;
}

/* Nothing has to be done, unless it is to be elsewhere. */
static int check_place(const struct nl_device *d,
		       const struct reconnect_options *want, struct err *err)
{
	const char *now = d->moved_to ? d->moved_to : d->backend;
	char place[URI_MAX_FORMAT];

	if (!want->move ||
	    !strcmp(uri_format(&want->uri, place, sizeof(place)), now))
		return 0;
	return err_set(err, ST_BUSY,
		       "all connections of nbd%u are live: --replace moves them",
		       d->index);
}

/**
 * reconnect_once - try once to give a device new connections
 * @nl: a netlink socket
 * @d: the device as it is
 * @want: how
 * @live: result, also after a failure: live connections, as far as is known
 * @err: filled on failure
 *
 * Several threads may do this at the same time, each with its own socket, for
 * different devices, unless they replace connections. Signals that end the program
 * are held in this thread on return, if the kernel was asked.
 *
 * Return: 0 when all its connections are live, or -1 with @err set; then nothing
 * has changed, unless the server accepted some connections and not all, or the kernel's
 * answer was lost.
 */
int reconnect_once(struct nl *nl, const struct nl_device *d,
		   const struct reconnect_options *want, unsigned int *live,
		   struct err *err)
{
	struct attach_options o = { .connect_timeout = want->connect_timeout };

	*live = nl_live(d);
	if (renew_options(d, &o, err))
		return -1;
	if (want->has_uri)
		o.uri = want->uri;
	o.peer = want->replace ? NULL : nl_live_peer(d);
	if (!want->replace && *live == d->nr_conns)
		return check_place(d, want, err);
	if (!want->replace)
		o.connections = (unsigned int)d->nr_conns - *live;
	return reconnect(nl, d, &o, want, live, err);
}

/* Somebody else may have been faster, such as the monitor. */
static bool has_come_back(struct nl *nl, const struct nl_device *d,
			  unsigned int *live)
{
	struct nl_devices devices;
	struct nl_answer answer;
	bool complete = false;

	nl_get(nl, d->index, &devices, &answer);
	if (!answer.error && nl_is_meant(&devices.d[0], d->serial)) {
		*live = nl_live(&devices.d[0]);
		complete = *live && *live == devices.d[0].nr_conns;
	}
	nl_free_devices(&devices);
	return complete;
}

static int reconnect_now(struct nl *nl, const struct nl_device *d,
			 const struct reconnect_options *want,
			 unsigned int *live, struct err *err)
{
	if (!reconnect_once(nl, d, want, live, err))
		return 0;
	if (want->replace || want->has_uri || !has_come_back(nl, d, live))
		return -1;
	err->status = ST_OK;
	return 0;
}

/**
 * reconnect_run - give a device new connections and say how many it has
 * @index: the device
 * @want: how
 * @err: filled on failure
 *
 * Return: 0 when all its connections are live, or -1 with @err set; then nothing
 * has changed, unless the server accepted some connections and not all, or the kernel's
 * answer was lost.
 */
int reconnect_run(u32 index, const struct reconnect_options *want,
		  struct err *err)
{
	struct nl_devices devices;
	unsigned int live;
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
		ret = reconnect_now(&nl, &devices.d[0], want, &live, err);
	if (!ret)
		printf("nbd%u: %u of %zu connections are live\n", index, live,
		       devices.d[0].nr_conns);
	nl_done(&nl);
out:
	nl_free_devices(&devices);
	return ret;
}
