// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connect, disconnect.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/netlink.h>

#include "attach.h"
#include "compat/block.h"
#include "link.h"

/* How long disconnect lets a healthy server answer what is in flight. */
#define NBD_DRAIN_MS		1000
#define NBD_DRAIN_STEP_MS	5

/* --- disconnect ------------------------------------------------------ */

/* What is in flight may still be answered; a dead server gets no longer. */
static void nbd_drain(struct nbd_dev *dev)
{
	unsigned int ms;

	for (ms = 0; ms < NBD_DRAIN_MS; ms += NBD_DRAIN_STEP_MS) {
		if (!nbd_queue_in_flight(&dev->queue))
			return;
		msleep(NBD_DRAIN_STEP_MS);
	}
}

static void nbd_close_connections(struct nbd_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_conns; i++) {
		if (atomic_read(&dev->conns[i]->in_flight))
			nbd_conn_fail(dev->conns[i], -ECANCELED);
		else
			nbd_conn_close(dev->conns[i]);
	}
	for (i = 0; i < dev->nr_conns; i++)
		nbd_conn_settle(dev->conns[i]);
}

static void nbd_free_connections(struct nbd_conn **conns, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		nbd_conn_disown(conns[i]);
		nbd_conn_free(conns[i]);
	}
	kfree(conns);
}

/* Forget the configuration; nobody uses it any more but status. */
static void nbd_forget(struct nbd_dev *dev)
{
	struct nbd_conn **conns = dev->conns;
	unsigned int count = dev->nr_conns;

	mutex_lock(&dev->info_lock);
	dev->conns = NULL;
	dev->nr_conns = 0;
	kfree(dev->params.backend);
	memset(&dev->params, 0, sizeof(dev->params));
	mutex_unlock(&dev->info_lock);
	nbd_free_connections(conns, count);
}

/* With openers left, a CONNECT must wait: they still mean the old server. */
static void nbd_set_idle(struct nbd_dev *dev)
{
	spin_lock(&dev->state_lock);
	dev->leftover = dev->openers;
	if (!dev->leftover)
		WRITE_ONCE(dev->state, NBD_STATE_IDLE);
	dev->closed = false;
	dev->last_close = false;
	spin_unlock(&dev->state_lock);
}

/*
 * Everything in flight ends before anything is waited for that requests could
 * hold up, so the order here is what bounds the time.
 */
static void nbd_disconnect_locked(struct nbd_dev *dev)
{
	nbd_link_end(dev);
	nbd_drain(dev);
	nbd_close_connections(dev);
	nbd_queue_close(&dev->queue);
	nbd_sysfs_del(dev);
	nbd_disk_hide(dev);
	nbd_forget(dev);
	nbd_set_idle(dev);
	pr_info("%s: disconnected\n", dev->name);
	nbd_dev_remove_if_done(dev);
	module_put(THIS_MODULE);
}

/* Decide whether a disconnect may begin. 1: go on, 0: nothing to do. */
static int nbd_disconnect_check(struct nbd_dev *dev, u32 detach_flags)
{
	int ret = 1;

	spin_lock(&dev->state_lock);
	if (!nbd_state_configured(dev->state))
		ret = 0;
	else if (!(detach_flags & NBD_DETACH_UNUSED))
		ret = 1;
	else if (dev->openers)
		ret = -EBUSY;
	else
		dev->closed = true;
	spin_unlock(&dev->state_lock);
	return ret;
}

/**
 * nbd_disconnect() - end a device's configuration
 * @index: number of the device
 * @detach_flags: NBD_DETACH_*
 * @extack: says what is wrong
 *
 * Requests in flight may still be answered for a second, then everything ends
 * with an error. A device without a configuration is left alone.
 *
 * Context: process, sleeps; a bounded time whatever the server does.
 * Return: 0; -EINVAL when there is no such device; -EBUSY when
 * NBD_DETACH_UNUSED is set and somebody has it open.
 */
int nbd_disconnect(int index, u32 detach_flags, struct netlink_ext_ack *extack)
{
	struct nbd_dev *dev = nbd_dev_get(index);
	int ret;

	if (!dev) {
		NL_SET_ERR_MSG(extack, "no such device");
		return -EINVAL;
	}
	mutex_lock(&dev->lock);
	ret = nbd_disconnect_check(dev, detach_flags);
	if (ret > 0) {
		nbd_disconnect_locked(dev);
		ret = 0;
	}
	mutex_unlock(&dev->lock);
	if (ret == -EBUSY)
		NL_SET_ERR_MSG(extack, "somebody has the device open");
	nbd_dev_put(dev);
	return ret;
}

/* Was it disconnected while open, and does nobody have it open any more? */
static bool nbd_leftover_check(struct nbd_dev *dev)
{
	bool over;

	spin_lock(&dev->state_lock);
	over = dev->leftover && !dev->openers && !dev->closed;
	if (over)
		dev->closed = true;
	spin_unlock(&dev->state_lock);
	return over;
}

/* nbd_dev_ops.last_close, unless somebody came back meanwhile. */
static void nbd_attach_last_close(struct nbd_dev *dev)
{
	mutex_lock(&dev->lock);
	if (nbd_leftover_check(dev)) {
		/* Partitions that were in use when the server went. */
		nbd_disk_hide(dev);
		nbd_set_idle(dev);
		nbd_dev_remove_if_done(dev);
	} else if (nbd_disconnect_check(dev, NBD_DETACH_UNUSED) > 0) {
		nbd_disconnect_locked(dev);
	}
	mutex_unlock(&dev->lock);
}

const struct nbd_dev_ops nbd_attach_ops = {
	.setup		= nbd_link_setup,
	.last_close	= nbd_attach_last_close,
};

/* --- connect --------------------------------------------------------- */

static struct nbd_conn **nbd_make_connections(struct nbd_dev *dev,
					      const struct nbd_connect *req,
					      struct netlink_ext_ack *extack)
{
	struct nbd_conn **conns;
	unsigned int i;
	int ret;

	conns = kcalloc(req->nr_fds, sizeof(*conns), GFP_KERNEL);
	if (!conns)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < req->nr_fds; i++) {
		conns[i] = nbd_conn_alloc(&nbd_queue_conn_ops, &dev->queue,
					  dev->name, i, req->params.depth);
		ret = -ENOMEM;
		if (!conns[i])
			goto free;
		ret = nbd_conn_adopt(conns[i], req->fds[i], extack);
		if (ret) {
			nbd_conn_free(conns[i]);
			goto free;
		}
	}
	return conns;

free:
	nbd_free_connections(conns, i);
	return ERR_PTR(ret);
}

/* Does a flush cover the connection that it travels on and no other? */
static bool nbd_flush_each(const struct nbd_params *params)
{
	return params->attach_flags & NBD_ATTACH_FORCE_MULTI_CONN &&
	       !(params->server_flags & NBD_FLAG_CAN_MULTI_CONN);
}

/* Where nothing can fail any more. */
static void nbd_go_live(struct nbd_dev *dev)
{
	const struct nbd_queue_config config = {
		.conns		= dev->conns,
		.nr_conns	= dev->nr_conns,
		.flags		= dev->params.server_flags,
		.zeroes		= dev->params.zeroes,
		.timeout	= dev->params.timeout * HZ,
		.fence		= msecs_to_jiffies(dev->params.fence),
		.spread		= nbd_route_spread(dev->conns, dev->nr_conns),
		.flush_each	= dev->nr_conns > 1 &&
				  nbd_flush_each(&dev->params),
	};
	unsigned int i;

	nbd_dev_set_client_flags(dev, dev->params.client_flags);
	nbd_queue_open(&dev->queue, &config);
	for (i = 0; i < dev->nr_conns; i++)
		nbd_conn_start(dev->conns[i]);
	nbd_link_begin(dev);
	nbd_disk_show(dev);
}

/* Everything that can fail, in an order that can be undone. */
static int nbd_connect_locked(struct nbd_dev *dev, struct nbd_connect *req,
			      struct netlink_ext_ack *extack)
{
	struct nbd_conn **conns;
	int ret;

	conns = nbd_make_connections(dev, req, extack);
	if (IS_ERR(conns))
		return PTR_ERR(conns);

	ret = nbd_disk_reshape(dev, min(req->nr_fds, nr_cpu_ids),
			       min(req->nr_fds * req->params.depth,
				   (u32)NBD_MAX_TAGS));
	if (ret)
		goto free;

	mutex_lock(&dev->info_lock);
	dev->conns = conns;
	dev->nr_conns = req->nr_fds;
	dev->params = req->params;
	mutex_unlock(&dev->info_lock);

	ret = nbd_limits_apply(dev);
	if (!ret)
		ret = nbd_sysfs_add(dev);
	if (ret)
		goto forget;
	/* A configuration keeps the module; it may be on its way out already. */
	if (!try_module_get(THIS_MODULE)) {
		ret = -ENODEV;
		goto sysfs;
	}

	/* From here on the device owns the name. */
	req->params.backend = NULL;
	spin_lock(&dev->state_lock);
	dev->closed = false;
	spin_unlock(&dev->state_lock);
	nbd_go_live(dev);
	return 0;

sysfs:
	nbd_sysfs_del(dev);
forget:
	dev->params.backend = NULL;
	nbd_forget(dev);
	return ret;
free:
	nbd_free_connections(conns, req->nr_fds);
	return ret;
}

/* Make the device ours, if it is idle and nobody has it open. */
static int nbd_claim(struct nbd_dev *dev)
{
	int ret = -EAGAIN;

	spin_lock(&dev->state_lock);
	if (dev->state == NBD_STATE_IDLE && !dev->openers && !dev->closed) {
		WRITE_ONCE(dev->state, NBD_STATE_CONNECTING);
		dev->closed = true;
		ret = 0;
	}
	spin_unlock(&dev->state_lock);
	return ret;
}

static int nbd_connect_dev(struct nbd_dev *dev, struct nbd_connect *req,
			   struct netlink_ext_ack *extack)
{
	int ret;

	mutex_lock(&dev->lock);
	ret = nbd_claim(dev);
	if (!ret) {
		ret = nbd_connect_locked(dev, req, extack);
		if (ret)
			nbd_set_idle(dev);
	} else if (req->index >= 0) {
		NL_SET_ERR_MSG(extack, "the device is in use");
		ret = -EBUSY;
	}
	mutex_unlock(&dev->lock);
	return ret;
}

static struct nbd_dev *nbd_connect_target(int index)
{
	struct nbd_dev *dev;

	if (index < 0) {
		dev = nbd_dev_get_idle();
		return dev ?: nbd_dev_add(-1);
	}
	dev = nbd_dev_get(index);
	return dev ?: nbd_dev_add(index);
}

/**
 * nbd_connect() - configure a device
 * @req: what is asked for; its sockets are adopted on success
 * @extack: says what is wrong
 *
 * Context: process, sleeps; the process whose descriptors are given.
 * Return: number of the device (>= 0); -EBUSY when it is in use; what
 * nbd_limits_check() and nbd_conn_adopt() say; -ENOMEM. After an error nothing
 * has changed.
 */
int nbd_connect(struct nbd_connect *req, struct netlink_ext_ack *extack)
{
	struct nbd_dev *dev;
	int ret;

	ret = nbd_limits_check(&req->params, extack);
	if (ret)
		return ret;

	do {
		dev = nbd_connect_target(req->index);
		if (IS_ERR(dev)) {
			ret = PTR_ERR(dev);
			return ret == -EEXIST ? -EBUSY : ret;
		}
		ret = nbd_connect_dev(dev, req, extack);
		if (!ret)
			ret = dev->index;
		nbd_dev_put(dev);
		/* Somebody was faster: look for another one. */
	} while (ret == -EAGAIN);
	return ret;
}
