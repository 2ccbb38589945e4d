// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets, and handing them to the driver. Nobody negotiates: both ends are here.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/nbd-netlink.h>

#include "../../helper/nl.h"
#include "replies.h"

#define BACKEND		"mutated-replies"
#define SERVER_FLAGS	(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | \
			 NBD_FLAG_SEND_FUA | NBD_FLAG_SEND_TRIM | \
			 NBD_FLAG_SEND_WRITE_ZEROES | NBD_FLAG_CAN_MULTI_CONN)
/* One of so many new connections has a reply in it already. */
#define EARLY		16u
/* Long enough for a test: requests wait for the next connection. */
#define DEAD_SECONDS	3600u
/* The server carries nothing out on a connection that it has broken. */
#define FENCE_MS	4u

static struct nl nl;
static unsigned int device;
static unsigned int percent;
static u64 state;
static int listener = -1;
static struct sockaddr_in address;

static void open_listener(void)
{
	socklen_t len = sizeof(address);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (const struct sockaddr *)&address, len) ||
	    listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &len))
		fail("cannot listen: %s", strerror(errno));
}

static void tcp_pair(int pair[2])
{
	int on = 1;

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair[0] < 0 || connect(pair[0], (const struct sockaddr *)&address,
				   sizeof(address)))
		fail("cannot connect: %s", strerror(errno));
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair[1] < 0)
		fail("cannot accept: %s", strerror(errno));
	setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(pair[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* A new connection: returns the driver's end. */
static int connect_peer(struct peer *peer, bool may_be_early)
{
	int pair[2];

	if (below(&state, 100) < percent)
		tcp_pair(pair);
	else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		fail("socketpair: %s", strerror(errno));
	peer->fd = pair[1];
	peer->state = PEER_OPEN;
	peer->counted = false;
	peer->nr = 0;
	peer->nr_old = 0;
	peer->rest_len = 0;
	peer->in_len = 0;
	if (may_be_early && !below(&state, EARLY))
		server_early(peer);
	return pair[0];
}

static void close_all(const int *fds, unsigned int count)
{
	while (count--)
		close(fds[count]);
}

static void need_family(struct nl *socket)
{
	struct err err;

	if (nl_open(socket, &err) || nl_need(socket, false, &err))
		fail("%s", err.text);
}

static void check_answer(const struct nl_answer *answer, const char *what)
{
	if (answer->error)
		fail("%s: %s (%s)", what, strerror(answer->error), answer->text);
}

/**
 * link_attach - CONNECT
 * @conns: connections
 * @tcp_percent: how many of a hundred are TCP; the others are UNIX
 *
 * A request never times out: one that gets lost hangs, and is noticed.
 */
void link_attach(unsigned int conns, unsigned int tcp_percent)
{
	int fds[MAX_CONNS];
	struct nl_attach attach = {
		.fds = fds,
		.nr_fds = conns,
		.size = DISK_BYTES,
		.block_size = 512,
		.dead_timeout = DEAD_SECONDS,
		.server_flags = SERVER_FLAGS,
		.backend = BACKEND,
		.queue_depth = DEPTH,
		.preferred = 4096,
		.payload_max = 32u << 20,
		.fence = FENCE_MS,
		.attach_flags = NBD_ATTACH_NO_PARTSCAN,
	};
	struct nl_answer answer;
	unsigned int i;

	if (listener < 0) {
		need_family(&nl);
		open_listener();
		state = server_seed ^ 0x9747b28c;
	}
	percent = tcp_percent;
	nr_peers = conns;
	for (i = 0; i < conns; i++) {
		fds[i] = connect_peer(&peers[i], false);
		server_watch(&peers[i]);
	}
	nl_attach(&nl, &attach, &answer);
	close_all(fds, conns);
	check_answer(&answer, "CONNECT");
	device = answer.index;
}

static bool enough_gone(void)
{
	unsigned int gone = 0, open = 0, i;

	for (i = 0; i < nr_peers; i++) {
		gone += peers[i].fd < 0;
		open += peers[i].fd >= 0 && peers[i].state == PEER_OPEN;
	}
	return gone && (!open || gone >= nr_peers / 2 || !mutate);
}

/**
 * link_refill - RECONFIGURE, once it is worth it
 */
void link_refill(void)
{
	int fds[MAX_CONNS];
	struct nl_change change = {
		.index = device,
		.fds = fds,
		.size = DISK_BYTES,
		.server_flags = SERVER_FLAGS,
		.backend = BACKEND,
	};
	struct nl_answer answer;
	unsigned int i;

	if (!enough_gone())
		return;
	for (i = 0; i < nr_peers; i++) {
		if (peers[i].fd >= 0)
			continue;
		fds[change.nr_fds++] = connect_peer(&peers[i], mutate);
		server_watch(&peers[i]);
	}
	nl_change(&nl, &change, &answer);
	close_all(fds, change.nr_fds);
	check_answer(&answer, "RECONFIGURE");
}

/**
 * link_detach - DISCONNECT, and the end of all connections
 */
void link_detach(void)
{
	struct nl_answer answer;
	unsigned int i;

	leaving = true;
	nl_detach(&nl, device, 0, 0, &answer);
	check_answer(&answer, "DISCONNECT");
	for (i = 0; i < nr_peers; i++) {
		if (peers[i].fd >= 0)
			close(peers[i].fd);
		peers[i].fd = -1;
	}
	nr_peers = 0;
	leaving = false;
}

/**
 * link_give_up - let requests fail that a process waits for before it ends
 */
void link_give_up(void)
{
	struct nl_answer answer;
	struct nl again;
	struct err err;

	if (nr_peers && !nl_open(&again, &err))
		nl_detach(&again, device, 0, 0, &answer);
}

/**
 * link_index - the device's number
 */
unsigned int link_index(void)
{
	return device;
}
