/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells without being asked. */
#ifndef NBDCTL_NL_EVENTS_H
#define NBDCTL_NL_EVENTS_H

#include "common.h"
#include "err.h"

enum nl_event {
	NL_EVENT_LINK_DEAD,	/* a connection of a device */
	NL_EVENT_FAMILY,	/* the family has come or gone */
	NL_EVENT_LOST,		/* something that nobody will repeat */
};

typedef void (*nl_event_fn)(enum nl_event event, u32 index, void *arg);

int nl_events_open(struct err *err);
int nl_events_join(int fd, u32 group, struct err *err);
void nl_events_read(int fd, int family, nl_event_fn fn, void *arg);

#endif /* NBDCTL_NL_EVENTS_H */
