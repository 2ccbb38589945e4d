// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a client can do for a load: a whole batch of requests in one
 * sendmsg, their replies in as few calls as possible, no block layer.
 *
 * usage: floor (--unix PATH | --port N) [--rw read|write|randread|randwrite|
 *	randrw] [--bs N] [--depth N] [--conns N] [--ios N] [--warm N]
 *
 * The depth is that of all connections together. --warm I/Os come first and do
 * not count. Prints the number of I/Os and nanoseconds for each.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/nbd.h>

#include "../../helper/handshake.h"
#include "../../helper/wire.h"

#define MAX_CONNS	16
#define MAX_DEPTH	512

/**
 * struct batch - requests that travel together, and where they stand
 * @fd: the connection
 * @n: number of requests
 * @iov: what is to be sent
 * @iovs: number of pieces
 * @unsent: bytes that are left of them
 * @want: bytes of replies that are to come
 * @got: bytes that have come
 * @request: the headers
 */
struct batch {
	int fd;
	unsigned int n;
	struct iovec *iov;
	unsigned int iovs;
	size_t unsent;
	size_t want;
	size_t got;
	struct iovec pieces[2 * MAX_DEPTH];
	struct nbd_request request[MAX_DEPTH];
};

static struct batch batches[MAX_CONNS];
static unsigned int conns = 1, depth = 1;
static u32 bs = 4096;
static u64 size, seed = 1, next_from;
static unsigned int write_percent;
static bool in_order;
static const char *path;
static unsigned int port;
static u64 ios = 1000, warm;
static u8 *out, *in;

static __printf(1, 2) void die(const char *format, ...)
{
	va_list args;

	fputs("floor: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void receive_bytes(int fd, void *data, size_t len)
{
	if (recv(fd, data, len, MSG_WAITALL) != (ssize_t)len)
		die("the server is gone");
}

/* The oldest handshake is the shortest. */
static void handshake(int fd)
{
	u8 hello[18], option[4 + NBD_OPTION_LEN], answer[NBD_EXPORT_NAME_LEN];

	receive_bytes(fd, hello, sizeof(hello));
	put_u32(option, NBD_HS_FIXED_NEWSTYLE | NBD_HS_NO_ZEROES);
	put_u64(option + 4, NBD_OPTION_MAGIC);
	put_u32(option + 12, NBD_OPT_EXPORT_NAME);
	put_u32(option + 16, 0);
	if (send(fd, option, sizeof(option), MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(option))
		die("the server is gone");
	receive_bytes(fd, answer, sizeof(answer));
	size = get_u64(answer);
}

static int connect_to(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in tcp = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr *sa = (const void *)&tcp;
	socklen_t len = sizeof(tcp);
	int fd, on = 1;

	if (path) {
		if (strlen(path) >= sizeof(un.sun_path))
			die("%s: too long for a socket", path);
		memcpy(un.sun_path, path, strlen(path));
		sa = (const void *)&un;
		len = sizeof(un);
	}
	fd = socket(sa->sa_family, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, sa, len))
		die("cannot connect: %s", strerror(errno));
	if (!path)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	handshake(fd);
	return fd;
}

static u32 random_number(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 33;
}

static u64 where(void)
{
	if (!in_order)
		return random_number() % (size / bs) * bs;
	if (next_from + bs > size)
		next_from = 0;
	next_from += bs;
	return next_from - bs;
}

static void add_piece(struct batch *b, void *data, size_t len)
{
	struct iovec *last = b->pieces + b->iovs;

	b->unsent += len;
	if (b->iovs &&
	    (u8 *)last[-1].iov_base + last[-1].iov_len == (u8 *)data) {
		last[-1].iov_len += len;
		return;
	}
	last->iov_base = data;
	last->iov_len = len;
	b->iovs++;
}

static void make_batch(struct batch *b)
{
	unsigned int i;

	b->iov = b->pieces;
	b->iovs = 0;
	b->unsent = 0;
	b->want = 0;
	b->got = 0;
	for (i = 0; i < b->n; i++) {
		struct nbd_request *r = &b->request[i];
		bool write = random_number() % 100 < write_percent;

		r->magic = htobe32(NBD_REQUEST_MAGIC);
		r->type = htobe32(write ? NBD_CMD_WRITE : NBD_CMD_READ);
		r->cookie = i;
		r->from = htobe64(where());
		r->len = htobe32(bs);
		add_piece(b, r, sizeof(*r));
		if (write)
			add_piece(b, out, bs);
		b->want += sizeof(struct nbd_reply) + (write ? 0 : bs);
	}
}

/*
 * send_some - once, and false if it would block. Only where both directions
 * carry data may both sides wait for each other.
 */
static bool send_some(struct batch *b)
{
	bool mixed = write_percent && write_percent < 100;
	struct msghdr msg = { .msg_iov = b->iov, .msg_iovlen = b->iovs };
	ssize_t n = sendmsg(b->fd, &msg,
			    MSG_NOSIGNAL | (mixed ? MSG_DONTWAIT : 0));
	size_t left;

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		die("send: %s", strerror(errno));
	b->unsent -= n;
	for (left = n; left && left >= b->iov->iov_len; b->iov++, b->iovs--)
		left -= b->iov->iov_len;
	if (left) {
		b->iov->iov_base = (u8 *)b->iov->iov_base + left;
		b->iov->iov_len -= left;
	}
	return true;
}

static void receive_some(struct batch *b, int flags)
{
	ssize_t n = recv(b->fd, in + b->got, b->want - b->got, flags);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		die("the server is gone");
	b->got += n;
}

static void send_batch(struct batch *b)
{
	struct pollfd p = { .fd = b->fd, .events = POLLIN | POLLOUT };

	while (b->unsent) {
		if (send_some(b))
			continue;
		receive_some(b, MSG_DONTWAIT);
		poll(&p, 1, -1);
	}
}

/* The server answers in order: so the replies stand where they are expected. */
static void check_replies(const struct batch *b)
{
	const u8 *p = in;
	unsigned int i;

	for (i = 0; i < b->n; i++) {
		const struct nbd_reply *r = (const void *)p;

		if (be32toh(r->magic) != NBD_REPLY_MAGIC || r->error ||
		    r->cookie != i)
			die("a wrong reply");
		p += sizeof(*r);
		if (b->request[i].type == htobe32(NBD_CMD_READ))
			p += bs;
	}
}

/* run - at least @n I/Os; how many they were */
static u64 run(u64 n)
{
	unsigned int i;
	u64 done = 0;

	while (done < n) {
		for (i = 0; i < conns; i++) {
			make_batch(&batches[i]);
			send_batch(&batches[i]);
		}
		for (i = 0; i < conns; i++) {
			struct batch *b = &batches[i];

			while (b->got < b->want)
				receive_some(b, MSG_WAITALL);
			check_replies(b);
			done += b->n;
		}
	}
	return done;
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static u64 parse_number(const char *text)
{
	char *end;
	u64 n = strtoull(text, &end, 10);

	if (*end == 'k' || *end == 'M')
		n <<= *end++ == 'k' ? 10 : 20;
	if (*end || !n)
		die("%s: not a number", text);
	return n;
}

static void set_rw(const char *text)
{
	in_order = strncmp(text, "rand", 4);
	if (!in_order)
		text += 4;
	if (!strcmp(text, "read"))
		write_percent = 0;
	else if (!strcmp(text, "write"))
		write_percent = 100;
	else if (!strcmp(text, "rw"))
		write_percent = 30;
	else
		die("%s: not a load", text);
}

static void *pages(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("no memory");
	memset(p, 0xa5, len);
	return p;
}

/* prepare - buffers, connections, and which connection gets how many */
static void prepare(void)
{
	unsigned int i;

	if (conns > MAX_CONNS || depth > MAX_DEPTH || depth % conns)
		die("%u connections, depth %u", conns, depth);
	out = pages(bs);
	in = pages((size_t)(depth / conns) *
		   (bs + sizeof(struct nbd_reply)));
	for (i = 0; i < conns; i++) {
		batches[i].fd = connect_to();
		batches[i].n = depth / conns;
	}
	if (size < bs)
		die("the export is too small");
}

static const struct option options[] = {
	{ "unix", required_argument, NULL, 'u' },
	{ "port", required_argument, NULL, 'p' },
	{ "rw", required_argument, NULL, 'r' },
	{ "bs", required_argument, NULL, 'b' },
	{ "depth", required_argument, NULL, 'd' },
	{ "conns", required_argument, NULL, 'c' },
	{ "ios", required_argument, NULL, 'i' },
	{ "warm", required_argument, NULL, 'w' },
	{}
};

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'u':
			path = optarg;
			break;
		case 'p':
			port = parse_number(optarg);
			break;
		case 'r':
			set_rw(optarg);
			break;
		case 'b':
			bs = parse_number(optarg);
			break;
		case 'd':
			depth = parse_number(optarg);
			break;
		case 'c':
			conns = parse_number(optarg);
			break;
		case 'i':
			ios = parse_number(optarg);
			break;
		case 'w':
			warm = parse_number(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc || (!path && !port))
		die("wrong arguments, see the head of its source");
}

int main(int argc, char **argv)
{
	u64 start, took, done;

	parse_options(argc, argv);
	prepare();
	run(warm);
	start = now();
	done = run(ios);
	took = now() - start;
	printf("%llu %llu\n", (unsigned long long)done,
	       (unsigned long long)(took / done));
	return 0;
}
