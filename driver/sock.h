/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A socket that user space handed over: TCP, UNIX stream or vsock stream.
 * The only place that knows struct sock.
 */
#ifndef NBD_SOCK_H
#define NBD_SOCK_H

#include <linux/net.h>
#include <net/sock.h>

#include "rx.h"

struct netlink_ext_ack;
struct nbd_sock;

/* Bytes received in one go while a header is wanted (not TCP). */
#define NBD_SOCK_STAGE		(36u << 10)
/* Longest address nbd_sock_peer() writes, with its NUL. */
#define NBD_SOCK_PEER_LEN	128

/**
 * struct nbd_sock_ops - what a socket tells its user
 * @readable: there is something to read, or the connection has ended
 * @writable: there is room again in a socket that was full
 * @receive: as @readable, and nbd_sock_receive_now() may be called at once
 *
 * All are called in any context, with the socket's callback lock held for
 * reading; @receive in a softirq with the socket's spinlock held besides.
 */
struct nbd_sock_ops {
	void (*readable)(struct nbd_sock *ns);
	void (*writable)(struct nbd_sock *ns);
	void (*receive)(struct nbd_sock *ns);
};

/**
 * struct nbd_sock - one adopted socket
 * @sock: the socket, NULL when there is none; its file is referenced
 * @ops: its user, NULL while events are not delivered
 * @full: vsock: a send found no room; the next report of room counts
 * @hooked: the socket's callbacks are ours; changed under its callback lock
 * @tcp: it is TCP: pages can be spliced, skbs read directly, writes purged
 * @stage: where headers are received when the socket has no read_sock
 * @saved: what adopting changed and releasing restores
 */
struct nbd_sock {
	struct socket *sock;
	const struct nbd_sock_ops *ops;
	bool full;
	bool hooked;
	bool tcp;
	u8 *stage;
	struct {
		void (*data_ready)(struct sock *sk);
		void (*write_space)(struct sock *sk);
		void (*state_change)(struct sock *sk);
		void (*error_report)(struct sock *sk);
		gfp_t allocation;
		bool use_task_frag;
		bool memalloc;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
		struct lock_class_key *lock_key;
		const char *lock_name;
#endif
	} saved;
};

int nbd_sock_adopt(struct nbd_sock *ns, int fd, struct netlink_ext_ack *extack);
void nbd_sock_move(struct nbd_sock *to, struct nbd_sock *from);
void nbd_sock_drop(struct nbd_sock *ns);
void nbd_sock_start(struct nbd_sock *ns, const struct nbd_sock_ops *ops);
void nbd_sock_stop(struct nbd_sock *ns);
void nbd_sock_release(struct nbd_sock *ns);
void nbd_sock_abort(struct nbd_sock *ns);
void nbd_sock_shutdown(struct nbd_sock *ns);
ssize_t nbd_sock_send(struct nbd_sock *ns, struct iov_iter *iter, bool more,
		      bool splice);
ssize_t nbd_sock_receive(struct nbd_sock *ns, struct nbd_rx *rx, size_t budget);
ssize_t nbd_sock_receive_now(struct nbd_sock *ns, struct nbd_rx *rx);
void nbd_sock_set_class(struct nbd_sock *ns);
void nbd_sock_restore_class(struct nbd_sock *ns);
bool nbd_sock_asks(const struct nbd_sock *ns, unsigned long *heard);
bool nbd_sock_local(const struct nbd_sock *ns);
void nbd_sock_peer(struct nbd_sock *ns, char *buf, size_t len);

#endif /* NBD_SOCK_H */
