/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "nbd".
 */
#ifndef NBD_NETLINK_H
#define NBD_NETLINK_H

#include <net/genetlink.h>

#include "attach.h"

extern struct genl_family nbd_genl_family;

int nbd_netlink_setup(void);
void nbd_netlink_exit(void);

/* netlink-get.c */
int nbd_genl_status(struct sk_buff *skb, struct genl_info *info);
int nbd_genl_get(struct sk_buff *skb, struct genl_info *info);
int nbd_genl_get_start(struct netlink_callback *cb);
int nbd_genl_get_dump(struct sk_buff *skb, struct netlink_callback *cb);
struct nbd_dev *nbd_genl_dev(struct genl_info *info);

/* netlink-latency.c */
int nbd_genl_get_latency(struct sk_buff *skb, struct genl_info *info);

#endif /* NBD_NETLINK_H */
