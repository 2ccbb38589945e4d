// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A lean NBD server: as little work a request as a server can do, so that what
 * is measured against it is the client. Also a fast server of memory.
 *
 * usage: bench-server [--unix PATH] [--port N] [--size N[KMGT]] [--null]
 *	[--pidfile FILE] [--foreground]
 *
 * It listens on a UNIX socket, on a port of 127.0.0.1, or both, and goes to the
 * background once it does. Every export name is accepted. With --null nothing
 * is kept: reads give one static buffer, writes are thrown away.
 *
 * One thread a connection receives as many requests as have come, carries them
 * out, and answers all of them with one sendmsg. Replies are simple ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench-handshake.h"

#define IN_SIZE		1048576
#define SCRATCH_SIZE	1048576
#define BATCH		256

/**
 * struct conn - a connection, and what its thread needs
 * @fd: the socket
 * @head: first byte of @in that was not looked at
 * @tail: end of what was received
 * @replies: headers that wait to be sent
 * @iovs: pieces that wait to be sent, headers and data
 * @reply: the headers
 * @iov: the pieces
 * @in: received bytes
 * @scratch: where payload goes that nobody wants
 */
struct conn {
	int fd;
	size_t head;
	size_t tail;
	unsigned int replies;
	unsigned int iovs;
	struct nbd_reply reply[BATCH];
	struct iovec iov[2 * BATCH];
	u8 in[IN_SIZE];
	u8 scratch[SCRATCH_SIZE];
};

/**
 * struct command - a request in the host's terms
 * @type: what to do, without flags
 * @flags: the flags, where the protocol's header file has them
 * @cookie: as it came
 * @from: first byte
 * @len: number of bytes
 */
struct command {
	u32 type;
	u32 flags;
	__be64 cookie;
	u64 from;
	u32 len;
};

static const char *unix_path, *port, *pidfile;
static u64 size = 1ULL << 30;
static bool null_mode, foreground;
static u8 *memory;

static __printf(1, 2) void die(const char *format, ...)
{
	va_list args;

	fputs("bench-server: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

/* flush - send every answer that waits */
static bool flush(struct conn *c)
{
	bool ok = send_all(c->fd, c->iov, c->iovs);

	c->replies = 0;
	c->iovs = 0;
	return ok;
}

/* answer - add a reply to the batch; neighbouring headers are one piece */
static bool answer(struct conn *c, const struct command *cmd, u32 error,
		   u8 *data)
{
	struct nbd_reply *reply = &c->reply[c->replies++];
	struct iovec *last = c->iov + c->iovs;

	reply->magic = htobe32(NBD_REPLY_MAGIC);
	reply->error = htobe32(error);
	reply->cookie = cmd->cookie;
	if (c->iovs &&
	    (u8 *)last[-1].iov_base + last[-1].iov_len == (u8 *)reply) {
		last[-1].iov_len += sizeof(*reply);
	} else {
		last->iov_base = reply;
		last->iov_len = sizeof(*reply);
		c->iovs++;
	}
	if (data && cmd->len) {
		c->iov[c->iovs].iov_base = data;
		c->iov[c->iovs++].iov_len = cmd->len;
	}
	return c->replies < BATCH || flush(c);
}

/*
 * take_payload - @len bytes to @to, or nowhere. What is in the buffer is
 * copied; the rest is received where it belongs, and what follows it into the
 * buffer.
 */
static bool take_payload(struct conn *c, u8 *to, size_t len)
{
	size_t have = c->tail - c->head;

	if (have > len)
		have = len;
	if (to) {
		memcpy(to, c->in + c->head, have);
		to += have;
	}
	c->head += have;
	len -= have;
	if (len && !flush(c))
		return false;
	while (len) {
		size_t want = to || len < SCRATCH_SIZE ? len : SCRATCH_SIZE;
		struct iovec iov[2] = {
			{ .iov_base = to ? to : c->scratch, .iov_len = want },
			{ .iov_base = c->in, .iov_len = IN_SIZE },
		};
		ssize_t n = readv(c->fd, iov, want == len ? 2 : 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if ((size_t)n > len) {
			c->head = 0;
			c->tail = n - len;
			break;
		}
		len -= n;
		if (to)
			to += n;
	}
	return true;
}

/* Whole pages are given back, what is left of others is overwritten. */
static void zero(u64 from, u64 len, bool hole)
{
	u64 page = sysconf(_SC_PAGESIZE);
	u64 start = (from + page - 1) & ~(page - 1);
	u64 end = (from + len) & ~(page - 1);

	if (!hole || start >= end ||
	    madvise(memory + start, end - start, MADV_DONTNEED)) {
		memset(memory + from, 0, len);
		return;
	}
	memset(memory + from, 0, start - from);
	memset(memory + end, 0, from + len - end);
}

static bool carry_out(struct conn *c, const struct command *cmd)
{
	bool bad = cmd->from > size || cmd->len > size - cmd->from;
	u8 *at = null_mode || bad ? NULL : memory + cmd->from;

	switch (cmd->type) {
	case NBD_CMD_READ:
		if (bad || cmd->len > PAYLOAD_MAX)
			break;
		return answer(c, cmd, 0, null_mode ? memory : at);
	case NBD_CMD_WRITE:
		/* To read on would be to believe any length. */
		if (cmd->len > PAYLOAD_MAX || !take_payload(c, at, cmd->len))
			return false;
		if (bad)
			break;
		return answer(c, cmd, 0, NULL);
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		if (bad)
			break;
		if (at)
			zero(cmd->from, cmd->len,
			     !(cmd->flags & NBD_CMD_FLAG_NO_HOLE));
		return answer(c, cmd, 0, NULL);
	case NBD_CMD_FLUSH:
		return answer(c, cmd, 0, NULL);
	}
	return answer(c, cmd, EINVAL, NULL);
}

/* fill - receive as much as there is and fits */
static bool fill(struct conn *c)
{
	ssize_t n;

	memmove(c->in, c->in + c->head, c->tail - c->head);
	c->tail -= c->head;
	c->head = 0;
	do {
		n = recv(c->fd, c->in + c->tail, IN_SIZE - c->tail, 0);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	c->tail += n;
	return true;
}

static void transmission(struct conn *c)
{
	for (;;) {
		while (c->tail - c->head >= sizeof(struct nbd_request)) {
			const struct nbd_request *wire =
				(const void *)(c->in + c->head);
			u32 type = be32toh(wire->type);
			struct command cmd = {
				.type = type & 0xffff,
				.flags = type & ~0xffffU,
				.cookie = wire->cookie,
				.from = be64toh(wire->from),
				.len = be32toh(wire->len),
			};

			if (be32toh(wire->magic) != NBD_REQUEST_MAGIC)
				return;
			c->head += sizeof(*wire);
			if (cmd.type == NBD_CMD_DISC) {
				flush(c);
				return;
			}
			if (!carry_out(c, &cmd))
				return;
		}
		if (!flush(c) || !fill(c))
			return;
	}
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	int on = 1;

	/* Fails on a UNIX socket, which needs it not. */
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (handshake(c->fd, size))
		transmission(c);
	close(c->fd);
	munmap(c, sizeof(*c));
	return NULL;
}

static void accepted(int fd)
{
	struct conn *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (c == MAP_FAILED) {
		close(fd);
		return;
	}
	c->fd = fd;
	if (pthread_create(&thread, NULL, serve, c)) {
		close(fd);
		munmap(c, sizeof(*c));
		return;
	}
	pthread_detach(thread);
}

static void __attribute((__noreturn__)) listen_forever(struct pollfd *fds,
						       unsigned int n)
{
	unsigned int i;
	int fd;

	for (;;) {
		if (poll(fds, n, -1) < 0)
			continue;
		for (i = 0; i < n; i++) {
			if (!fds[i].revents)
				continue;
			fd = accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC);
			if (fd >= 0)
				accepted(fd);
			else if (errno == EMFILE || errno == ENFILE)
				usleep(10000);
		}
	}
}

static int listen_at(const void *address, socklen_t len)
{
	const struct sockaddr *sa = address;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		die("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, sa, len) || listen(fd, 128))
		die("cannot listen: %s", strerror(errno));
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof(sa.sun_path))
		die("%s: too long for a socket", path);
	memcpy(sa.sun_path, path, strlen(path));
	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	return listen_at(&sa, sizeof(sa));
}

static int listen_port(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons(number),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (*end || !number || number > 65535)
		die("%s: not a port", text);
	return listen_at(&sa, sizeof(sa));
}

static u64 parse_size(const char *text)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	u64 n;

	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		n <<= 10 * (unit - units + 1);
		end++;
	}
	if (errno || *end || end == text || !n || n > 1ULL << 46)
		die("%s: not a size", text);
	return n;
}

/* In null mode one largest payload is all the memory there is. */
static void make_memory(void)
{
	size_t len = null_mode ? PAYLOAD_MAX : size;

	memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		die("no memory: %s", strerror(errno));
	if (null_mode)
		memset(memory, 0x5a, len);
}

static void write_pid(pid_t pid)
{
	FILE *f = fopen(pidfile, "w");

	if (!f || fprintf(f, "%d\n", pid) < 0 || fclose(f))
		die("%s: %s", pidfile, strerror(errno));
}

/* The parent ends here, when everybody may connect. */
static void to_background(void)
{
	pid_t pid = fork();
	int null;

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid) {
		if (pidfile)
			write_pid(pid);
		_exit(0);
	}
	setsid();
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		die("/dev/null: %s", strerror(errno));
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	if (null > 2)
		close(null);
}

static const struct option options[] = {
	{ "unix", required_argument, NULL, 'u' },
	{ "port", required_argument, NULL, 'p' },
	{ "size", required_argument, NULL, 's' },
	{ "null", no_argument, NULL, 'n' },
	{ "pidfile", required_argument, NULL, 'P' },
	{ "foreground", no_argument, NULL, 'f' },
	{}
};

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'u':
			unix_path = optarg;
			break;
		case 'p':
			port = optarg;
			break;
		case 's':
			size = parse_size(optarg);
			break;
		case 'n':
			null_mode = true;
			break;
		case 'P':
			pidfile = optarg;
			break;
		case 'f':
			foreground = true;
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc || (!unix_path && !port))
		die("wrong arguments, see the head of its source");
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = {};
	unsigned int n = 0;

	parse_options(argc, argv);
	make_memory();
	if (unix_path)
		fds[n++].fd = listen_unix(unix_path);
	if (port)
		fds[n++].fd = listen_port(port);
	fds[0].events = POLLIN;
	fds[1].events = POLLIN;
	if (!foreground)
		to_background();
	else if (pidfile)
		write_pid(getpid());
	listen_forever(fds, n);
}
