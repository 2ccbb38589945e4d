/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving a device new connections. */
#ifndef NBDCTL_RECONNECT_H
#define NBDCTL_RECONNECT_H

#include <stdbool.h>

#include "nl.h"
#include "uri.h"

/**
 * struct reconnect_options - what is asked for
 * @uri: the server, if it is not where it was; absolute
 * @has_uri: @uri was given
 * @move: the device is to be looked for there from now on
 * @replace: live connections are replaced, too
 * @connect_timeout: seconds for all handshakes
 */
struct reconnect_options {
	struct uri uri;
	bool has_uri;
	bool move;
	bool replace;
	u64 connect_timeout;
};

int reconnect_once(struct nl *nl, const struct nl_device *d,
		   const struct reconnect_options *want, unsigned int *live,
		   struct err *err);
int reconnect_run(u32 index, const struct reconnect_options *want,
		  struct err *err);

#endif /* NBDCTL_RECONNECT_H */
