/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending a device's connections. */
#ifndef NBDCTL_DETACH_H
#define NBDCTL_DETACH_H

#include <stdbool.h>

#include "nl.h"

int detach_device(struct nl *nl, u32 index, bool force, struct err *err);
bool detach_is_dead(const struct nl_device *d);
int detach_dead(struct nl *nl, const struct nl_device *d, bool stalled,
		struct err *err);
int detach_now(struct nl *nl, u32 index, u32 serial, u32 flags,
	       struct err *err);
int detach_wait(struct nl *nl, u32 index, u32 serial, bool force,
		struct err *err);

#endif /* NBDCTL_DETACH_H */
