// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connect, disconnect.
 */
#include <linux/delay.h>
#include <linux/jump_label.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <net/sock.h>

#include "attach.h"
#include "compat/block.h"
#include "link.h"

/* How long disconnect lets a healthy server answer what is in flight. */
#define NBD_DRAIN_MS		1000
#define NBD_DRAIN_STEP_MS	5

/* --- serials --------------------------------------------------------- */

static atomic_t nbd_last_serial;

/**
 * nbd_attach_setup() - choose where serials begin
 *
 * Anywhere: what user space remembers may be older than the module.
 *
 * Context: module init, before devices can be configured.
 */
void nbd_attach_setup(void)
{
	atomic_set(&nbd_last_serial, get_random_u32());
}

static u32 nbd_next_serial(void)
{
	u32 serial;

	do
		serial = atomic_inc_return(&nbd_last_serial);
	while (!serial);
	return serial;
}

/**
 * nbd_serial_check() - is it the configuration that is meant?
 * @dev: a configured device
 * @serial: NBD_ATTR_SERIAL, 0 for any
 * @extack: says that it is not
 *
 * Context: process; @dev->lock.
 * Return: 0, or -ESTALE when it is another one.
 */
int nbd_serial_check(const struct nbd_dev *dev, u32 serial,
		     struct netlink_ext_ack *extack)
{
	if (!serial || serial == dev->serial)
		return 0;
	NL_SET_ERR_MSG(extack, "the device was attached anew since");
	return -ESTALE;
}

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
	kfree(dev->params.moved_to);
	memset(&dev->params, 0, sizeof(dev->params));
	mutex_unlock(&dev->info_lock);
	nbd_free_connections(conns, count);
}

/*
 * With openers left, a CONNECT must wait: they still mean the old server. Who
 * calls DO_IT again is one of them, and only what is still visible is left.
 */
static void nbd_set_idle(struct nbd_dev *dev)
{
	spin_lock(&dev->state_lock);
	dev->leftover = dev->openers &&
			(!dev->by_ioctl || get_capacity(dev->disk));
	if (!dev->leftover || dev->by_ioctl)
		WRITE_ONCE(dev->state, NBD_STATE_IDLE);
	dev->closed = false;
	dev->last_close = false;
	dev->closing = false;
	spin_unlock(&dev->state_lock);
	wake_up_all(&dev->state_wait);
}

/*
 * Others besides the one in DO_IT have it open and may come to like its next
 * server: they keep size and partitions until the last close.
 */
static bool nbd_stays_visible(struct nbd_dev *dev)
{
	return dev->by_ioctl && READ_ONCE(dev->openers) > 1;
}

/**
 * nbd_disconnect_dev() - end a device's configuration
 * @dev: a configured device
 *
 * Everything in flight ends before anything is waited for that requests could
 * hold up, so the order here is what bounds the time.
 *
 * Context: process, sleeps; a bounded time whatever the server does; @dev->lock.
 */
void nbd_disconnect_dev(struct nbd_dev *dev)
{
	nbd_link_end(dev);
	nbd_drain(dev);
	nbd_close_connections(dev);
	nbd_queue_close(&dev->queue);
	nbd_debugfs_del(dev);
	nbd_sysfs_del(dev);
	if (!nbd_stays_visible(dev))
		nbd_disk_hide(dev);
	nbd_forget(dev);
	static_branch_dec(&memalloc_socks_key);
	nbd_set_idle(dev);
	pr_info("%s: disconnected\n", dev->name);
	nbd_dev_remove_if_done(dev);
	module_put(THIS_MODULE);
}

/* Is it what somebody has seen who wants it to end? Holds as long as @dev->lock. */
static int nbd_disconnect_meant(struct nbd_dev *dev, u32 serial,
				u32 detach_flags,
				struct netlink_ext_ack *extack)
	__must_hold(&dev->lock)
{
	int ret;

	if (!nbd_state_configured(nbd_dev_state(dev)))
		return 0;
	ret = nbd_serial_check(dev, serial, extack);
	if (!ret && detach_flags & NBD_DETACH_DEAD &&
	    nbd_queue_live(&dev->queue)) {
		NL_SET_ERR_MSG(extack, "a connection of the device is live");
		ret = -EBUSY;
	}
	return ret;
}

/* Decide whether a disconnect may begin. 1: go on, 0: nothing to do. */
static int nbd_disconnect_check(struct nbd_dev *dev, u32 detach_flags,
				struct netlink_ext_ack *extack)
{
	/* The one in DO_IT does not use it. */
	unsigned int unused = dev->by_ioctl;
	int ret = 1;

	spin_lock(&dev->state_lock);
	if (!nbd_state_configured(dev->state))
		ret = 0;
	else if (!(detach_flags & NBD_DETACH_UNUSED))
		ret = 1;
	else if (dev->openers > unused)
		ret = -EBUSY;
	else
		dev->closed = true;
	spin_unlock(&dev->state_lock);
	if (ret < 0)
		NL_SET_ERR_MSG(extack, "somebody has the device open");
	return ret;
}

/**
 * nbd_disconnect() - end a device's configuration
 * @index: number of the device
 * @serial: NBD_ATTR_SERIAL of the configuration that is meant, 0 for any
 * @detach_flags: NBD_DETACH_*
 * @extack: says what is wrong
 *
 * Requests in flight may still be answered for a second, then everything ends
 * with an error. A device without a configuration is left alone.
 *
 * Context: process, sleeps; a bounded time whatever the server does.
 * Return: 0; -EINVAL when there is no such device; -ESTALE when it has another
 * configuration than the one that is meant; -EBUSY when NBD_DETACH_UNUSED is set
 * and somebody has it open, or NBD_DETACH_DEAD and a connection is live.
 */
int nbd_disconnect(int index, u32 serial, u32 detach_flags,
		   struct netlink_ext_ack *extack)
{
	struct nbd_dev *dev = nbd_dev_get(index);
	int ret;

	if (!dev) {
		NL_SET_ERR_MSG(extack, "no such device");
		return -EINVAL;
	}
	mutex_lock(&dev->lock);
	ret = nbd_disconnect_meant(dev, serial, detach_flags, extack);
	if (!ret)
		ret = nbd_disconnect_check(dev, detach_flags, extack);
	if (ret > 0) {
		nbd_disconnect_dev(dev);
		ret = 0;
	}
	mutex_unlock(&dev->lock);
	nbd_dev_put(dev);
	return ret;
}

/* Was it disconnected while open, and does nobody have it open any more? */
static bool nbd_leftover_check(struct nbd_dev *dev)
{
	bool over;

	spin_lock(&dev->state_lock);
	over = dev->leftover && !dev->openers && !dev->closed;
	/* A program in a loop around DO_IT may be about to open it again. */
	if (over)
		dev->closed = !dev->by_ioctl;
	spin_unlock(&dev->state_lock);
	return over;
}

/**
 * nbd_attach_last_close() - nobody has the device open any more
 * @dev: the device; if somebody came back meanwhile it is left alone
 *
 * Context: process, sleeps.
 */
void nbd_attach_last_close(struct nbd_dev *dev)
{
	mutex_lock(&dev->lock);
	if (nbd_leftover_check(dev)) {
		/* Partitions that were in use when the server went. */
		nbd_disk_hide(dev);
		nbd_set_idle(dev);
		nbd_dev_remove_if_done(dev);
	} else if (READ_ONCE(dev->closing) &&
		   nbd_disconnect_check(dev, NBD_DETACH_UNUSED, NULL) > 0) {
		nbd_disconnect_dev(dev);
	}
	mutex_unlock(&dev->lock);
}

/* --- connect --------------------------------------------------------- */

static struct nbd_conn **nbd_alloc_connections(struct nbd_dev *dev, u32 depth,
					       unsigned int count)
{
	struct nbd_conn **conns;
	unsigned int i;

	conns = kcalloc(count, sizeof(*conns), GFP_KERNEL);
	for (i = 0; conns && i < count; i++) {
		conns[i] = nbd_conn_alloc(&nbd_queue_conn_ops, &dev->queue,
					  dev->name, dev->index, i, depth);
		if (!conns[i]) {
			nbd_free_connections(conns, i);
			conns = NULL;
		}
	}
	return conns;
}

static int nbd_adopt_sockets(struct nbd_conn **conns,
			     const struct nbd_connect *req,
			     struct netlink_ext_ack *extack)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < req->nr_fds && !ret; i++)
		ret = nbd_conn_adopt(conns[i], req->fds[i], extack);
	return ret;
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
	struct nbd_queue_config config = {
		.conns		= dev->conns,
		.nr_conns	= dev->nr_conns,
		.flags		= dev->params.server_flags,
		.zeroes		= dev->params.zeroes,
		.timeout	= dev->params.timeout * HZ,
		.fence		= msecs_to_jiffies(dev->params.fence),
		.flush_each	= dev->nr_conns > 1 &&
				  nbd_flush_each(&dev->params),
		.loss_fails	= dev->params.attach_flags &
				  NBD_ATTACH_LOSS_FAILS,
	};

	nbd_route_setup(&config);
	nbd_dev_set_client_flags(dev, dev->params.client_flags);
	nbd_queue_open(&dev->queue, &config);
	nbd_queue_start(&dev->queue, dev->conns, dev->nr_conns);
	nbd_link_begin(dev);
	nbd_disk_show(dev);
}

/*
 * Everything that can fail, in an order that can be undone. Takes over the
 * connections; the backend's name stays the caller's after an error.
 */
static int nbd_configure(struct nbd_dev *dev, const struct nbd_params *params,
			 struct nbd_conn **conns, unsigned int count)
{
	int ret;

	mutex_lock(&dev->info_lock);
	dev->conns = conns;
	dev->nr_conns = count;
	dev->params = *params;
	WRITE_ONCE(dev->serial, nbd_next_serial());
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
	nbd_debugfs_add(dev);
	/*
	 * The first socket of the system that may use the reserves has the kernel's
	 * code rewritten, under locks that others hold while they wait for memory, and so
	 * has the last one. As long as requests can depend on a new socket there is one.
	 */
	static_branch_inc(&memalloc_socks_key);
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
}

static int nbd_connect_locked(struct nbd_dev *dev, struct nbd_connect *req,
			      struct netlink_ext_ack *extack)
{
	u32 depth = req->params.depth;
	struct nbd_conn **conns;
	int ret;

	conns = nbd_alloc_connections(dev, depth, req->nr_fds);
	if (!conns)
		return -ENOMEM;
	ret = nbd_adopt_sockets(conns, req, extack);
	if (!ret)
		ret = nbd_disk_reshape(dev, min(req->nr_fds, nr_cpu_ids),
				       min(req->nr_fds * depth,
					   (u32)NBD_MAX_TAGS));
	if (ret) {
		nbd_free_connections(conns, req->nr_fds);
		return ret;
	}
	ret = nbd_configure(dev, &req->params, conns, req->nr_fds);
	if (ret)
		return ret;
	/* The device owns the name now. */
	req->params.backend = NULL;
	req->serial = dev->serial;
	return 0;
}

/*
 * Make the device ours, if it is idle and, unless DO_IT is one of those who do,
 * nobody has it open.
 */
static int nbd_claim(struct nbd_dev *dev, bool by_ioctl)
{
	bool hide = false;
	int ret = -EAGAIN;

	spin_lock(&dev->state_lock);
	if (dev->state == NBD_STATE_IDLE && !dev->closed &&
	    (by_ioctl || !dev->openers)) {
		WRITE_ONCE(dev->state, NBD_STATE_CONNECTING);
		WRITE_ONCE(dev->by_ioctl, by_ioctl);
		dev->closed = !by_ioctl;
		hide = dev->leftover && !by_ioctl;
		dev->leftover = false;
		ret = 0;
	}
	spin_unlock(&dev->state_lock);
	/* The last close was a moment ago, what it queued has not run yet. */
	if (hide)
		nbd_disk_hide(dev);
	return ret;
}

/*
 * What others have open must stay what it is, as far as can be seen: their dirty
 * pages may be written to the next server.
 */
static bool nbd_looks_different(struct nbd_dev *dev,
				const struct nbd_params *params)
{
	sector_t capacity = get_capacity(dev->disk);

	return capacity &&
	       (capacity != params->size >> SECTOR_SHIFT ||
		queue_logical_block_size(dev->disk->queue) !=
		params->block_size);
}

/**
 * nbd_connect_open() - configure a device that the caller has open
 * @dev: the device; its disk keeps its shape
 * @params: what was asked for; copied, without a backend
 * @socks: adopted sockets, taken over if all goes well, and perhaps if not
 * @count: how many
 *
 * Context: process, sleeps; @dev->lock.
 * Return: 0; -EBUSY when it is attached, or when it was and others have it open
 * who mean a server that is not this one; what nbd_limits_check(), the block
 * layer and sysfs say; -ENODEV while the module is going away; -ENOMEM. After an
 * error the device is idle and the sockets may be gone.
 */
int nbd_connect_open(struct nbd_dev *dev, const struct nbd_params *params,
		     struct nbd_sock *socks, unsigned int count)
{
	struct nbd_conn **conns;
	unsigned int i;
	int ret;

	ret = nbd_limits_check(params, NULL);
	if (ret)
		return ret;
	/* The last one of those who had it open went while this one had it, too. */
	if (READ_ONCE(dev->openers) == 1 && get_capacity(dev->disk) &&
	    nbd_dev_state(dev) == NBD_STATE_IDLE)
		nbd_disk_hide(dev);
	if (nbd_looks_different(dev, params) || nbd_claim(dev, true))
		return -EBUSY;
	ret = -ENOMEM;
	conns = nbd_alloc_connections(dev, params->depth, count);
	if (conns) {
		for (i = 0; i < count; i++)
			nbd_conn_install(conns[i], &socks[i]);
		ret = nbd_configure(dev, params, conns, count);
	}
	if (ret)
		nbd_set_idle(dev);
	return ret;
}

static int nbd_connect_dev(struct nbd_dev *dev, struct nbd_connect *req,
			   struct netlink_ext_ack *extack)
{
	int ret;

	mutex_lock(&dev->lock);
	ret = nbd_claim(dev, false);
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
