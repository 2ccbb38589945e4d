// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/block/nbdN/pid and backend: they exist while the device is configured,
 * which is how udev and other programs tell.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "compat/block.h"
#include "dev.h"

static struct nbd_dev *nbd_sysfs_dev(struct device *device)
{
	return dev_to_disk(device)->private_data;
}

static ssize_t pid_show(struct device *device, struct device_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  READ_ONCE(nbd_sysfs_dev(device)->params.pid));
}

static ssize_t backend_show(struct device *device,
			    struct device_attribute *attr, char *buf)
{
	struct nbd_dev *dev = nbd_sysfs_dev(device);
	ssize_t ret;

	mutex_lock(&dev->info_lock);
	ret = sysfs_emit(buf, "%s\n", dev->params.backend ?: "");
	mutex_unlock(&dev->info_lock);
	return ret;
}

static DEVICE_ATTR_RO(pid);
static DEVICE_ATTR_RO(backend);

static const struct attribute *const nbd_attrs[] = {
	&dev_attr_pid.attr,
	&dev_attr_backend.attr,
	NULL
};

/**
 * nbd_sysfs_add() - show that the device is configured
 * @dev: the device
 *
 * Context: process, sleeps; @dev->lock.
 * Return: 0 or a negative errno.
 */
int nbd_sysfs_add(struct nbd_dev *dev)
{
	return sysfs_create_files(&disk_to_dev(dev->disk)->kobj, nbd_attrs);
}

/**
 * nbd_sysfs_del() - the end of nbd_sysfs_add()
 * @dev: the device
 *
 * Context: process, sleeps until nobody reads the files; @dev->lock, not
 * @dev->info_lock.
 */
void nbd_sysfs_del(struct nbd_dev *dev)
{
	sysfs_remove_files(&disk_to_dev(dev->disk)->kobj, nbd_attrs);
}
