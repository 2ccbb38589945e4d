// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: adopt, listen for events, send, receive, abort, release.
 */
#include <linux/file.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/vmalloc.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>

#include "compat/net.h"
#include "sock.h"

/* The socket that @sk's callbacks belong to; sk_callback_lock is held. */
static struct nbd_sock *nbd_sock_of(struct sock *sk)
{
	return __locked_read_sk_user_data_with_flags(sk, SK_USER_DATA_NOCOPY);
}

/*
 * Not for children: who has another descriptor of a socket may disconnect it and
 * listen with it.
 */
static void nbd_sock_point(struct sock *sk, struct nbd_sock *ns)
{
	__rcu_assign_sk_user_data_with_flags(sk, ns, SK_USER_DATA_NOCOPY);
}

/* sk_callback_lock is held for writing. */
static void nbd_sock_unhook(struct nbd_sock *ns, struct sock *sk)
{
	if (!ns->hooked)
		return;
	sk->sk_data_ready = ns->saved.data_ready;
	sk->sk_write_space = ns->saved.write_space;
	sk->sk_state_change = ns->saved.state_change;
	sk->sk_error_report = ns->saved.error_report;
	WRITE_ONCE(ns->hooked, false);
}

/* It is over, which is an event; and a child of what may listen now must not get our functions. */
static void nbd_sock_closed(struct sock *sk)
{
	struct nbd_sock *ns;

	write_lock_bh(&sk->sk_callback_lock);
	ns = nbd_sock_of(sk);
	if (ns && ns->hooked) {
		nbd_sock_unhook(ns, sk);
		ns->ops->readable(ns);
	}
	write_unlock_bh(&sk->sk_callback_lock);
}

static void nbd_sock_event(struct sock *sk)
{
	struct nbd_sock *ns;
	bool tcp = false;

	read_lock_bh(&sk->sk_callback_lock);
	ns = nbd_sock_of(sk);
	if (ns && ns->ops) {
		tcp = ns->tcp;
		ns->ops->readable(ns);
	}
	read_unlock_bh(&sk->sk_callback_lock);
	if (tcp && READ_ONCE(sk->sk_state) == TCP_CLOSE)
		nbd_sock_closed(sk);
}

/*
 * TCP calls this in a softirq with the socket's spinlock, or while a process
 * that owns the socket works off its backlog. Only in the former case may data
 * be taken right now; see sock_owned_by_user().
 */
static void nbd_sock_data_ready(struct sock *sk)
{
	struct nbd_sock *ns;

	read_lock_bh(&sk->sk_callback_lock);
	ns = nbd_sock_of(sk);
	if (ns && ns->ops && ns->tcp && !sock_owned_by_user_nocheck(sk))
		ns->ops->receive(ns);
	else if (ns && ns->ops)
		ns->ops->readable(ns);
	read_unlock_bh(&sk->sk_callback_lock);
}

/*
 * Is this a moment to go on sending? A UNIX socket reports every buffer that
 * the peer has read, vsock every packet that left; only one that refused bytes
 * wants to know, and a UNIX socket only once there is room.
 */
static bool nbd_sock_writable(struct nbd_sock *ns, struct sock *sk)
{
	if (ns->tcp)
		return sk_stream_is_writeable(sk);
	if (sk->sk_family == AF_UNIX)
		return test_bit(SOCK_NOSPACE, &sk->sk_socket->flags) &&
		       sock_writeable(sk);
	return READ_ONCE(ns->full);
}

static void nbd_sock_write_space(struct sock *sk)
{
	struct nbd_sock *ns;

	/*
	 * Room was made, or it was noted that there is none, with an atomic; now for
	 * the other one. Pairs with itself: called by the peer, and by nbd_sock_full().
	 */
	smp_mb__after_atomic();
	read_lock_bh(&sk->sk_callback_lock);
	ns = nbd_sock_of(sk);
	if (ns && ns->ops && nbd_sock_writable(ns, sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		WRITE_ONCE(ns->full, false);
		ns->ops->writable(ns);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

/* sk_callback_lock is held for writing. */
static void nbd_sock_hook(struct nbd_sock *ns, struct sock *sk)
{
	ns->saved.data_ready = sk->sk_data_ready;
	ns->saved.write_space = sk->sk_write_space;
	ns->saved.state_change = sk->sk_state_change;
	ns->saved.error_report = sk->sk_error_report;
	sk->sk_data_ready = nbd_sock_data_ready;
	sk->sk_write_space = nbd_sock_write_space;
	sk->sk_state_change = nbd_sock_event;
	sk->sk_error_report = nbd_sock_event;
	WRITE_ONCE(ns->hooked, true);
}

static int nbd_sock_check(struct sock *sk, struct netlink_ext_ack *extack)
{
	if (sk->sk_type != SOCK_STREAM) {
		NL_SET_ERR_MSG(extack, "not a stream socket");
		return -EINVAL;
	}
	if (sk->sk_shutdown) {
		NL_SET_ERR_MSG(extack, "the socket is shut down");
		return -ENOTCONN;
	}

	switch (sk->sk_family) {
	case AF_INET:
	case AF_INET6:
		if (!sk_is_tcp(sk)) {
			NL_SET_ERR_MSG(extack, "not a TCP socket");
			return -EINVAL;
		}
		if (inet_csk_has_ulp(sk)) {
			NL_SET_ERR_MSG(extack, "sockets with kernel TLS are not supported");
			return -EOPNOTSUPP;
		}
		fallthrough;
	case AF_UNIX:
	case AF_VSOCK:
		/* All three families use TCP's number for a connected socket. */
		if (READ_ONCE(sk->sk_state) != TCP_ESTABLISHED) {
			NL_SET_ERR_MSG(extack, "the socket is not connected");
			return -ENOTCONN;
		}
		return 0;
	default:
		NL_SET_ERR_MSG(extack, "not a TCP, UNIX or vsock socket");
		return -EINVAL;
	}
}

/* Mark the socket as ours, so that nobody adopts it a second time. */
static int nbd_sock_claim(struct nbd_sock *ns, struct netlink_ext_ack *extack)
{
	struct sock *sk = ns->sock->sk;
	int ret = 0;

	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_user_data) {
		NL_SET_ERR_MSG(extack, "the socket is in use already");
		ret = -EBUSY;
	} else {
		nbd_sock_point(sk, ns);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	return ret;
}

/*
 * Sending happens on the way to reclaiming memory: it must not wait for
 * reclaim, may use the reserves, and must not use the task's page fragment,
 * which the code that we interrupt may be filling.
 */
static void nbd_sock_prepare(struct nbd_sock *ns)
{
	struct sock *sk = ns->sock->sk;

	nbd_sock_set_class(ns);
	lock_sock(sk);
	ns->saved.allocation = sk->sk_allocation;
	ns->saved.use_task_frag = sk->sk_use_task_frag;
	ns->saved.memalloc = sock_flag(sk, SOCK_MEMALLOC);
	sk->sk_allocation = GFP_NOIO | __GFP_MEMALLOC;
	sk->sk_use_task_frag = false;
	release_sock(sk);
	if (!ns->saved.memalloc)
		sk_set_memalloc(sk);
}

static void nbd_sock_unprepare(struct nbd_sock *ns)
{
	struct sock *sk = ns->sock->sk;

	lock_sock(sk);
	/* Under the socket lock, because it touches the memory accounting. */
	if (!ns->saved.memalloc)
		sk_clear_memalloc(sk);
	sk->sk_allocation = ns->saved.allocation;
	sk->sk_use_task_frag = ns->saved.use_task_frag;
	release_sock(sk);
	nbd_sock_restore_class(ns);
}

/**
 * nbd_sock_adopt() - take over a connected socket from user space
 * @ns: where it goes; must hold no socket
 * @fd: file descriptor of the calling process
 * @extack: says what is wrong with the socket
 *
 * Takes a reference to the socket's file and marks the socket as adopted.
 * Events are not delivered before nbd_sock_start().
 *
 * Context: process, may sleep; the process whose descriptor @fd is.
 * Return: 0; -EBADF or -ENOTSOCK; -EINVAL for a kind of socket that cannot be
 * used; -EOPNOTSUPP for kernel TLS; -ENOTCONN; -EBUSY when somebody adopted it
 * already; -ENOMEM.
 */
int nbd_sock_adopt(struct nbd_sock *ns, int fd, struct netlink_ext_ack *extack)
{
	struct socket *sock;
	int ret;

	sock = sockfd_lookup(fd, &ret);
	if (!sock) {
		NL_SET_ERR_MSG(extack, "not a socket");
		return ret;
	}
	ret = nbd_sock_check(sock->sk, extack);
	if (ret)
		goto put;

	ns->tcp = sk_is_tcp(sock->sk);
	ns->stage = NULL;
	if (!ns->tcp) {
		/* Not kmalloc(), which has nothing between 32 and 64 KiB. */
		ns->stage = vmalloc(NBD_SOCK_STAGE);
		ret = -ENOMEM;
		if (!ns->stage)
			goto put;
	}
	ns->sock = sock;
	ns->ops = NULL;
	ns->full = false;
	ns->hooked = false;
	ret = nbd_sock_claim(ns, extack);
	if (ret)
		goto forget;
	nbd_sock_prepare(ns);
	return 0;

forget:
	vfree(ns->stage);
	ns->sock = NULL;
put:
	sockfd_put(sock);
	return ret;
}

/**
 * nbd_sock_move() - put an adopted socket elsewhere
 * @to: where it goes; must hold no socket
 * @from: an adopted socket that was not started; holds none afterwards
 *
 * Context: process.
 */
void nbd_sock_move(struct nbd_sock *to, struct nbd_sock *from)
{
	struct sock *sk = from->sock->sk;

	*to = *from;
	write_lock_bh(&sk->sk_callback_lock);
	nbd_sock_point(sk, to);
	write_unlock_bh(&sk->sk_callback_lock);
	from->sock = NULL;
	from->stage = NULL;
}

/**
 * nbd_sock_drop() - take an adopted socket back that was never used
 * @ns: an adopted socket that was not started; without one nothing happens
 *
 * Context: process, may sleep.
 */
void nbd_sock_drop(struct nbd_sock *ns)
{
	if (!ns->sock)
		return;
	nbd_sock_stop(ns);
	nbd_sock_release(ns);
}

/* Closed, or a listener by now: somebody else has a descriptor of it, too. */
static bool nbd_sock_is_over(const struct sock *sk)
{
	return sk->sk_state == TCP_CLOSE || sk->sk_state == TCP_LISTEN;
}

/**
 * nbd_sock_start() - begin to deliver events
 * @ns: an adopted socket
 * @ops: its user
 *
 * What happened before is not reported, nor is anything of a connection that is over:
 * look once afterwards.
 *
 * Context: process, may sleep for the socket lock.
 */
void nbd_sock_start(struct nbd_sock *ns, const struct nbd_sock_ops *ops)
{
	struct sock *sk = ns->sock->sk;

	/* Its state stays meanwhile, but for a reset, which is an event. */
	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	ns->ops = ops;
	if (!ns->tcp || !nbd_sock_is_over(sk))
		nbd_sock_hook(ns, sk);
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

/**
 * nbd_sock_stop() - deliver no more events
 * @ns: an adopted socket, started or not
 *
 * After the return no handler is running and none is called again.
 *
 * Context: process.
 */
void nbd_sock_stop(struct nbd_sock *ns)
{
	struct sock *sk = ns->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	nbd_sock_unhook(ns, sk);
	ns->ops = NULL;
	rcu_assign_sk_user_data(sk, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
}

/**
 * nbd_sock_release() - give the socket back
 * @ns: a stopped socket that nobody sends on or receives from
 *
 * Restores what nbd_sock_adopt() changed and drops the reference; the last
 * reference closes the socket.
 *
 * Context: process, may sleep.
 */
void nbd_sock_release(struct nbd_sock *ns)
{
	nbd_sock_unprepare(ns);
	sockfd_put(ns->sock);
	ns->sock = NULL;
	vfree(ns->stage);
	ns->stage = NULL;
}

/**
 * nbd_sock_abort() - end the connection at once, whatever the peer does
 * @ns: an adopted socket
 *
 * TCP: a reset goes out and what was queued for sending is dropped, so that no
 * page of a request is referenced by the socket any more. Other sockets cannot
 * take back what they sent; they are shut down. Does not need the tx lock: a
 * sender that is at work gets an error.
 *
 * Context: process, may sleep for the socket lock, never for the network.
 */
void nbd_sock_abort(struct nbd_sock *ns)
{
	/* -ENOENT: the connection is closed already and its queue is empty. */
	if (ns->tcp)
		tcp_abort(ns->sock->sk, ECONNABORTED);
	else
		kernel_sock_shutdown(ns->sock, SHUT_RDWR);
}

/**
 * nbd_sock_shutdown() - end the connection in good order
 * @ns: an adopted socket; what was sent is still delivered
 *
 * Context: process, may sleep for the socket lock, never for the network.
 */
void nbd_sock_shutdown(struct nbd_sock *ns)
{
	kernel_sock_shutdown(ns->sock, SHUT_RDWR);
}

/* A page of a slab, or one without references, must be copied. */
static bool nbd_sock_can_splice(const struct iov_iter *iter)
{
	size_t left = iov_iter_count(iter) + iter->iov_offset;
	const struct bio_vec *vec = iter->bvec;

	for (; left; vec++) {
		size_t len = min_t(size_t, left, vec->bv_len);
		struct page *page = vec->bv_page + vec->bv_offset / PAGE_SIZE;
		struct page *end = vec->bv_page +
			(vec->bv_offset + len - 1) / PAGE_SIZE;

		for (; page <= end; page++)
			if (!sendpage_ok(page))
				return false;
		left -= len;
	}
	return true;
}

/*
 * There is no room. The peer may have made some before it could see that we
 * wait for it, and will not say so again: a UNIX socket notes that it is full
 * without a lock, vsock does not note it at all.
 */
static int nbd_sock_full(struct nbd_sock *ns, struct msghdr *msg)
{
	struct sock *sk = ns->sock->sk;
	int ret = -EAGAIN;

	if (sk->sk_family == AF_UNIX) {
		nbd_sock_write_space(sk);
		return ret;
	}
	/* Pairs with the vsock transport, which makes room and then reports. */
	smp_store_mb(ns->full, true);
	ret = sock_sendmsg(ns->sock, msg);
	if (ret > 0)
		WRITE_ONCE(ns->full, false);
	return ret;
}

static ssize_t nbd_sock_copy(struct nbd_sock *ns, struct iov_iter *iter,
			     struct msghdr *msg)
{
	ssize_t ret;

	msg->msg_iter = *iter;
	ret = sock_sendmsg(ns->sock, msg);
	if (ret == -EAGAIN && !ns->tcp)
		ret = nbd_sock_full(ns, msg);
	if (ret > 0)
		iov_iter_advance(iter, ret);
	return ret;
}

/**
 * nbd_sock_send() - offer bytes to the socket
 * @ns: an adopted socket
 * @iter: what to send; advanced by what the socket took
 * @more: further bytes follow at once
 * @splice: the pages stay unchanged until the peer has answered, so that TCP
 *	may reference instead of copy them
 *
 * Never waits for the network; when the socket is full, an event follows.
 *
 * Context: process, tx lock, may sleep for the socket lock;
 * memalloc_noreclaim and kernel credentials are the caller's business.
 * Return: bytes taken (> 0), -EAGAIN when the socket is full, or the error
 * that ended the connection.
 */
ssize_t nbd_sock_send(struct nbd_sock *ns, struct iov_iter *iter, bool more,
		      bool splice)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
	};
	ssize_t ret;

	if (more)
		msg.msg_flags |= MSG_MORE;
	if (splice && ns->tcp && nbd_sock_can_splice(iter))
		ret = nbd_compat_splice(ns->sock, iter, &msg);
	else
		ret = nbd_sock_copy(ns, iter, &msg);
	/* Somebody else was told the reason; it was not the peer's FIN. */
	if (ret == -EPIPE && ns->tcp && ns->sock->sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	return ret ?: -EPIPE;
}

/* The state of a reader while tcp_read_sock() walks the receive queue. */
struct nbd_sock_reader {
	struct nbd_rx *rx;
	size_t budget;
	int error;
};

static int nbd_sock_actor(read_descriptor_t *desc, struct sk_buff *skb,
			  unsigned int offset, size_t len)
{
	struct nbd_sock_reader *reader = desc->arg.data;
	struct nbd_rx *rx = reader->rx;
	size_t used = 0;

	while (used < len && !reader->error) {
		size_t part = min(len - used, rx->left);

		if (skb_copy_datagram_iter(skb, offset + used, &rx->iter,
					   part)) {
			reader->error = -EFAULT;
			break;
		}
		used += part;
		reader->error = nbd_rx_filled(rx, part);
	}
	reader->budget -= min(used, reader->budget);
	if (!reader->budget || reader->error)
		desc->count = 0;
	return used;
}

/* Why a TCP socket has nothing to read: 0 when more may come. */
static int nbd_sock_tcp_end(struct sock *sk)
{
	int ret = sock_error(sk);

	if (ret)
		return ret;
	/* The error went to somebody else; it was not the peer's FIN. */
	if (nbd_sock_is_over(sk))
		return -ENOTCONN;
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return -EPIPE;
	/* Reading stops for ever at an urgent mark. */
	return tcp_sk(sk)->urg_data ? -EPROTO : 0;
}

/* The socket lock, in either form, is held. */
static ssize_t nbd_sock_read_tcp(struct sock *sk, struct nbd_rx *rx,
				 size_t budget)
{
	struct nbd_sock_reader reader = { .rx = rx, .budget = budget };
	read_descriptor_t desc = { .arg.data = &reader, .count = 1 };
	ssize_t ret = tcp_read_sock(sk, &desc, nbd_sock_actor);

	rx->ops->pause(rx);
	if (reader.error)
		return reader.error;
	return ret > 0 ? ret : nbd_sock_tcp_end(sk) ?: -EAGAIN;
}

static ssize_t nbd_sock_receive_tcp(struct nbd_sock *ns, struct nbd_rx *rx,
				    size_t budget)
{
	ssize_t ret;

	lock_sock(ns->sock->sk);
	ret = nbd_sock_read_tcp(ns->sock->sk, rx, budget);
	/* It was closed, and is connected again, to somebody else. */
	if (ret == -EAGAIN && !READ_ONCE(ns->hooked))
		ret = -ENOTCONN;
	release_sock(ns->sock->sk);
	return ret;
}

/**
 * nbd_sock_receive_now() - feed the parser from within an event
 * @ns: the socket
 * @rx: the parser
 *
 * Context: nbd_sock_ops.receive. Calls the parser's ops, which must not sleep.
 * Return: as nbd_sock_receive().
 */
ssize_t nbd_sock_receive_now(struct nbd_sock *ns, struct nbd_rx *rx)
{
	return nbd_sock_read_tcp(ns->sock->sk, rx, SIZE_MAX);
}

/*
 * Is there more to learn behind the bytes that have arrived? The event that tells of
 * the end may have come before they were received: then no other one follows. And some
 * transports of vsock return one packet at a time.
 */
static bool nbd_sock_has_more(const struct sock *sk)
{
	if (READ_ONCE(sk->sk_err))
		return true;
	if (sk->sk_family == AF_VSOCK)
		return true;
	/* Reading stops behind a descriptor and before an urgent mark, too. */
	if (!skb_queue_empty_lockless(&sk->sk_receive_queue))
		return true;
	return READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN;
}

/*
 * One recvmsg: straight into the pages where they take a lot; else into the
 * stage, which may bring several replies at once. Behind a large reply another
 * is likely, so that just its header is taken.
 */
static ssize_t nbd_sock_recvmsg(struct nbd_sock *ns, struct nbd_rx *rx,
				bool *more)
{
	bool staged = rx->left <= NBD_RX_SMALL;
	struct msghdr msg = { };
	struct kvec vec;
	size_t want;
	ssize_t ret;
	int error;

	if (staged) {
		vec.iov_base = ns->stage;
		vec.iov_len = rx->large ? rx->left : NBD_SOCK_STAGE;
		iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, vec.iov_len);
	} else {
		msg.msg_iter = rx->iter;
	}

	want = iov_iter_count(&msg.msg_iter);
	ret = sock_recvmsg(ns->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (ret <= 0)
		return ret ?: -EPIPE;

	*more = ret == want || nbd_sock_has_more(ns->sock->sk);
	if (staged) {
		error = nbd_rx_feed(rx, ns->stage, ret);
	} else {
		iov_iter_advance(&rx->iter, ret);
		error = nbd_rx_filled(rx, ret);
	}
	return error ?: ret;
}

/**
 * nbd_sock_receive() - feed the parser with what has arrived
 * @ns: an adopted socket
 * @rx: the parser
 * @budget: bytes after which to return, roughly
 *
 * Never waits for the network; when more arrives, an event follows.
 *
 * Context: process, the only receiver; may sleep for the socket lock. Calls
 * the parser's ops, with the socket lock held if it is TCP.
 * Return: bytes received (> 0) when there may be more, -EAGAIN when everything
 * that had arrived was received, -EPIPE when the peer closed the connection, or
 * what ended it otherwise.
 */
ssize_t nbd_sock_receive(struct nbd_sock *ns, struct nbd_rx *rx, size_t budget)
{
	bool more = true;
	size_t done = 0;
	ssize_t ret = 0;

	if (ns->tcp)
		return nbd_sock_receive_tcp(ns, rx, budget);

	while (more && done < budget) {
		ret = nbd_sock_recvmsg(ns, rx, &more);
		if (ret < 0)
			break;
		done += ret;
	}
	rx->ops->pause(rx);
	if (ret < 0 && ret != -EAGAIN)
		return ret;
	return more && ret > 0 ? done : -EAGAIN;
}
