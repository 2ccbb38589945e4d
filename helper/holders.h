/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who uses a block device. */
#ifndef NBDCTL_HOLDERS_H
#define NBDCTL_HOLDERS_H

#include "common.h"

bool holder_find(u32 index, char *dst, size_t size);
bool holder_find_process(u32 index, char *dst, size_t size);

#endif /* NBDCTL_HOLDERS_H */
