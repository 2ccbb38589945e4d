/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What to do about a device that is not as it should be. */
#ifndef NBDCTL_ADVICE_H
#define NBDCTL_ADVICE_H

#include "nl.h"

bool advice_on(const struct nl_device *d, bool root, char *dst, size_t size);

#endif /* NBDCTL_ADVICE_H */
