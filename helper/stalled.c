// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that was stopped, or whose host or network has gone without a word, has
 * live connections until a request has waited for its timeout. Whoever cannot wait
 * that long has to ask it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/nbd-netlink.h>

#include "device.h"
#include "stalled.h"
#include "transport.h"

#define LINK_LOCAL	"[fe80:"	/* the kernel does not say on which link */

static bool unix_peer(struct uri *uri, const char *path)
{
	uri->transport = URI_UNIX;
	uri->socket_len = strlen(path);
	if ((path[0] != '/' && path[0] != '@') ||
	    uri->socket_len > URI_MAX_SOCKET)
		return false;
	memcpy(uri->socket, path, uri->socket_len + 1);
	if (path[0] == '@')
		uri->socket[0] = 0;
	return true;
}

/* False if that is not certain. */
static bool peer_uri(const char *peer, struct uri *uri)
{
	char text[300];
	struct err err;

	memset(uri, 0, sizeof(*uri));
	if (!strncmp(peer, "unix:", 5))
		return unix_peer(uri, peer + 5);
	if (sscanf(peer, "vsock:%u:%u", &uri->cid, &uri->port) == 2) {
		uri->transport = URI_VSOCK;
		return true;
	}
	if (!strchr(peer, ':') || !strncmp(peer, LINK_LOCAL, strlen(LINK_LOCAL)))
		return false;
	snprintf(text, sizeof(text), "nbd://%s/", peer);
	return !uri_parse(uri, text, &err);
}

/* Where all live connections go, which need not be where attach was told; or NULL. */
static const char *only_peer(const struct nl_device *d)
{
	const char *peer = nl_live_peer(d);
	size_t i;

	for (i = 0; i < d->nr_conns; i++)
		if (d->conns[i].state == NBD_CONN_LIVE &&
		    strcmp(peer, d->conns[i].peer))
			return NULL;
	return peer;
}

static bool wait_for(int fd, short events, s64 deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	int ret;

	do
		ret = poll(&p, 1, (int)deadline_left(deadline));
	while (ret < 0 && errno == EINTR);
	return ret > 0;
}

/* A host that refuses is there, and so is a server that hangs up. */
static bool is_silence(int error)
{
	return error == ETIMEDOUT || error == EHOSTUNREACH ||
	       error == ENETUNREACH || error == EAGAIN;
}

static bool says_something(int fd, int error, s64 deadline)
{
	if (error == EINPROGRESS)
		error = wait_for(fd, POLLOUT, deadline) ?
			transport_result(fd) : ETIMEDOUT;
	return error ? !is_silence(error) : wait_for(fd, POLLIN, deadline);
}

/* NBD: "Handshake": the server speaks first. */
static bool greets(const struct uri *uri, unsigned int seconds)
{
	s64 deadline = deadline_in((s64)seconds * 1000);
	struct addresses list;
	struct err err;
	int fd, error;
	bool yes;

	if (transport_resolve(uri, deadline, &list, &err))
		return true;
	error = transport_start(&list.a[0], &fd);
	yes = says_something(fd, error, deadline);
	if (fd >= 0)
		close(fd);
	return yes;
}

/* A monitor gives it connections, and what is dirty can be written yet. */
static bool is_awaited(const struct nl_device *d)
{
	return d->state == NBD_STATE_PARKED &&
	       d->attach_flags & NBD_ATTACH_PERSIST;
}

/* There is no connection that could be silent: whoever looks again sees what came. */
static bool await(const struct nl_device *d, unsigned int seconds)
{
	device_read(d->index, d->block_size, seconds);
	return false;
}

static bool is_silent(const struct nl_device *d, const struct uri *uri,
		      unsigned int seconds)
{
	return device_read(d->index, d->block_size, seconds) == -ETIMEDOUT &&
	       !greets(uri, seconds);
}

/**
 * stalled_ask - ask the servers of devices whether they are there
 * @list: the devices; filled
 * @n: how many
 * @seconds: how long a server may take for a read, and then for a greeting
 *
 * All are asked at the same time. Who does either is not silent: one server may be
 * busy for long, another takes a single client. Nor is one that there are no resources
 * to ask, or whose address is not known for certain, nor a device without a live
 * connection. Of those one that waits for a connection from a monitor has as long as a
 * read may take to get it.
 */
void stalled_ask(struct stalled *list, size_t n, unsigned int seconds)
{
	struct uri uri;
	const char *peer;
	int status;
	size_t i;

	for (i = 0; i < n; i++) {
		peer = only_peer(list[i].d);
		list[i].silent = false;
		list[i].pid = -1;
		if (is_awaited(list[i].d) || (peer && peer_uri(peer, &uri)))
			list[i].pid = fork();
		if (!list[i].pid)
			_exit(peer ? is_silent(list[i].d, &uri, seconds) :
			      await(list[i].d, seconds));
	}
	for (i = 0; i < n; i++)
		if (list[i].pid > 0 &&
		    waitpid(list[i].pid, &status, 0) == list[i].pid)
			list[i].silent = WIFEXITED(status) &&
					 WEXITSTATUS(status) == 1;
}

static bool same_attachment(const struct nl_device *a,
			    const struct nl_device *b)
{
	return a->pid == b->pid && a->nr_conns == b->nr_conns &&
	       !strcmp(a->backend ?: "", b->backend ?: "");
}

/**
 * stalled_is - whether a device's server has stalled
 * @s: what came of asking it
 * @now: the device as it is now
 *
 * Return: true if it was silent, and nothing has come from it meanwhile: no reply to
 * another request, no new connection.
 */
bool stalled_is(const struct stalled *s, const struct nl_device *now)
{
	const struct nl_conn *then = s->d->conns, *conn = now->conns;
	size_t i;

	if (!s->silent || !same_attachment(s->d, now))
		return false;
	for (i = 0; i < now->nr_conns; i++)
		if (conn[i].generation != then[i].generation ||
		    conn[i].requests != then[i].requests)
			return false;
	return true;
}
