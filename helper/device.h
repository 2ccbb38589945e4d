/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block device as user space sees it. */
#ifndef NBDCTL_DEVICE_H
#define NBDCTL_DEVICE_H

#include <stdbool.h>

#include "common.h"
#include "err.h"

#define DEVICE_PATH_MAX	32

char *device_path(char *dst, u32 index);
bool device_wbt(u32 index, u64 *usec);
void device_wbt_off(u32 index);
int device_wait(u32 index, u64 size, struct err *err);
int device_scan(u32 index, struct err *err);
void device_announce(u32 index);
int device_flush(u32 index);
int device_sync(u32 index);
int device_read(u32 index, u64 size, unsigned int seconds);

#endif /* NBDCTL_DEVICE_H */
