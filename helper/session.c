// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/nbd.h>

#include "session.h"
#include "wire.h"

#define RETRY_MS	5	/* while the server's backlog is full */

/*
 * Connections that wait for a greeting at one time. nbd-server listens with a
 * backlog of 10, and TCP takes a second to try again what finds it full.
 */
#define WINDOW		10

/*
 * How long connections that turn out to be needless may finish what they have
 * begun. Servers expect a client to say goodbye; some abort when it hangs up
 * during the greeting.
 */
#define GRACE_MS	250

static void link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static void link_fail(struct link *link, const struct err *err)
{
	link->err = *err;
	link->state = LINK_FAILED;
	link_close(link);
}

static int cannot_connect(struct err *err, const char *server, int error)
{
	/* No server is to blame for our own limit, nor will it be another one later. */
	return err_set(err, error == EMFILE ? ST_FAILED : ST_UNREACHABLE,
		       "cannot connect to %s: %s", server, strerror(error));
}

static void link_started(struct session *s, struct link *link, int error)
{
	struct err err;

	if (!error) {
		link->state = LINK_TALKING;
		transport_tune(link->fd);
	} else if (error == EINPROGRESS) {
		link->state = LINK_CONNECTING;
	} else if (error == EAGAIN) {
		link->state = LINK_WAITING;
	} else {
		cannot_connect(&err, s->server, error);
		link_fail(link, &err);
	}
}

static void link_start(struct session *s, struct link *link)
{
	link_started(s, link, transport_start(&s->address, &link->fd));
}

static void link_progress(struct link *link)
{
	if (link->neg.phase == NEG_FAILED)
		link_fail(link, &link->neg.err);
	else if (!neg_busy(&link->neg))
		link->state = LINK_DONE;
}

/* Whether the server was called and has not greeted. */
static bool is_ungreeted(const struct link *link)
{
	return link->state == LINK_CONNECTING ||
	       (link->state == LINK_TALKING && link->neg.phase <= NEG_FLAGS);
}

/* The connection ended: the server closed it, or, with an errno, it broke. */
static void link_ended(struct link *link, int error)
{
	link->cut = is_ungreeted(link);
	if (error)
		neg_fail(&link->neg, ST_UNREACHABLE, "connection lost: %s",
			 strerror(error));
	else
		neg_eof(&link->neg);
}

static void link_write(struct link *link)
{
	const void *data;
	ssize_t done;
	size_t len;

	data = neg_output(&link->neg, &len);
	if (!len)
		return;
	done = send(link->fd, data, len, MSG_NOSIGNAL);
	if (done >= 0)
		neg_sent(&link->neg, (size_t)done);
	else if (errno != EAGAIN && errno != EINTR)
		link_ended(link, errno);
}

/* Take one item or a part of it; false when there is no more for now. */
static bool link_read(struct link *link)
{
	unsigned char data[4096];
	size_t want = neg_want(&link->neg);
	ssize_t got;

	if (!want)
		return false;
	got = recv(link->fd, data, want < sizeof(data) ? want : sizeof(data),
		   0);
	if (got > 0)
		neg_feed(&link->neg, data, (size_t)got);
	else if (!got)
		link_ended(link, 0);
	else if (errno != EAGAIN && errno != EINTR)
		link_ended(link, errno);
	return got > 0;
}

static void link_talk(struct link *link)
{
	do
		link_write(link);
	while (link_read(link));
	link_progress(link);
}

static void link_event(struct session *s, struct link *link, short events)
{
	if (link->state == LINK_CONNECTING && events)
		link_started(s, link, transport_result(link->fd));
	if (link->state == LINK_TALKING)
		link_talk(link);
}

static bool link_pending(const struct link *link)
{
	return link->state < LINK_DONE;
}

static void link_poll(const struct link *link, struct pollfd *p, int *timeout)
{
	size_t len = 0;

	p->fd = -1;
	p->events = 0;
	p->revents = 0;
	if (link->state == LINK_WAITING && *timeout > RETRY_MS)
		*timeout = RETRY_MS;
	if (!link_pending(link))
		return;
	p->fd = link->fd;
	if (link->state == LINK_TALKING)
		neg_output(&link->neg, &len);
	p->events = link->state == LINK_CONNECTING || len ? POLLOUT : POLLIN;
}

static unsigned int count_ungreeted(const struct session *s)
{
	unsigned int i, count = 0;

	for (i = 0; i < s->n; i++)
		count += is_ungreeted(&s->links[i]);
	return count;
}

static void start_waiting(struct session *s, unsigned int n)
{
	unsigned int i, room = WINDOW - count_ungreeted(s);

	for (i = 0; i < n && room; i++) {
		if (s->links[i].state != LINK_WAITING)
			continue;
		link_start(s, &s->links[i]);
		room--;
	}
}

/* More sockets than there may be descriptors, most likely. */
static void cannot_wait(struct session *s, int error)
{
	unsigned int i;
	struct err err;

	err_set(&err, ST_FAILED,
		"cannot wait for %u connections to %s: %s; there may be too few open files, see ulimit -n",
		s->n, s->server, strerror(error));
	for (i = 0; i < s->n; i++)
		if (link_pending(&s->links[i]))
			link_fail(&s->links[i], &err);
}

/* Wait for the first @n links once and serve them. */
static void serve(struct session *s, unsigned int n, s64 deadline)
{
	s64 left = deadline_left(deadline);
	int timeout = left > 60000 ? 60000 : (int)left;
	struct pollfd p[SESSION_MAX_LINKS];
	unsigned int i;

	for (i = 0; i < n; i++)
		link_poll(&s->links[i], &p[i], &timeout);
	if (poll(p, n, timeout) < 0) {
		if (errno != EINTR)
			cannot_wait(s, errno);
		return;
	}
	for (i = 0; i < n; i++)
		if (p[i].revents)
			link_event(s, &s->links[i], p[i].revents);
}

static void link_expire(struct session *s, struct link *link)
{
	struct err err;

	if (link->state == LINK_TALKING)
		err_set(&err, ST_UNREACHABLE, "%s: timed out waiting for %s",
			s->server, neg_waiting_for(&link->neg));
	else
		cannot_connect(&err, s->server, ETIMEDOUT);
	link_fail(link, &err);
}

/* The time is over: whoever is not done has failed. */
static void expire(struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (link_pending(&s->links[i]))
			link_expire(s, &s->links[i]);
}

/* Whether what one link learned makes the others needless. */
static bool enough(const struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		const struct link *link = &s->links[i];

		if (link->state != LINK_DONE)
			continue;
		if (link->neg.phase != NEG_TRANSMISSION)
			return true;
		if (s->sole_is_enough && !export_shareable(&link->neg.export))
			return true;
	}
	return false;
}

static unsigned int count(const struct session *s, enum link_state from,
			  enum link_state to)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->links[i].state >= from && s->links[i].state <= to;
	return n;
}

/* Let what has begun end by itself, and begin nothing more. */
static void finish_begun(struct session *s)
{
	s64 until = deadline_in(GRACE_MS);

	if (until > s->deadline)
		until = s->deadline;
	while (count(s, LINK_CONNECTING, LINK_TALKING) && deadline_left(until))
		serve(s, s->n, until);
}

/**
 * session_run - go on until every connection's operation has ended
 * @s: the session
 *
 * Ends early when one connection was refused, or has learned that the export
 * may not be shared and @s->sole_is_enough is set; the others may finish what
 * they have begun for a moment.
 *
 * Return: the number of connections whose operation ended without failure;
 * a refusal by the server is no failure.
 */
int session_run(struct session *s)
{
	while (count(s, 0, LINK_DONE - 1) && !enough(s)) {
		if (!deadline_left(s->deadline)) {
			expire(s);
			break;
		}
		start_waiting(s, s->n);
		serve(s, s->n, s->deadline);
	}
	if (enough(s))
		finish_begun(s);
	return (int)count(s, LINK_DONE, LINK_DONE);
}

/* Forget what was heard at another address. */
static void link_reset(struct session *s, struct link *link)
{
	struct neg_request request = link->neg.request;

	link->cut = false;
	neg_release(&link->neg);
	neg_init(&link->neg, s->server, &request);
}

static bool is_awaited(const struct link *link, bool greeting)
{
	return link->state < LINK_TALKING || (greeting && is_ungreeted(link));
}

/* Connect the first link to @s->address and, if asked to, wait for the greeting. */
static void try_address(struct session *s, bool greeting, s64 until)
{
	struct link *link = &s->links[0];

	link_reset(s, link);
	link_start(s, link);
	while (is_awaited(link, greeting) && deadline_left(until)) {
		start_waiting(s, 1);
		serve(s, 1, until);
	}
	if (is_awaited(link, greeting))
		link_expire(s, link);
}

/* Nobody has said at this address what he thinks of it. */
static bool is_unheard(const struct link *link)
{
	return link->state == LINK_FAILED &&
	       (link->cut || link->neg.phase != NEG_FAILED);
}

/*
 * Connect the first link to the first address whose server greets. Somebody may accept
 * connections for a server that has stopped or is not there; the next address is tried
 * then. A single one need not greet here: it has all of the time.
 */
static int connect_first(struct session *s, const struct addresses *list,
			 struct err *err)
{
	struct link *link = &s->links[0];
	struct err first;
	size_t i;

	for (i = 0; i < list->n; i++) {
		s64 share = deadline_left(s->deadline) /
				(s64)(list->n - i);

		s->address = list->a[i];
		try_address(s, list->n > 1, deadline_in(share));
		if (!is_unheard(link))
			break;
		if (!i)
			first = link->err;
	}
	if (link->state != LINK_FAILED)
		return 0;
	*err = i == list->n ? first : link->err;
	return -1;
}

/**
 * session_open - connect to a server several times and begin the handshakes
 * @s: the session; session_close() it, also after a failure
 * @uri: the server
 * @peer: the address to try first if the server has it, as transport_peer() says
 *	it; or NULL
 * @n: how many connections, at most SESSION_MAX_LINKS
 * @deadline: when all must be done
 * @request: what each does after the greeting
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set when no connection came about.
 */
int session_open(struct session *s, const struct uri *uri, const char *peer,
		 unsigned int n, s64 deadline,
		 const struct neg_request *request, struct err *err)
{
	struct addresses list;
	unsigned int i;

	memset(s, 0, sizeof(*s));
	uri_server(uri, s->server, sizeof(s->server));
	s->deadline = deadline;
	if (transport_resolve(uri, deadline, &list, err))
		return -1;
	if (peer)
		transport_prefer(&list, peer);
	s->links = calloc(n, sizeof(*s->links));
	if (!s->links)
		return err_set(err, ST_FAILED, "out of memory");
	s->n = n;
	for (i = 0; i < n; i++) {
		s->links[i].fd = -1;
		neg_init(&s->links[i].neg, s->server, request);
	}
	return connect_first(s, &list, err);
}

/**
 * session_ask - one more operation on the first connection
 * @s: the session, whose first connection is in NEG_READY
 * @request: the operation
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set. A refusal by the server is no failure: it is
 * in the handshake's refusal and err.
 */
int session_ask(struct session *s, const struct neg_request *request,
		struct err *err)
{
	struct link *link = &s->links[0];

	link->state = LINK_TALKING;
	neg_request(&link->neg, request);
	if (session_run(s))
		return 0;
	*err = link->err;
	return -1;
}

/**
 * session_drop - end one connection politely
 * @link: the connection
 *
 * The server hears NBD_CMD_DISC, or NBD_OPT_ABORT while it still negotiates.
 */
void session_drop(struct link *link)
{
	static const struct neg_request abort = { .op = NEG_ABORT };
	struct nbd_request disc = {
		.magic = htobe32(NBD_REQUEST_MAGIC),
		.type = htobe32(NBD_CMD_DISC),
	};
	const void *data;
	size_t len;

	if (link->fd >= 0 && link->neg.phase == NEG_TRANSMISSION) {
		transport_send_all(link->fd, &disc, sizeof(disc));
	} else if (link->fd >= 0 && link->neg.phase == NEG_READY) {
		neg_request(&link->neg, &abort);
		data = neg_output(&link->neg, &len);
		transport_send_all(link->fd, data, len);
	}
	link_close(link);
}

/**
 * session_hand_over - close the sockets without a word to the server
 * @s: the session
 *
 * The kernel has its own hold on them and goes on.
 */
void session_hand_over(struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		link_close(&s->links[i]);
}

/**
 * session_close - end all connections and free the session
 * @s: the session
 */
void session_close(struct session *s)
{
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		session_drop(&s->links[i]);
		neg_release(&s->links[i].neg);
	}
	free(s->links);
	s->links = NULL;
	s->n = 0;
}
