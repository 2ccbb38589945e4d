/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers that are connected and do not answer any more. */
#ifndef NBDCTL_STALLED_H
#define NBDCTL_STALLED_H

#include "nl.h"

/**
 * struct stalled - whether a device's server answers
 * @d: the device before its server was asked, the caller's
 * @pid: the process that asks
 * @silent: result: it neither read nor greeted
 */
struct stalled {
	const struct nl_device *d;
	pid_t pid;
	bool silent;
};

void stalled_ask(struct stalled *list, size_t n, unsigned int seconds);
bool stalled_is(const struct stalled *s, const struct nl_device *now);

#endif /* NBDCTL_STALLED_H */
