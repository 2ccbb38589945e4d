/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctl interface.
 */
#ifndef NBD_IOCTL_H
#define NBD_IOCTL_H

#include "attach.h"

int nbd_ioctl(struct nbd_dev *dev, unsigned int cmd, unsigned long arg);
void nbd_ioctl_last_close(struct nbd_dev *dev);

#endif /* NBD_IOCTL_H */
