/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disk the root file system is on. */
#ifndef NBDCTL_ROOT_DISK_H
#define NBDCTL_ROOT_DISK_H

#include <sys/types.h>

#include "common.h"

bool root_disk_is(u32 index);

/* For tests. */
bool root_disk_below(const char *sysfs, dev_t dev, u32 index);

#endif /* NBDCTL_ROOT_DISK_H */
