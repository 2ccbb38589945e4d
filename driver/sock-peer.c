// SPDX-License-Identifier: GPL-2.0-only
/*
 * The other end of a socket: who it is, and whether it is there, see sock.h.
 */
#include <linux/un.h>
#include <linux/vm_sockets.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "sock.h"

/* One question for room may be lost, and the next one comes minutes later. */
#define NBD_SOCK_QUESTIONS	2

/**
 * nbd_sock_asks() - does TCP wait for a sign of the peer?
 * @ns: an adopted socket
 * @heard: set to the jiffies since it has given the last one
 *
 * A server that is at work, or does not read, still has a kernel that acknowledges what
 * it is sent, or answers when it is asked for room. (One that is out of memory may drop
 * it without a word.)
 *
 * Context: any; the socket must stay.
 * Return: true if something was sent since it acknowledged anything, or it did not
 * answer; false for sockets that are not TCP.
 */
bool nbd_sock_asks(const struct nbd_sock *ns, unsigned long *heard)
{
	const struct sock *sk = ns->sock->sk;
	const struct tcp_sock *tp = tcp_sk(sk);

	if (!ns->tcp)
		return false;
	*heard = keepalive_time_elapsed(tp);
	if (READ_ONCE(inet_csk(sk)->icsk_probes_out) >= NBD_SOCK_QUESTIONS)
		return true;
	/* Without room for it what is in flight is sent again as rarely. */
	return READ_ONCE(tp->packets_out) && READ_ONCE(tp->snd_wnd) &&
	       (s32)(READ_ONCE(tp->lsndtime) - READ_ONCE(tp->rcv_tstamp)) > 0;
}

static void nbd_sock_format(const struct sockaddr_storage *addr, int addr_len,
			    char *buf, size_t len)
{
	const struct sockaddr_un *un = (const void *)addr;
	const struct sockaddr_vm *vm = (const void *)addr;
	int path = addr_len - offsetof(struct sockaddr_un, sun_path);

	switch (addr->ss_family) {
	case AF_INET:
	case AF_INET6:
		snprintf(buf, len, "%pISpc", addr);
		break;
	case AF_VSOCK:
		snprintf(buf, len, "vsock:%u:%u", vm->svm_cid, vm->svm_port);
		break;
	case AF_UNIX:
		if (path > 1 && !un->sun_path[0])
			snprintf(buf, len, "unix:@%.*s", path - 1,
				 un->sun_path + 1);
		else
			snprintf(buf, len, "unix:%.*s", max(path, 0),
				 un->sun_path);
		break;
	default:
		snprintf(buf, len, "unknown");
	}
}

/**
 * nbd_sock_peer() - the server's address, for people
 * @ns: an adopted socket
 * @buf: filled with a string
 * @len: its size, NBD_SOCK_PEER_LEN is always enough
 *
 * Context: process, may sleep.
 */
void nbd_sock_peer(struct nbd_sock *ns, char *buf, size_t len)
{
	struct sockaddr_storage addr = { };
	int ret = kernel_getpeername(ns->sock, (struct sockaddr *)&addr);

	if (ret < 0)
		snprintf(buf, len, "unknown");
	else
		nbd_sock_format(&addr, ret, buf, len);
}

static bool nbd_sock_loopback(const struct sock *sk)
{
	if (sk->sk_family == AF_INET)
		return ipv4_is_loopback(sk->sk_daddr) ||
		       sk->sk_daddr == sk->sk_rcv_saddr;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return ipv6_addr_loopback(&sk->sk_v6_daddr) ||
		       ipv6_addr_equal(&sk->sk_v6_daddr,
				       &sk->sk_v6_rcv_saddr);
#endif
	return false;
}

/**
 * nbd_sock_local() - does the server run on this machine?
 * @ns: an adopted socket
 *
 * Context: any.
 * Return: true if it does, as far as the addresses tell.
 */
bool nbd_sock_local(const struct nbd_sock *ns)
{
	return ns->sock->sk->sk_family == AF_UNIX ||
	       nbd_sock_loopback(ns->sock->sk);
}
