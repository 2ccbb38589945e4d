// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server: receives requests on all connections, carries them out, and answers
 * them in any order, rightly or not. One thread does all of it: nothing that the
 * driver has not done can happen between a look at a request and its answer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../helper/wire.h"
#include "replies.h"

/* A request that was sent so often gets its answer before the driver gives it up. */
#define TRIES_ENOUGH	5u
/* How long the server looks for events when it has nothing to do. */
#define IDLE_MS		200

struct peer peers[MAX_CONNS];
unsigned int nr_peers;
u64 sent[NR_KINDS], ended[NR_KINDS];
bool mutate, leaving;
u64 server_seed;
u64 patience;

static u64 state;		/* of the choices */
static int events = -1;
/* What is to be sent to a peer, and the mutated replies in it. */
static u8 out[DEPTH * 2 * MESSAGE_BYTES];
static size_t out_len;
static unsigned int out_kinds[NR_KINDS];

/* --- sending --------------------------------------------------------- */

/**
 * put - add bytes to what is to be sent
 * @data: the bytes
 * @len: how many
 */
void put(const void *data, size_t len)
{
	if (len > sizeof(out) - out_len)
		fail("a reply is too long");
	memcpy(out + out_len, data, len);
	out_len += len;
}

/**
 * put_reply - add a header
 * @magic: right or not
 * @error: on the wire
 * @cookie: as it came
 */
void put_reply(u32 magic, u32 error, u64 cookie)
{
	struct nbd_reply reply;

	put_u32(&reply.magic, magic);
	put_u32(&reply.error, error);
	put_u64(&reply.cookie, cookie);
	put(&reply, sizeof(reply));
}

/**
 * put_data - add what follows a header without error
 * @request: what was asked for
 */
void put_data(const struct request *request)
{
	if (request->type == NBD_CMD_READ)
		put(disk + request->from, request->len);
}

static void count_sent(struct peer *peer)
{
	int k;

	for (k = 0; k < NR_KINDS; k++)
		sent[k] += out_kinds[k];
	if (peer->state != PEER_OPEN)
		peer->counted = true;
}

/* A connection that is not broken takes everything; it blocks for that long. */
static void flush(struct peer *peer)
{
	ssize_t n = 0;
	size_t done = 0;

	while (done < out_len) {
		n = send(peer->fd, out + done, out_len - done, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		done += n;
	}
	if (done == out_len)
		count_sent(peer);
	else if (peer->state != PEER_BROKEN && !leaving)
		fail("a connection took no reply: %s", strerror(errno));
	out_len = 0;
	memset(out_kinds, 0, sizeof(out_kinds));
}

/**
 * put_later - keep the end back for a while
 * @peer: to whom
 * @len: how many bytes
 */
void put_later(struct peer *peer, size_t len)
{
	out_len -= len;
	memcpy(peer->rest, out + out_len, len);
	peer->rest_len = len;
	peer->rest_delay = below(&state, 3);
}

/* --- answering ------------------------------------------------------- */

static struct lane *lane_of(const struct request *r)
{
	return &lanes[r->type == NBD_CMD_FLUSH ? FLUSH_LANE :
						 r->from / AREA_BYTES];
}

static struct request take(struct peer *peer, unsigned int which)
{
	struct request r = peer->pending[which];

	peer->pending[which] = peer->pending[--peer->nr];
	peer->old[peer->nr_old++ % OLD_COOKIES] = r.cookie;
	return r;
}

static void answer_right(const struct request *r)
{
	put_reply(NBD_REPLY_MAGIC, 0, r->cookie);
	put_data(r);
}

static void mutated(struct peer *peer, const struct request *r, bool breaks)
{
	enum kind kind = kind_choose(peer, r, breaks);
	bool refuses = kind == KIND_ERROR || kind == KIND_ERROR_DATA;

	if (refuses)
		atomic_fetch_add(&lane_of(r)->refused, 1);
	if (kind == KIND_ERROR)
		atomic_fetch_add(&lane_of(r)->failed, 1);
	kind_put(peer, r, kind);
	out_kinds[kind]++;
	if (kind == KIND_ERROR || kind == KIND_SPLIT)
		return;
	peer->kind = kind;
	peer->since = now_ms();
	peer->state = kind == KIND_SHUTDOWN ? PEER_DRAINING : PEER_BROKEN;
}

/* The request that has lost most connections is answered first, and rightly. */
static bool poisoned(const struct peer *peer, unsigned int *which)
{
	unsigned int i;

	for (i = 0; i < peer->nr; i++) {
		if (atomic_load(&lane_of(&peer->pending[i])->seen) >=
		    TRIES_ENOUGH) {
			*which = i;
			return true;
		}
	}
	return false;
}

static void answer_one(struct peer *peer)
{
	unsigned int which = below(&state, peer->nr);
	bool spare = poisoned(peer, &which) || !mutate ||
		     peer->state != PEER_OPEN;
	struct request r = take(peer, which);

	if (spare) {
		answer_right(&r);
	} else if (!peer->left) {
		mutated(peer, &r, true);
	} else {
		peer->left--;
		if (below(&state, 2))
			answer_right(&r);
		else
			mutated(peer, &r, false);
	}
}

static bool cuts(enum kind kind)
{
	return kind == KIND_CUT_HEADER || kind == KIND_CUT_DATA;
}

static void send_rest(struct peer *peer)
{
	if (peer->rest_delay) {
		peer->rest_delay--;
		return;
	}
	put(peer->rest, peer->rest_len);
	out_kinds[KIND_SPLIT]++;
	peer->rest_len = 0;
	flush(peer);
}

/**
 * server_early - answer before there is a request
 * @peer: a connection that the driver does not have yet
 */
void server_early(struct peer *peer)
{
	kind_put_early();
	out_kinds[KIND_EARLY]++;
	peer->kind = KIND_EARLY;
	peer->since = now_ms();
	peer->state = PEER_BROKEN;
	flush(peer);
}

/* Some of the requests, not always all: others are in flight meanwhile. */
static void answer(struct peer *peer)
{
	unsigned int count;

	if (peer->state == PEER_BROKEN)
		return;
	if (peer->rest_len) {
		send_rest(peer);
		return;
	}
	if (!peer->nr)
		return;
	count = 1 + below(&state, peer->nr);
	while (count-- && peer->state != PEER_BROKEN && !peer->rest_len)
		answer_one(peer);
	if (peer->rest_len)
		out_kinds[KIND_SPLIT] = 0;
	flush(peer);
	if (peer->state == PEER_BROKEN && cuts(peer->kind))
		shutdown(peer->fd, SHUT_WR);
}

/* --- receiving ------------------------------------------------------- */

static void gone(struct peer *peer)
{
	if (peer->state == PEER_OPEN && !leaving)
		fail("the driver closed a connection without a cause");
	if (peer->counted)
		ended[peer->kind]++;
	close(peer->fd);
	peer->fd = -1;
}

static void execute(const struct request *r, const void *payload)
{
	switch (r->type) {
	case NBD_CMD_WRITE:
		memcpy(disk + r->from, payload, r->len);
		break;
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		memset(disk + r->from, 0, r->len);
		break;
	}
}

static void check_request(const struct peer *peer, const struct request *r)
{
	if (r->from > DISK_BYTES || r->len > DISK_BYTES - r->from)
		fail("a request beyond the end");
	if (r->type == NBD_CMD_READ && r->len > AREA_BYTES)
		fail("a read of %u bytes", r->len);
	if (peer->nr == DEPTH)
		fail("more requests on a connection than its depth");
}

/* What a broken connection still brings was sent, but is not carried out any more. */
static void received(struct peer *peer, const struct request *r,
		     const void *payload)
{
	if (r->type == NBD_CMD_DISC) {
		if (peer->state == PEER_OPEN && !leaving)
			fail("the driver says goodbye without a cause");
		return;
	}
	check_request(peer, r);
	atomic_fetch_add(&lane_of(r)->seen, 1);
	if (peer->state == PEER_BROKEN)
		return;
	execute(r, payload);
	peer->pending[peer->nr++] = *r;
}

/* One request; how many bytes it has, 0 if they are not there yet. */
static size_t parse(struct peer *peer, const u8 *data, size_t len)
{
	const struct nbd_request *wire = (const void *)data;
	size_t whole = sizeof(*wire);
	struct request r;

	if (len < whole)
		return 0;
	if (get_u32(&wire->magic) != NBD_REQUEST_MAGIC)
		fail("the driver sent something that is no request");
	r.type = get_u32(&wire->type);
	r.cookie = get_u64(&wire->cookie);
	r.from = get_u64(&wire->from);
	r.len = get_u32(&wire->len);
	if (r.type == NBD_CMD_WRITE) {
		if (r.len > AREA_BYTES)
			fail("a write of %u bytes", r.len);
		whole += r.len;
	}
	if (len < whole)
		return 0;
	received(peer, &r, data + sizeof(*wire));
	return whole;
}

static void receive(struct peer *peer)
{
	ssize_t n = recv(peer->fd, peer->in + peer->in_len,
			 sizeof(peer->in) - peer->in_len, MSG_DONTWAIT);
	size_t used, done = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		gone(peer);
		return;
	}
	peer->in_len += n;
	while ((used = parse(peer, peer->in + done, peer->in_len - done)))
		done += used;
	peer->in_len -= done;
	memmove(peer->in, peer->in + done, peer->in_len);
}

/* --- all of it ------------------------------------------------------- */

/**
 * server_watch - begin to serve a connection
 * @peer: with its socket
 */
void server_watch(struct peer *peer)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };

	if (events < 0) {
		events = epoll_create1(EPOLL_CLOEXEC);
		state = server_seed;
	}
	peer->left = below(&state, 2) ? below(&state, 6) : 0;
	if (epoll_ctl(events, EPOLL_CTL_ADD, peer->fd, &event))
		fail("epoll_ctl: %s", strerror(errno));
}

static bool to_do(void)
{
	unsigned int i;

	for (i = 0; i < nr_peers; i++) {
		const struct peer *peer = &peers[i];

		if (peer->fd >= 0 && peer->state != PEER_BROKEN &&
		    (peer->nr || peer->rest_len))
			return true;
	}
	return false;
}

static void check_broken(void)
{
	u64 now = now_ms();
	unsigned int i;

	for (i = 0; i < nr_peers; i++) {
		const struct peer *peer = &peers[i];

		if (peer->fd >= 0 && peer->state != PEER_OPEN &&
		    now - peer->since > patience)
			fail("the driver has not closed a connection: %s",
			     kind_name(peer->kind));
	}
}

/**
 * server_round - receive what there is, answer some of it
 */
void server_round(void)
{
	struct epoll_event event[MAX_CONNS];
	int n = epoll_wait(events, event, MAX_CONNS, to_do() ? 0 : IDLE_MS);
	unsigned int i;

	while (n-- > 0)
		receive(event[n].data.ptr);
	for (i = 0; i < nr_peers; i++) {
		if (peers[i].fd >= 0)
			answer(&peers[i]);
	}
	check_broken();
}

/**
 * server_quiet - is every connection open and without blame?
 */
bool server_quiet(void)
{
	unsigned int i;

	for (i = 0; i < nr_peers; i++) {
		if (peers[i].fd < 0 || peers[i].state != PEER_OPEN ||
		    peers[i].rest_len)
			return false;
	}
	return true;
}
