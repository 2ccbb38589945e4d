/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rights. */
#ifndef NBDCTL_ADMIN_H
#define NBDCTL_ADMIN_H

#include "err.h"

int admin_check(const char *what, struct err *err);

#endif /* NBDCTL_ADMIN_H */
