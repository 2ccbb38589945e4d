/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether this machine's processors have time to spare.
 */
#ifndef NBD_SPARE_H
#define NBD_SPARE_H

#include <linux/types.h>

bool nbd_spare(void);

#endif /* NBD_SPARE_H */
