// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other sockets for all connections of a device that is in use, because its
 * export has grown or is to be reached on another way.
 *
 * All change at once: what one server has acknowledged another need not see
 * before it is flushed, so no request may travel on an old socket while others
 * travel on new ones. Requests are held for that time. Up to the moment when the
 * first socket is closed an error leaves everything as it was.
 */
#include <linux/delay.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "attach.h"
#include "link.h"

/* How long a server may take to answer what is in flight, and to flush. */
#define NBD_REPLACE_MS		10000
#define NBD_REPLACE_STEP_MS	5

static int nbd_adopt_all(const struct nbd_reconfigure *req,
			 struct nbd_sock *socks, struct netlink_ext_ack *extack)
{
	unsigned int i;
	int ret;

	for (i = 0; i < req->nr_fds; i++) {
		ret = nbd_sock_adopt(&socks[i], req->fds[i], extack);
		if (ret)
			return ret;
	}
	return 0;
}

static int nbd_flush_old(struct nbd_dev *dev, struct netlink_ext_ack *extack)
{
	u64 flags = dev->params.server_flags;
	int ret;

	if (!(flags & NBD_FLAG_SEND_FLUSH) || flags & NBD_FLAG_READ_ONLY ||
	    !nbd_queue_live(&dev->queue))
		return 0;
	ret = nbd_queue_flush(&dev->queue, msecs_to_jiffies(NBD_REPLACE_MS));
	if (ret == -EAGAIN)
		NL_SET_ERR_MSG(extack, "nothing replaced: settings of the disk are being changed");
	else if (ret)
		NL_SET_ERR_MSG(extack, "nothing replaced: the server did not flush");
	return ret;
}

/* What was taken back from a failing connection goes to another one. */
static bool nbd_answers_missing(struct nbd_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_conns; i++)
		if (atomic_read(&dev->conns[i]->state) == NBD_CONN_FAILING)
			return true;
	return nbd_queue_answering(&dev->queue);
}

static int nbd_wait_for_answers(struct nbd_dev *dev,
				struct netlink_ext_ack *extack)
{
	unsigned int ms;

	for (ms = 0; nbd_answers_missing(dev); ms += NBD_REPLACE_STEP_MS) {
		if (ms >= NBD_REPLACE_MS) {
			NL_SET_ERR_MSG(extack, "nothing replaced: the server does not answer");
			return -EBUSY;
		}
		if (fatal_signal_pending(current))
			return -EINTR;
		msleep(NBD_REPLACE_STEP_MS);
	}
	return 0;
}

static void nbd_close_old(struct nbd_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_conns; i++)
		nbd_conn_close(dev->conns[i]);
	for (i = 0; i < dev->nr_conns; i++)
		nbd_conn_await_down(dev->conns[i]);
}

static void nbd_install_new(struct nbd_dev *dev, struct nbd_sock *socks)
{
	unsigned int i;

	/* Status shows the peers' addresses. */
	mutex_lock(&dev->info_lock);
	for (i = 0; i < dev->nr_conns; i++)
		nbd_conn_install(dev->conns[i], &socks[i]);
	mutex_unlock(&dev->info_lock);
	nbd_route_setup(&dev->queue.config);
	nbd_queue_start(&dev->queue, dev->conns, dev->nr_conns);
}

/* While requests are held: what waits for memory may wait for them. */
static int nbd_replace_held(struct nbd_dev *dev, struct nbd_sock *socks,
			    struct netlink_ext_ack *extack)
{
	unsigned int noio = memalloc_noio_save();
	int ret;

	nbd_link_hold(dev);
	ret = nbd_wait_for_answers(dev, extack);
	if (!ret)
		ret = nbd_flush_old(dev, extack);
	if (!ret) {
		nbd_close_old(dev);
		nbd_install_new(dev, socks);
	}
	nbd_link_unhold(dev);
	memalloc_noio_restore(noio);
	return ret;
}

/**
 * nbd_replace() - give all connections other sockets
 * @dev: a configured device
 * @req: the sockets; one for each connection
 * @extack: says what is wrong
 *
 * What is in flight is answered, the server flushes, and its connections are
 * closed in good order. Users' requests wait meanwhile; none of them fails.
 *
 * Context: process, sleeps, some twenty seconds at most; the process whose
 * descriptors are given; @dev->lock.
 * Return: 0; -EINVAL when the number of sockets is another one; -EBUSY when the
 * server does not answer in time; what nbd_sock_adopt() and nbd_queue_flush()
 * say; -ENOMEM. After an error nothing has changed.
 */
int nbd_replace(struct nbd_dev *dev, const struct nbd_reconfigure *req,
		struct netlink_ext_ack *extack)
{
	struct nbd_sock *socks;
	unsigned int i;
	int ret;

	if (req->nr_fds != dev->nr_conns) {
		NL_SET_ERR_MSG(extack, "replacing needs a socket for each connection");
		return -EINVAL;
	}
	socks = kcalloc(req->nr_fds, sizeof(*socks), GFP_KERNEL);
	if (!socks)
		return -ENOMEM;
	ret = nbd_adopt_all(req, socks, extack);
	if (!ret)
		ret = nbd_replace_held(dev, socks, extack);
	for (i = 0; i < req->nr_fds; i++)
		nbd_sock_drop(&socks[i]);
	kfree(socks);
	return ret;
}
