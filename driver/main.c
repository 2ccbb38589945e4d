// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network block device client: module parameters, load, unload.
 */
#include <linux/module.h>

#include "attach.h"
#include "ioctl.h"
#include "link.h"
#include "netlink.h"

static unsigned int nbds_max = 16;
module_param(nbds_max, uint, 0444);
MODULE_PARM_DESC(nbds_max, "number of devices that exist from the start (default: 16)");

static int max_part = 16;
module_param(max_part, int, 0444);
MODULE_PARM_DESC(max_part, "number of partitions per device, 0 for none (default: 16)");

static const struct nbd_dev_ops nbd_main_ops = {
	.setup		= nbd_link_setup,
	.last_close	= nbd_ioctl_last_close,
	.ioctl		= nbd_ioctl,
};

/* Number of partitions after rounding, as the stock driver reports it. */
static int __init nbd_round_max_part(void)
{
	if (max_part > 0)
		max_part = (1UL << fls(max_part)) - 1;
	return nbd_disk_setup(max_part);
}

static int __init nbd_init(void)
{
	int ret;

	ret = nbd_round_max_part();
	if (ret)
		return ret;
	ret = -EINVAL;
	if (nbds_max > nbd_disk_max_index() + 1)
		goto disk;
	ret = nbd_conn_setup();
	if (ret)
		goto disk;
	nbd_attach_setup();
	nbd_debugfs_setup();
	ret = nbd_devs_setup(&nbd_main_ops, nbds_max);
	if (ret)
		goto conn;
	ret = nbd_netlink_setup();
	if (ret)
		goto devs;
	return 0;

devs:
	nbd_devs_exit();
conn:
	nbd_debugfs_exit();
	nbd_conn_exit();
disk:
	nbd_disk_exit();
	return ret;
}

/* First nobody can ask for anything more, then nothing is left to ask for. */
static void __exit nbd_exit(void)
{
	nbd_netlink_exit();
	nbd_devs_exit();
	nbd_debugfs_exit();
	nbd_conn_exit();
	nbd_disk_exit();
}

module_init(nbd_init);
module_exit(nbd_exit);

MODULE_DESCRIPTION("Network block device client");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_BLOCKDEV_MAJOR(43);
MODULE_ALIAS_GENL_FAMILY(NBD_GENL_FAMILY_NAME);
