/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls into the kernel that may take long, and signals meanwhile. */
#ifndef NBDCTL_BOUNDED_H
#define NBDCTL_BOUNDED_H

#include "common.h"

void signals_hold(void);
void signals_release(void);
bool signals_pending(void);
int signals_open(void);
void pause_ms(unsigned int milliseconds);
int bounded_call(int (*fn)(void *arg), void *arg, s64 milliseconds,
		 const char *notice);

#endif /* NBDCTL_BOUNDED_H */
