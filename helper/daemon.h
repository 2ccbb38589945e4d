/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process that devices depend on does before anything else. */
#ifndef NBDCTL_DAEMON_H
#define NBDCTL_DAEMON_H

#include "common.h"

void daemon_harden(void);
void daemon_log(const char *fmt, ...) __printf(1, 2);

#endif /* NBDCTL_DAEMON_H */
