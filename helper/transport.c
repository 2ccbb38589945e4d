// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "resolve.h"
#include "transport.h"

/**
 * deadline_in - a moment in the future
 * @milliseconds: how far
 *
 * Return: the moment.
 */
s64 deadline_in(s64 milliseconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + milliseconds;
}

/**
 * deadline_left - time until a moment
 * @deadline: the moment
 *
 * Return: milliseconds, 0 when it has passed.
 */
s64 deadline_left(s64 deadline)
{
	s64 left = deadline - deadline_in(0);

	return left > 0 ? left : 0;
}

static void add_address(struct addresses *list, const void *sa, socklen_t len)
{
	struct address *a = &list->a[list->n];

	if (list->n == MAX_ADDRESSES || len > sizeof(a->sa))
		return;
	memcpy(&a->sa, sa, len);
	a->len = len;
	list->n++;
}

static void unix_address(const struct uri *uri, struct addresses *list)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = offsetof(struct sockaddr_un, sun_path) + uri->socket_len;

	memcpy(sa.sun_path, uri->socket, uri->socket_len);
	if (uri->socket[0])
		len++;
	add_address(list, &sa, (socklen_t)len);
}

static void vsock_address(const struct uri *uri, struct addresses *list)
{
	struct sockaddr_vm sa = {
		.svm_family = AF_VSOCK,
		.svm_cid = uri->cid,
		.svm_port = uri->port,
	};

	add_address(list, &sa, sizeof(sa));
}

static int tcp_addresses(const struct uri *uri, s64 deadline,
			 struct addresses *list, struct err *err)
{
	struct addrinfo *result, *ai;

	if (resolve_host(uri->host, uri->port, deadline, &result, err))
		return -1;
	for (ai = result; ai; ai = ai->ai_next)
		add_address(list, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(result);
	if (!list->n)
		return err_set(err, ST_UNREACHABLE,
			       "host %s has no address", uri->host);
	return 0;
}

/**
 * transport_resolve - find the addresses of a server
 * @uri: which server
 * @deadline: when to give up
 * @list: result, at least one on success
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int transport_resolve(const struct uri *uri, s64 deadline,
		      struct addresses *list, struct err *err)
{
	list->n = 0;
	switch (uri->transport) {
	case URI_UNIX:
		unix_address(uri, list);
		return 0;
	case URI_VSOCK:
		vsock_address(uri, list);
		return 0;
	default:
		return tcp_addresses(uri, deadline, list, err);
	}
}

/**
 * transport_start - begin to connect
 * @address: where to
 * @fd: the new non-blocking socket, -1 on failure
 *
 * Return: 0 when connected, else an errno. EINPROGRESS: poll for output, then
 * ask transport_result(). EAGAIN: the server's backlog is full and the socket
 * is closed again; try later.
 */
int transport_start(const struct address *address, int *fd)
{
	int error = 0;

	*fd = socket(address->sa.ss_family,
		     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return errno;
	if (connect(*fd, (const struct sockaddr *)&address->sa, address->len))
		error = errno;
	if (error && error != EINPROGRESS) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

/**
 * transport_result - how a connect that was in progress ended
 * @fd: the socket
 *
 * Return: 0 or an errno.
 */
int transport_result(int fd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return errno;
	return error;
}

/**
 * transport_tune - set the options a connection should have
 * @fd: a connected socket
 *
 * Small requests go out at once, and a peer that has vanished is noticed.
 * Both are for TCP; elsewhere there is nothing to set.
 */
void transport_tune(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	int on = 1;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) ||
	    (sa.ss_family != AF_INET && sa.ss_family != AF_INET6))
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void format_unix(const struct sockaddr_un *sa, socklen_t len, char *dst,
			size_t size)
{
	int path = (int)len - (int)offsetof(struct sockaddr_un, sun_path);

	if (path > 1 && !sa->sun_path[0])
		snprintf(dst, size, "unix:@%.*s", path - 1, sa->sun_path + 1);
	else
		snprintf(dst, size, "unix:%.*s", path > 0 ? path : 0,
			 sa->sun_path);
}

static void format_peer(const struct address *address, char *dst, size_t size)
{
	const struct sockaddr_in6 *in6 = (const void *)&address->sa;
	const struct sockaddr_in *in = (const void *)&address->sa;
	const struct sockaddr_vm *vm = (const void *)&address->sa;
	char host[INET6_ADDRSTRLEN] = "";

	snprintf(dst, size, "unknown");
	switch (address->sa.ss_family) {
	case AF_INET:
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(dst, size, "%s:%u", host, ntohs(in->sin_port));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(dst, size, "[%s]:%u", host, ntohs(in6->sin6_port));
		break;
	case AF_VSOCK:
		snprintf(dst, size, "vsock:%u:%u", vm->svm_cid, vm->svm_port);
		break;
	case AF_UNIX:
		format_unix((const void *)&address->sa, address->len, dst,
			    size);
		break;
	default:
		break;
	}
}

/**
 * transport_prefer - put one address of a server before its others
 * @list: the addresses
 * @peer: the one that is meant, as transport_peer() says it; it need not be there
 */
void transport_prefer(struct addresses *list, const char *peer)
{
	char one[TRANSPORT_PEER_MAX];
	struct address first;
	size_t i;

	for (i = 0; i < list->n; i++) {
		format_peer(&list->a[i], one, sizeof(one));
		if (strcmp(one, peer))
			continue;
		first = list->a[i];
		memmove(&list->a[1], &list->a[0], i * sizeof(first));
		list->a[0] = first;
		return;
	}
}

/**
 * transport_peer - the server's address as the kernel shows it in status
 * @fd: a connected socket
 * @dst: where to
 * @size: size of @dst; TRANSPORT_PEER_MAX takes any
 *
 * Return: @dst.
 */
char *transport_peer(int fd, char *dst, size_t size)
{
	struct address address = { .len = sizeof(address.sa) };

	address.sa.ss_family = AF_UNSPEC;
	if (getpeername(fd, (struct sockaddr *)&address.sa, &address.len))
		address.sa.ss_family = AF_UNSPEC;
	format_peer(&address, dst, size);
	return dst;
}

/**
 * transport_send_all - send a few last bytes, if there is room
 * @fd: the socket
 * @data: the bytes
 * @len: their number
 *
 * Return: whether all were taken without waiting.
 */
bool transport_send_all(int fd, const void *data, size_t len)
{
	return send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
	       (ssize_t)len;
}
