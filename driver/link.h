/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dead and live links: the state of a device follows its connections.
 */
#ifndef NBD_LINK_H
#define NBD_LINK_H

#include "dev.h"

/* Called when a connection died; set once at module init. */
extern void (*nbd_link_dead)(struct nbd_dev *dev);

void nbd_link_setup(struct nbd_dev *dev);
void nbd_link_begin(struct nbd_dev *dev);
void nbd_link_update(struct nbd_dev *dev);
void nbd_link_hold(struct nbd_dev *dev);
void nbd_link_unhold(struct nbd_dev *dev);
void nbd_link_end(struct nbd_dev *dev);

#endif /* NBD_LINK_H */
