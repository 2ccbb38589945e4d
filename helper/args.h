/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, sizes and device names on the command line. */
#ifndef NBDCTL_ARGS_H
#define NBDCTL_ARGS_H

#include "common.h"
#include "err.h"

bool args_number(const char *s, u64 *out);
bool args_size(const char *s, u64 *out);
int args_number_option(const char *option, const char *s, u64 least,
		       u64 most, u64 *out, struct err *err);
int args_size_option(const char *option, const char *s, u64 least,
		     u64 most, u64 *out, struct err *err);
int args_device(const char *s, u32 *index, struct err *err);

#endif /* NBDCTL_ARGS_H */
