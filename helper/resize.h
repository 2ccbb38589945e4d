/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving a device the size that its export has now. */
#ifndef NBDCTL_RESIZE_H
#define NBDCTL_RESIZE_H

#include <stdbool.h>

#include "common.h"
#include "err.h"

int resize_run(u32 index, bool shrink, u64 connect_timeout, struct err *err);

#endif /* NBDCTL_RESIZE_H */
