/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long to wait before the next try. */
#ifndef NBDCTL_BACKOFF_H
#define NBDCTL_BACKOFF_H

#include "common.h"

u32 backoff_ms(unsigned int tries, u32 random);
u32 backoff_random(void);

#endif /* NBDCTL_BACKOFF_H */
