/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel module. */
#ifndef NBDCTL_MODULE_H
#define NBDCTL_MODULE_H

#include "err.h"

int module_load(struct err *err);
int module_is_stock(struct err *err);

#endif /* NBDCTL_MODULE_H */
