// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reconfigure: settings of a device in use, and sockets for connections that
 * are down.
 */
#include <linux/netlink.h>
#include <linux/sched/mm.h>

#include "attach.h"
#include "link.h"

static int nbd_same_server(struct nbd_dev *dev,
			   const struct nbd_reconfigure *req,
			   struct netlink_ext_ack *extack)
{
	const struct nbd_params *params = &dev->params;

	if (params->backend &&
	    (!req->backend || strcmp(req->backend, params->backend))) {
		NL_SET_ERR_MSG(extack, "another backend than the one attached to");
		return -EINVAL;
	}
	if (req->size && *req->size < params->size &&
	    !(req->change_flags & NBD_CHANGE_SHRINK)) {
		NL_SET_ERR_MSG(extack, "the export is smaller than the device");
		return -EINVAL;
	}
	if (req->size && *req->size > S64_MAX) {
		NL_SET_ERR_MSG(extack, "the size is 2^63 bytes or more");
		return -ERANGE;
	}
	if (req->block_size && *req->block_size != params->block_size) {
		NL_SET_ERR_MSG(extack, "the block size cannot change while attached");
		return -EINVAL;
	}
	if (req->server_flags && *req->server_flags != params->server_flags) {
		NL_SET_ERR_MSG(extack, "other export flags than those attached with");
		return -EINVAL;
	}
	return 0;
}

static struct nbd_conn *nbd_dead_slot(struct nbd_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_conns; i++) {
		if (nbd_conn_down(dev->conns[i]))
			return dev->conns[i];
	}
	return NULL;
}

static void nbd_await_all(struct nbd_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_conns; i++)
		nbd_conn_await_down(dev->conns[i]);
}

/* Adopt all sockets or none; those in @chosen are to be started. */
static int nbd_fill_slots(struct nbd_dev *dev, struct nbd_reconfigure *req,
			  struct nbd_conn **chosen,
			  struct netlink_ext_ack *extack)
{
	unsigned int i;
	int ret;

	/* A connection that is going down right now is a dead slot too. */
	nbd_await_all(dev);
	for (i = 0; i < req->nr_fds; i++) {
		chosen[i] = nbd_dead_slot(dev);
		ret = -ENOSPC;
		if (!chosen[i]) {
			NL_SET_ERR_MSG(extack, "no connection of the device is down");
			goto undo;
		}
		/* Status shows the peer's address. */
		mutex_lock(&dev->info_lock);
		ret = nbd_conn_adopt(chosen[i], req->fds[i], extack);
		mutex_unlock(&dev->info_lock);
		if (ret)
			goto undo;
	}
	return 0;

undo:
	while (i--)
		nbd_conn_disown(chosen[i]);
	return ret;
}

/**
 * nbd_set_timeout() - another time for the server to answer
 * @dev: a configured device
 * @seconds: up to NBD_MAX_SECONDS, 0 for ever
 *
 * Context: process, may sleep; @dev->lock.
 */
void nbd_set_timeout(struct nbd_dev *dev, u64 seconds)
{
	mutex_lock(&dev->info_lock);
	dev->params.timeout = seconds;
	mutex_unlock(&dev->info_lock);
	WRITE_ONCE(dev->queue.config.timeout, seconds * HZ);
	blk_queue_rq_timeout(dev->disk->queue, (seconds ?: 30) * HZ);
}

/**
 * nbd_resize() - another size, whatever the server thinks of it
 * @dev: a configured device
 * @size: bytes
 *
 * Context: process, may sleep; @dev->lock.
 */
void nbd_resize(struct nbd_dev *dev, u64 size)
{
	mutex_lock(&dev->info_lock);
	dev->params.size = size;
	mutex_unlock(&dev->info_lock);
	set_capacity_and_notify(dev->disk, size >> SECTOR_SHIFT);
}

static void nbd_take_settings(struct nbd_dev *dev, struct nbd_reconfigure *req)
{
	mutex_lock(&dev->info_lock);
	if (req->moved_to)
		swap(dev->params.moved_to, req->moved_to);
	if (req->dead_timeout)
		WRITE_ONCE(dev->params.dead_timeout, *req->dead_timeout);
	if (req->client_flags)
		dev->params.client_flags = *req->client_flags;
	mutex_unlock(&dev->info_lock);

	if (req->timeout)
		nbd_set_timeout(dev, *req->timeout);
	if (req->client_flags)
		nbd_dev_set_client_flags(dev, *req->client_flags);
	if (req->size)
		nbd_resize(dev, *req->size);
}

/* Give sockets to connections that are down. */
static int nbd_refill(struct nbd_dev *dev, struct nbd_reconfigure *req,
		      struct netlink_ext_ack *extack)
{
	struct nbd_conn **chosen;
	int ret;

	chosen = kcalloc(NBD_MAX_CONNECTIONS, sizeof(*chosen), GFP_KERNEL);
	if (!chosen)
		return -ENOMEM;
	ret = nbd_fill_slots(dev, req, chosen, extack);
	if (!ret) {
		nbd_route_setup(&dev->queue.config);
		nbd_queue_start(&dev->queue, chosen, req->nr_fds);
		nbd_link_update(dev);
	}
	kfree(chosen);
	return ret;
}

static int nbd_reconfigure_locked(struct nbd_dev *dev,
				  struct nbd_reconfigure *req,
				  struct netlink_ext_ack *extack)
{
	int ret;

	if (!nbd_state_configured(nbd_dev_state(dev))) {
		NL_SET_ERR_MSG(extack, "the device is not attached");
		return -EINVAL;
	}
	ret = nbd_serial_check(dev, req->serial, extack);
	if (ret)
		return ret;
	if (dev->by_ioctl) {
		NL_SET_ERR_MSG(extack, "the device was attached by ioctl");
		return -EINVAL;
	}
	ret = nbd_same_server(dev, req, extack);
	if (!ret && req->change_flags & NBD_CHANGE_REPLACE)
		ret = nbd_replace(dev, req, extack);
	else if (!ret)
		ret = nbd_refill(dev, req, extack);
	if (!ret)
		nbd_take_settings(dev, req);
	return ret;
}

/**
 * nbd_reconfigure() - change a configured device; give it new sockets
 * @req: what is asked for
 * @extack: says what is wrong
 *
 * Context: process, sleeps; the process whose descriptors are given.
 * Return: 0; -EINVAL when there is no such device, it is not attached or was by
 * ioctl, or the server is another one; -ESTALE when it has another configuration
 * than the one that is meant; -ENOSPC when there are more sockets than
 * connections that are down; what nbd_conn_adopt() and nbd_replace() say. After
 * an error nothing has changed.
 */
int nbd_reconfigure(struct nbd_reconfigure *req, struct netlink_ext_ack *extack)
{
	struct nbd_dev *dev = nbd_dev_get(req->index);
	unsigned int noio;
	int ret;

	if (!dev) {
		NL_SET_ERR_MSG(extack, "no such device");
		return -EINVAL;
	}
	/* Memory must not wait for requests that wait for these connections. */
	noio = memalloc_noio_save();
	mutex_lock(&dev->lock);
	ret = nbd_reconfigure_locked(dev, req, extack);
	mutex_unlock(&dev->lock);
	memalloc_noio_restore(noio);
	nbd_dev_put(dev);
	return ret;
}
