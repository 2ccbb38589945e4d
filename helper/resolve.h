/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the name of a host to its addresses. */
#ifndef NBDCTL_RESOLVE_H
#define NBDCTL_RESOLVE_H

#include "common.h"
#include "err.h"

struct addrinfo;

int resolve_host(const char *host, u32 port, s64 deadline,
		 struct addrinfo **result, struct err *err);

#endif /* NBDCTL_RESOLVE_H */
