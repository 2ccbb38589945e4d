// SPDX-License-Identifier: GPL-2.0-only
/*
 * The disk of a device: tag set, gendisk, open and release, what users see of
 * its size and partitions.
 */
#include <linux/delay.h>
#include <linux/idr.h>
#include <linux/log2.h>
#include <linux/major.h>
#include <linux/module.h>

#include "compat/block.h"
#include "dev.h"

static unsigned int nbd_part_shift;
/* Disks for which nbd_disk_free() has not been called yet. */
static atomic_t nbd_disks;

/* --- open and release ------------------------------------------------ */

static int nbd_disk_open(NBD_OPEN_ARGS)
{
	struct nbd_dev *dev = NBD_OPENED_DISK->private_data;
	int ret = 0;

	spin_lock(&dev->state_lock);
	if (dev->closed)
		ret = -ENXIO;
	else
		dev->openers++;
	spin_unlock(&dev->state_lock);
	return ret;
}

static void nbd_disk_release(NBD_RELEASE_ARGS)
{
	struct nbd_dev *dev = disk->private_data;
	bool last;

	spin_lock(&dev->state_lock);
	last = !--dev->openers;
	/* Before a configuration can end or begin. */
	if (last)
		nbd_loss_closed(&dev->queue.loss);
	spin_unlock(&dev->state_lock);
	if (last)
		nbd_dev_last_close(dev);
}

static int nbd_disk_ioctl(struct block_device *bdev, nbd_mode_t mode,
			  unsigned int cmd, unsigned long arg)
{
	return nbd_dev_ioctl(bdev->bd_disk->private_data, cmd, arg);
}

static void nbd_disk_free(struct gendisk *disk)
{
	nbd_dev_put(disk->private_data);
	/* Last; pairs with the acquire in nbd_disk_exit(). */
	atomic_fetch_dec_release(&nbd_disks);
}

static const struct block_device_operations nbd_fops = {
	.owner		= THIS_MODULE,
	.open		= nbd_disk_open,
	.release	= nbd_disk_release,
	.ioctl		= nbd_disk_ioctl,
	/* All arguments are numbers, the same for every word size. */
	.compat_ioctl	= nbd_disk_ioctl,
	.free_disk	= nbd_disk_free,
};

/* --- making and replacing -------------------------------------------- */

/*
 * BLOCKING: sending takes the socket lock. STACKING: requests that wait for a
 * connection must not hold up CPU offline and suspend. HCTX_SHARED: one thread
 * may use all connections, so that each hardware queue would need tags, and
 * memory for requests, for all of them.
 */
static struct blk_mq_tag_set *nbd_set_alloc(unsigned int hw_queues,
					    unsigned int depth)
{
	struct blk_mq_tag_set *set = kzalloc(sizeof(*set), GFP_KERNEL);
	int ret;

	if (!set)
		return ERR_PTR(-ENOMEM);
	set->ops = &nbd_mq_ops;
	set->nr_hw_queues = hw_queues;
	set->queue_depth = depth + NBD_RESERVED_TAGS;
	set->reserved_tags = NBD_RESERVED_TAGS;
	set->numa_node = NUMA_NO_NODE;
	set->cmd_size = sizeof(struct nbd_cmd);
	set->flags = BLK_MQ_F_BLOCKING | BLK_MQ_F_NO_SCHED_BY_DEFAULT |
		     BLK_MQ_F_STACKING | NBD_TAG_SET_MERGE;
	if (hw_queues > 1)
		set->flags |= BLK_MQ_F_TAG_HCTX_SHARED;
	ret = blk_mq_alloc_tag_set(set);
	if (ret) {
		kfree(set);
		return ERR_PTR(ret);
	}
	return set;
}

static void nbd_set_free(struct blk_mq_tag_set *set)
{
	if (!set)
		return;
	blk_mq_free_tag_set(set);
	kfree(set);
}

static struct gendisk *nbd_disk_alloc(struct nbd_dev *dev,
				      struct blk_mq_tag_set *set)
{
	struct gendisk *disk = nbd_alloc_disk(set, &dev->queue);

	if (IS_ERR(disk))
		return disk;
	disk->major = NBD_MAJOR;
	disk->first_minor = dev->index << nbd_part_shift;
	disk->minors = 1 << nbd_part_shift;
	disk->fops = &nbd_fops;
	disk->private_data = dev;
	strscpy(disk->disk_name, dev->name, sizeof(disk->disk_name));
	return disk;
}

/* Make the disk known; it has no size yet. Takes over @set and @disk. */
static int nbd_disk_add(struct nbd_dev *dev, struct blk_mq_tag_set *set,
			struct gendisk *disk)
{
	int ret;

	/* The disk's reference to the device, dropped by nbd_disk_free(). */
	kref_get(&dev->ref);
	atomic_inc(&nbd_disks);
	ret = add_disk(disk);
	if (ret) {
		put_disk(disk);
		nbd_set_free(set);
		nbd_dev_put(dev);
		atomic_dec(&nbd_disks);
		return ret;
	}
	mutex_lock(&dev->info_lock);
	dev->disk = disk;
	dev->set = set;
	dev->queue.disk = disk;
	dev->queue.set = set;
	mutex_unlock(&dev->info_lock);
	return 0;
}

/**
 * nbd_disk_del() - the end of a device's disk
 * @dev: a device that is @closed and has no openers; without a disk nothing
 *	happens
 *
 * Context: process, sleeps; @dev->lock, or nobody else knows the device.
 */
void nbd_disk_del(struct nbd_dev *dev)
{
	struct blk_mq_tag_set *set = dev->set;
	struct gendisk *disk = dev->disk;

	if (!disk)
		return;
	mutex_lock(&dev->info_lock);
	dev->disk = NULL;
	dev->set = NULL;
	mutex_unlock(&dev->info_lock);
	del_gendisk(disk);
	put_disk(disk);
	nbd_set_free(set);
}

/**
 * nbd_disk_tags() - how many requests may be started at a time
 * @dev: a device that has a disk
 *
 * Context: process; @dev->lock or @dev->info_lock.
 * Return: tags, without the driver's own.
 */
unsigned int nbd_disk_tags(const struct nbd_dev *dev)
{
	return dev->set->queue_depth - NBD_RESERVED_TAGS;
}

/**
 * nbd_disk_reshape() - give the device a disk of a certain shape
 * @dev: a device that is @closed and has no openers
 * @hw_queues: hardware queues
 * @depth: tags, shared by all of them, up to NBD_MAX_TAGS; there is one
 *	more for the driver itself
 *
 * The tags of a live tag set cannot grow, so another shape is another disk
 * under the same number. Everything that takes memory is done before the old
 * disk goes.
 *
 * Context: process, sleeps; @dev->lock, or nobody else knows the device.
 * Return: 0, -ENOMEM, or what add_disk() says; then the device may be without
 * a disk until this is called again.
 */
int nbd_disk_reshape(struct nbd_dev *dev, unsigned int hw_queues,
		     unsigned int depth)
{
	struct blk_mq_tag_set *set;
	struct gendisk *disk;

	if (dev->disk && dev->set->nr_hw_queues == hw_queues &&
	    nbd_disk_tags(dev) == depth)
		return 0;

	set = nbd_set_alloc(hw_queues, depth);
	if (IS_ERR(set))
		return PTR_ERR(set);
	disk = nbd_disk_alloc(dev, set);
	if (IS_ERR(disk)) {
		nbd_set_free(set);
		return PTR_ERR(disk);
	}
	nbd_disk_del(dev);
	return nbd_disk_add(dev, set, disk);
}

/* --- what users see -------------------------------------------------- */

/**
 * nbd_disk_show() - give the disk its size and let the world look at it
 * @dev: a device whose connections are live
 *
 * Partitions are scanned by whoever opens it next, which the change event
 * makes udev do.
 *
 * Context: process, sleeps; @dev->lock.
 */
void nbd_disk_show(struct nbd_dev *dev)
{
	bool scan = nbd_part_shift &&
		    !(dev->params.attach_flags & NBD_ATTACH_NO_PARTSCAN);

	set_disk_ro(dev->disk, dev->params.server_flags & NBD_FLAG_READ_ONLY);
	if (scan) {
		clear_bit(GD_SUPPRESS_PART_SCAN, &dev->disk->state);
		set_bit(GD_NEED_PART_SCAN, &dev->disk->state);
	} else {
		set_bit(GD_SUPPRESS_PART_SCAN, &dev->disk->state);
	}
	if (!set_capacity_and_notify(dev->disk,
				     dev->params.size >> SECTOR_SHIFT))
		kobject_uevent(&disk_to_dev(dev->disk)->kobj, KOBJ_CHANGE);
}

/**
 * nbd_disk_hide() - take the size away, and all that was known of the contents
 * @dev: a device whose requests fail at once, so that nothing here waits for
 *	a server
 *
 * Context: process, sleeps for open_mutex; @dev->lock.
 */
void nbd_disk_hide(struct nbd_dev *dev)
{
	struct gendisk *disk = dev->disk;

	invalidate_disk(disk);
	mutex_lock(&disk->open_mutex);
	/* Partitions in use stay until they are closed, with size 0 below. */
	bdev_disk_changed(disk, false);
	mutex_unlock(&disk->open_mutex);
	invalidate_disk(disk);
	set_disk_ro(disk, false);
	kobject_uevent(&disk_to_dev(disk)->kobj, KOBJ_CHANGE);
}

/* --- module ---------------------------------------------------------- */

/**
 * nbd_disk_max_index() - the largest number a device can have
 *
 * Context: any.
 * Return: that number.
 */
int nbd_disk_max_index(void)
{
	return MINORMASK >> nbd_part_shift;
}

/**
 * nbd_disk_setup() - register the block major
 * @max_part: partitions per disk, rounded up to 2^n - 1
 *
 * Context: module init.
 * Return: 0; -EINVAL when @max_part is negative or too large; -EBUSY when the
 * stock driver is built into the kernel; -ENOMEM.
 */
int nbd_disk_setup(int max_part)
{
	if (max_part < 0)
		return -EINVAL;
	nbd_part_shift = max_part ? fls(max_part) : 0;
	if ((1UL << nbd_part_shift) > DISK_MAX_PARTS)
		return -EINVAL;
	return register_blkdev(NBD_MAJOR, "nbd");
}

/**
 * nbd_disk_exit() - the end of nbd_disk_setup()
 *
 * Whoever reads /proc/diskstats, or finds while opening a device that it is gone,
 * holds its disk for a moment but not this module, whose nbd_disk_free() is called
 * in the end. Whoever has it open holds the module, too; only when loading has failed
 * after that this waits until the last one has closed it.
 *
 * Context: module exit, or the end of an init that failed; sleeps; every disk was
 * deleted.
 */
void nbd_disk_exit(void)
{
	/* Pairs with the release in nbd_disk_free(). */
	while (atomic_read_acquire(&nbd_disks))
		msleep(20);
	unregister_blkdev(NBD_MAJOR, "nbd");
}
