// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that was stopped, or whose host or network has gone without a word, has
 * live connections until a request has waited for its timeout. Whoever cannot wait
 * that long has to ask it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

/* Whether a table of the kernel's has a connection to there. */
static bool table_has(const char *path, const char *where)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char line[512], remote[64];

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*s %63s", remote) == 1 &&
			!strcmp(remote, where);
	fclose(file);
	return found;
}

/*
 * Whether the device's connections begin in this network namespace; in another one the
 * same address is that of somebody else, or of nobody.
 */
static bool is_from_here(const struct address *address)
{
	const struct sockaddr_in6 *in6 = (const void *)&address->sa;
	const struct sockaddr_in *in = (const void *)&address->sa;
	const u32 *words = in6->sin6_addr.s6_addr32;
	char where[64];

	switch (address->sa.ss_family) {
	case AF_INET:
		snprintf(where, sizeof(where), "%08X:%04X", in->sin_addr.s_addr,
			 ntohs(in->sin_port));
		return table_has("/proc/self/net/tcp", where);
	case AF_INET6:
		snprintf(where, sizeof(where), "%08X%08X%08X%08X:%04X",
			 words[0], words[1], words[2], words[3],
			 ntohs(in6->sin6_port));
		return table_has("/proc/self/net/tcp6", where);
	default:
		return true;
	}
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

/*
 * A host that refuses is there, and so is a server that hangs up. A network that has
 * gone may have taken the routes along.
 */
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
static bool greets(const struct address *address, unsigned int seconds)
{
	s64 deadline = deadline_in((s64)seconds * 1000);
	int fd, error;
	bool yes;

	error = transport_start(address, &fd);
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

/* Without a URI there is no connection that could be: who looks again sees what came. */
static bool is_silent(const struct nl_device *d, const struct uri *uri,
		      unsigned int seconds)
{
	struct addresses list;
	struct err err;

	if (!uri) {
		device_read(d->index, d->block_size, seconds);
		return false;
	}
	/* It has no name, so nobody has to be waited for. */
	if (transport_resolve(uri, 0, &list, &err) ||
	    !is_from_here(&list.a[0]))
		return false;
	return device_read(d->index, d->block_size, seconds) == -ETIMEDOUT &&
	       !greets(&list.a[0], seconds);
}

/**
 * stalled_ask - ask the servers of devices whether they are there
 * @list: the devices; filled
 * @n: how many
 * @seconds: how long a server may take for a read, and then for a greeting
 *
 * All are asked at the same time. Who does either is not silent: one server may be
 * busy for long, another takes a single client. Nor is one that there are no resources
 * to ask, or whose address is not known for certain, nor one whose connections begin in
 * another network namespace, nor a device without a live connection. Of those one that
 * waits for a connection from a monitor has as long as a read may take to get it.
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
			_exit(is_silent(list[i].d, peer ? &uri : NULL, seconds));
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
	return a->serial == b->serial && a->pid == b->pid && a->nr_conns == b->nr_conns &&
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
