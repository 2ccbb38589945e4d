// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stock driver's nbd/nbdN in debugfs, with the same names and text. Nothing
 * depends on it: what cannot be made there is missing.
 */
#include <linux/debugfs.h>
#include <linux/log2.h>
#include <linux/seq_file.h>

#include "dev.h"

static struct dentry *nbd_debugfs_root;

static int tasks_show(struct seq_file *file, void *unused)
{
	struct nbd_dev *dev = file->private;

	seq_printf(file, "recv: %d\n", READ_ONCE(dev->params.pid));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(tasks);

static int size_bytes_show(struct seq_file *file, void *unused)
{
	struct nbd_dev *dev = file->private;

	mutex_lock(&dev->info_lock);
	seq_printf(file, "%llu\n", dev->params.size);
	mutex_unlock(&dev->info_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(size_bytes);

/* In jiffies. */
static int timeout_show(struct seq_file *file, void *unused)
{
	struct nbd_dev *dev = file->private;

	mutex_lock(&dev->info_lock);
	seq_printf(file, "%llu\n", dev->params.timeout * HZ);
	mutex_unlock(&dev->info_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(timeout);

static int blocksize_bits_show(struct seq_file *file, void *unused)
{
	struct nbd_dev *dev = file->private;

	seq_printf(file, "%d\n", ilog2(READ_ONCE(dev->params.block_size)));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(blocksize_bits);

#define NBD_FLAG_TEXT(name) { NBD_FLAG_##name, "NBD_FLAG_" #name }

static const struct {
	u64 flag;
	const char *name;
} nbd_flag_names[] = {
	NBD_FLAG_TEXT(HAS_FLAGS),
	NBD_FLAG_TEXT(READ_ONLY),
	NBD_FLAG_TEXT(SEND_FLUSH),
	NBD_FLAG_TEXT(SEND_FUA),
	NBD_FLAG_TEXT(SEND_TRIM),
	NBD_FLAG_TEXT(SEND_WRITE_ZEROES),
	NBD_FLAG_TEXT(ROTATIONAL),
	NBD_FLAG_TEXT(CAN_MULTI_CONN),
	NBD_FLAG_TEXT(SEND_FAST_ZERO),
};

static int flags_show(struct seq_file *file, void *unused)
{
	struct nbd_dev *dev = file->private;
	u64 flags = READ_ONCE(dev->params.server_flags);
	unsigned int i;

	seq_printf(file, "Hex: 0x%08llx\n\n", flags);
	seq_puts(file, "Known flags:\n");
	for (i = 0; i < ARRAY_SIZE(nbd_flag_names); i++)
		if (flags & nbd_flag_names[i].flag)
			seq_printf(file, "%s\n", nbd_flag_names[i].name);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(flags);

static const struct {
	const char *name;
	const struct file_operations *fops;
} nbd_debugfs_files[] = {
	{ "tasks",		&tasks_fops },
	{ "size_bytes",		&size_bytes_fops },
	{ "timeout",		&timeout_fops },
	{ "blocksize_bits",	&blocksize_bits_fops },
	{ "flags",		&flags_fops },
};

/**
 * nbd_debugfs_add() - show a configured device
 * @dev: the device
 *
 * Context: process, sleeps; @dev->lock.
 */
void nbd_debugfs_add(struct nbd_dev *dev)
{
	unsigned int i;

	dev->debugfs = debugfs_create_dir(dev->name, nbd_debugfs_root);
	for (i = 0; i < ARRAY_SIZE(nbd_debugfs_files); i++)
		debugfs_create_file(nbd_debugfs_files[i].name, 0444,
				    dev->debugfs, dev,
				    nbd_debugfs_files[i].fops);
}

/**
 * nbd_debugfs_del() - the end of nbd_debugfs_add()
 * @dev: the device
 *
 * Context: process, sleeps until nobody reads the files; @dev->lock, not
 * @dev->info_lock.
 */
void nbd_debugfs_del(struct nbd_dev *dev)
{
	debugfs_remove_recursive(dev->debugfs);
	dev->debugfs = NULL;
}

/**
 * nbd_debugfs_setup() - make the directory of all devices
 *
 * Context: module init, before any device is made.
 */
void nbd_debugfs_setup(void)
{
	nbd_debugfs_root = debugfs_create_dir("nbd", NULL);
}

/**
 * nbd_debugfs_exit() - the end of nbd_debugfs_setup()
 *
 * Context: module exit, after the last device is gone.
 */
void nbd_debugfs_exit(void)
{
	debugfs_remove_recursive(nbd_debugfs_root);
}
