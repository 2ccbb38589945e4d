// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of devices: find, add, remove, refer to.
 */
#include <linux/idr.h>
#include <linux/module.h>

#include "dev.h"

static DEFINE_IDR(nbd_table);
/* Protects nbd_table. Taken with no other lock inside. */
static DEFINE_MUTEX(nbd_table_lock);
/* Disconnects after the last close, and removals; both may wait long. */
static struct workqueue_struct *nbd_del_wq;
static const struct nbd_dev_ops *nbd_ops;

static void nbd_dev_release(struct kref *ref)
{
	struct nbd_dev *dev = container_of(ref, struct nbd_dev, ref);

	mutex_destroy(&dev->lock);
	mutex_destroy(&dev->info_lock);
	mutex_destroy(&dev->link_lock);
	kfree(dev);
}

/**
 * nbd_dev_put() - drop a reference
 * @dev: the device, or NULL
 *
 * Context: any that may take a mutex never held here.
 */
void nbd_dev_put(struct nbd_dev *dev)
{
	if (dev)
		kref_put(&dev->ref, nbd_dev_release);
}

/**
 * nbd_dev_get() - find a device by number
 * @index: the number
 *
 * Context: process, sleeps for the table.
 * Return: the device with a reference for the caller, or NULL.
 */
struct nbd_dev *nbd_dev_get(int index)
{
	struct nbd_dev *dev;

	mutex_lock(&nbd_table_lock);
	dev = idr_find(&nbd_table, index);
	if (dev && !kref_get_unless_zero(&dev->ref))
		dev = NULL;
	mutex_unlock(&nbd_table_lock);
	return dev;
}

/**
 * nbd_dev_next() - walk over all devices
 * @index: where to start; set to the number of the device found
 *
 * Context: process, sleeps for the table.
 * Return: the first device from @index on with a reference for the caller, or
 * NULL.
 */
struct nbd_dev *nbd_dev_next(int *index)
{
	struct nbd_dev *dev;

	mutex_lock(&nbd_table_lock);
	do {
		dev = idr_get_next(&nbd_table, index);
		if (!dev || kref_get_unless_zero(&dev->ref))
			break;
		(*index)++;
	} while (true);
	mutex_unlock(&nbd_table_lock);
	return dev;
}

static bool nbd_dev_idle(struct nbd_dev *dev)
{
	bool idle;

	spin_lock(&dev->state_lock);
	idle = dev->state == NBD_STATE_IDLE && !dev->openers && !dev->closed;
	spin_unlock(&dev->state_lock);
	return idle;
}

/**
 * nbd_dev_get_idle() - find a device that nobody uses
 *
 * Somebody else may use it by the time the caller has locked it.
 *
 * Context: process, sleeps for the table.
 * Return: the device with a reference for the caller, or NULL.
 */
struct nbd_dev *nbd_dev_get_idle(void)
{
	struct nbd_dev *dev;
	int index;

	for (index = 0; (dev = nbd_dev_next(&index)); index++) {
		if (nbd_dev_idle(dev))
			return dev;
		nbd_dev_put(dev);
	}
	return NULL;
}

static void nbd_close_work(struct work_struct *work)
{
	struct nbd_dev *dev = container_of(work, struct nbd_dev, close_work);

	nbd_ops->last_close(dev);
	nbd_dev_put(dev);
}

static void nbd_dev_unlist(struct nbd_dev *dev)
{
	mutex_lock(&nbd_table_lock);
	idr_remove(&nbd_table, dev->index);
	mutex_unlock(&nbd_table_lock);
}

static void nbd_remove_work(struct work_struct *work)
{
	struct nbd_dev *dev = container_of(work, struct nbd_dev, remove_work);

	mutex_lock(&dev->lock);
	nbd_disk_del(dev);
	mutex_unlock(&dev->lock);
	/* Only now may another device have the number: its names are gone. */
	nbd_dev_unlist(dev);
	nbd_dev_put(dev);
}

/**
 * nbd_dev_remove_if_done() - delete a device that asked for it
 * @dev: a device that may have become idle
 *
 * Context: any that may take a spinlock. The removal happens later.
 */
void nbd_dev_remove_if_done(struct nbd_dev *dev)
{
	bool remove;

	spin_lock(&dev->state_lock);
	remove = dev->destroy && dev->state == NBD_STATE_IDLE &&
		 !dev->openers && !dev->closed;
	if (remove)
		dev->closed = true;
	spin_unlock(&dev->state_lock);
	if (remove)
		queue_work(nbd_del_wq, &dev->remove_work);
}

/**
 * nbd_dev_last_close() - the last opener of a device went
 * @dev: the device
 *
 * Context: any that may take a spinlock; open_mutex may be held.
 */
void nbd_dev_last_close(struct nbd_dev *dev)
{
	struct nbd_setup *setup;
	bool work;

	spin_lock(&dev->state_lock);
	setup = dev->setup;
	dev->setup = NULL;
	dev->closing = dev->last_close && nbd_state_configured(dev->state);
	work = setup || dev->leftover || dev->closing;
	spin_unlock(&dev->state_lock);
	if (setup)
		llist_add(&setup->node, &dev->old_setups);
	if (work) {
		kref_get(&dev->ref);
		if (!queue_work(nbd_del_wq, &dev->close_work))
			nbd_dev_put(dev);
	}
	nbd_dev_remove_if_done(dev);
}

/**
 * nbd_dev_ioctl() - an ioctl of a device that is open
 * @dev: the device
 * @cmd: which
 * @arg: its argument
 *
 * Context: process, sleeps.
 * Return: what nbd_dev_ops.ioctl says.
 */
int nbd_dev_ioctl(struct nbd_dev *dev, unsigned int cmd, unsigned long arg)
{
	return nbd_ops->ioctl(dev, cmd, arg);
}

/**
 * nbd_dev_state() - the state of a device
 * @dev: the device
 *
 * Context: any.
 * Return: NBD_STATE_*, which may be another one a moment later.
 */
unsigned int nbd_dev_state(struct nbd_dev *dev)
{
	return READ_ONCE(dev->state);
}

/**
 * nbd_state_configured() - does a device in this state have a configuration?
 * @state: NBD_STATE_*
 *
 * Context: any.
 * Return: true from the end of connect to the beginning of disconnect.
 */
bool nbd_state_configured(unsigned int state)
{
	return state == NBD_STATE_LIVE || state == NBD_STATE_PARKED ||
	       state == NBD_STATE_DEAD;
}

/**
 * nbd_dev_set_client_flags() - what is to happen when the device is not used
 * @dev: the device
 * @flags: NBD_CFLAG_*
 *
 * Context: any; @dev->lock.
 */
void nbd_dev_set_client_flags(struct nbd_dev *dev, u64 flags)
{
	spin_lock(&dev->state_lock);
	dev->destroy = flags & NBD_CFLAG_DESTROY_ON_DISCONNECT;
	dev->last_close = flags & NBD_CFLAG_DISCONNECT_ON_CLOSE;
	spin_unlock(&dev->state_lock);
}

static struct nbd_dev *nbd_dev_alloc(void)
{
	struct nbd_dev *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev)
		return NULL;
	kref_init(&dev->ref);
	mutex_init(&dev->lock);
	mutex_init(&dev->info_lock);
	mutex_init(&dev->link_lock);
	spin_lock_init(&dev->state_lock);
	init_waitqueue_head(&dev->state_wait);
	init_llist_head(&dev->old_setups);
	INIT_WORK(&dev->close_work, nbd_close_work);
	INIT_WORK(&dev->remove_work, nbd_remove_work);
	nbd_ops->setup(dev);
	return dev;
}

/* Reserve a number; the table shows the device once it is complete. */
static int nbd_dev_reserve(int index)
{
	int ret;

	mutex_lock(&nbd_table_lock);
	/* Who brings a disk that reclaim may wait for its connections takes the lock, too. */
	ret = idr_alloc(&nbd_table, NULL, max(index, 0),
			index < 0 ? nbd_disk_max_index() + 1 : index + 1,
			GFP_NOIO);
	mutex_unlock(&nbd_table_lock);
	return ret == -ENOSPC && index >= 0 ? -EEXIST : ret;
}

/**
 * nbd_dev_add() - make a device
 * @index: its number, or -1 for the first free one
 *
 * Context: process, sleeps.
 * Return: the device with a reference for the caller besides that of the
 * table; or an ERR_PTR: -EEXIST when there is one with that number, -ENOSPC
 * when all numbers are taken, -ENOMEM.
 */
struct nbd_dev *nbd_dev_add(int index)
{
	struct nbd_dev *dev = nbd_dev_alloc();
	int ret = -ENOMEM;

	if (!dev)
		return ERR_PTR(ret);
	ret = nbd_dev_reserve(index);
	if (ret < 0)
		goto put;
	dev->index = ret;
	snprintf(dev->name, sizeof(dev->name), "nbd%d", dev->index);
	ret = nbd_disk_reshape(dev, 1, NBD_DEFAULT_DEPTH);
	if (ret)
		goto unlist;

	kref_get(&dev->ref);
	mutex_lock(&nbd_table_lock);
	idr_replace(&nbd_table, dev, dev->index);
	mutex_unlock(&nbd_table_lock);
	return dev;

unlist:
	nbd_dev_unlist(dev);
put:
	nbd_dev_put(dev);
	return ERR_PTR(ret);
}

/**
 * nbd_devs_setup() - make the devices that exist from the start
 * @ops: the layer above
 * @count: how many
 *
 * Context: module init.
 * Return: 0, or what nbd_dev_add() says; then none is left.
 */
int nbd_devs_setup(const struct nbd_dev_ops *ops, unsigned int count)
{
	struct nbd_dev *dev;
	unsigned int i;

	nbd_ops = ops;
	nbd_del_wq = alloc_workqueue("nbd-del", WQ_UNBOUND, 0);
	if (!nbd_del_wq)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		dev = nbd_dev_add(i);
		if (IS_ERR(dev)) {
			nbd_devs_exit();
			return PTR_ERR(dev);
		}
		nbd_dev_put(dev);
	}
	return 0;
}

/**
 * nbd_devs_exit() - remove all devices
 *
 * Context: module exit; none is configured or open, and none can be added.
 */
void nbd_devs_exit(void)
{
	struct nbd_dev *dev;
	int index;

	/* Works hold references to this module's text; one may queue another. */
	drain_workqueue(nbd_del_wq);
	for (index = 0; (dev = nbd_dev_next(&index)); index++) {
		mutex_lock(&dev->lock);
		dev->closed = true;
		nbd_disk_del(dev);
		mutex_unlock(&dev->lock);
		nbd_dev_unlist(dev);
		nbd_dev_put(dev);
		nbd_dev_put(dev);
	}
	destroy_workqueue(nbd_del_wq);
	idr_destroy(&nbd_table);
}
