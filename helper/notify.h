/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telling the service manager how a daemon is. */
#ifndef NBDCTL_NOTIFY_H
#define NBDCTL_NOTIFY_H

#include "common.h"

void notify(const char *fmt, ...) __printf(1, 2);

#endif /* NBDCTL_NOTIFY_H */
