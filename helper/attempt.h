/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One try to give a device new connections, in a thread of its own. */
#ifndef NBDCTL_ATTEMPT_H
#define NBDCTL_ATTEMPT_H

#include "nl.h"
#include "reconnect.h"

#define ATTEMPT_SECONDS	10	/* for all handshakes */

/**
 * struct attempt - one try
 * @family: the family, without a socket
 * @devices: the device as it was before
 * @want: how
 * @report: where the thread writes its address when it is done
 * @ret: result: 0, or -1 with @err set
 * @err: why not
 *
 * It belongs to the thread from attempt_start() until its address is in the pipe,
 * and then to whoever reads that: attempt_free(). What @devices points to belongs
 * to it.
 */
struct attempt {
	struct nl family;
	struct nl_devices devices;
	struct reconnect_options want;
	int report;
	int ret;
	struct err err;
};

int attempt_start(const struct nl *family, struct nl_devices *device,
		  const struct uri *uri, int report, struct err *err);
struct attempt *attempt_take(int fd);
u32 attempt_index(const struct attempt *a);
void attempt_free(struct attempt *a);

#endif /* NBDCTL_ATTEMPT_H */
