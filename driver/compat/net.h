/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels in the network stack.
 */
#ifndef NBD_COMPAT_NET_H
#define NBD_COMPAT_NET_H

#include <linux/net.h>
#include <linux/uio.h>
#include <net/sock.h>

#ifdef NBD_HAVE_SENDPAGE

/* One page or less of the iterator's first segment. */
static inline ssize_t nbd_compat_sendpage(struct sock *sk,
					  struct iov_iter *iter, int flags)
{
	const struct bio_vec *vec = iter->bvec;
	size_t start = vec->bv_offset + iter->iov_offset;
	size_t len = min3((size_t)vec->bv_len - iter->iov_offset,
			  iov_iter_count(iter),
			  (size_t)PAGE_SIZE - offset_in_page(start));

	if (len < iov_iter_count(iter))
		flags |= MSG_MORE | MSG_SENDPAGE_NOTLAST;
	return kernel_sendpage_locked(sk, vec->bv_page + start / PAGE_SIZE,
				      offset_in_page(start), len, flags);
}

/**
 * nbd_compat_splice() - send pages without copying them
 * @sock: a TCP socket
 * @iter: bvecs whose pages sendpage_ok() accepts; advanced by what was taken
 * @msg: its flags
 *
 * Context: process, may sleep for the socket lock.
 * Return: bytes taken (> 0) or a negative errno.
 */
static inline ssize_t nbd_compat_splice(struct socket *sock,
					struct iov_iter *iter,
					struct msghdr *msg)
{
	ssize_t done = 0;
	ssize_t ret = 0;

	lock_sock(sock->sk);
	while (iov_iter_count(iter)) {
		ret = nbd_compat_sendpage(sock->sk, iter, msg->msg_flags);
		if (ret <= 0)
			break;
		iov_iter_advance(iter, ret);
		done += ret;
	}
	release_sock(sock->sk);
	return done ?: ret ?: -EPIPE;
}

#else

static inline ssize_t nbd_compat_splice(struct socket *sock,
					struct iov_iter *iter,
					struct msghdr *msg)
{
	ssize_t ret;

	msg->msg_flags |= MSG_SPLICE_PAGES;
	msg->msg_iter = *iter;
	ret = sock_sendmsg(sock, msg);
	if (ret > 0)
		iov_iter_advance(iter, ret);
	return ret ?: -EPIPE;
}

#endif

#endif /* NBD_COMPAT_NET_H */
