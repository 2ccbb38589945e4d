/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What list, status, top and metrics have in common. */
#ifndef NBDCTL_SHOW_H
#define NBDCTL_SHOW_H

#include "nl.h"

int show_attached(struct nl_devices *devices, struct err *err);
int show_latency(struct nl_devices *devices, struct err *err);
int show_one(u32 index, struct nl_devices *devices, struct err *err);

#endif /* NBDCTL_SHOW_H */
