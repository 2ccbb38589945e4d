/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A look at all devices, for top. */
#ifndef NBDCTL_TOP_LOOK_H
#define NBDCTL_TOP_LOOK_H

#include "top.h"

int top_look(struct top_look *look, const u32 *wanted, size_t n,
	     struct err *err);
void top_look_free(struct top_look *look);

#endif /* NBDCTL_TOP_LOOK_H */
