/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One failure: an exit status and one line of text. */
#ifndef NBDCTL_ERR_H
#define NBDCTL_ERR_H

#include "common.h"
#include "status.h"

struct err {
	int status;
	char text[2048];
};

int err_set(struct err *err, int status, const char *fmt, ...)
	__printf(3, 4);
void err_print(const struct err *err);
void err_keep_first(struct err *err, const struct err *one);

#endif /* NBDCTL_ERR_H */
