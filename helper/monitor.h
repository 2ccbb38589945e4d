/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving devices new connections whenever they need some. */
#ifndef NBDCTL_MONITOR_H
#define NBDCTL_MONITOR_H

#include "err.h"

int monitor_run(bool wait, struct err *err);

#endif /* NBDCTL_MONITOR_H */
