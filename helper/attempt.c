// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"
#include "thread.h"

/* All of it is locked in memory; the handshakes take less than half. */
#define STACK_SIZE	(256 << 10)

static int try_once(struct attempt *a)
{
	unsigned int live;
	struct nl nl;
	int ret;

	ret = nl_open_again(&nl, &a->family, &a->err);
	if (!ret)
		ret = reconnect_once(&nl, &a->devices.d[0], &a->want, &live,
				     &a->err);
	nl_done(&nl);
	return ret;
}

static void *run(void *arg)
{
	struct attempt *a = arg;
	int report = a->report;

	a->ret = try_once(a);
	/* There is room for it; a write this small is all or nothing. */
	while (write(report, &a, sizeof(a)) < 0 && errno == EINTR)
		;
	return NULL;
}

/**
 * attempt_start - try to give a device new connections for those that are dead
 * @family: the family, as nl_open() found it
 * @device: the device as it is, one of a list; empty afterwards
 * @uri: the server, NULL for the one that it was attached to
 * @report: a pipe in which the attempt appears when it is done
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set; then nothing will appear.
 */
int attempt_start(const struct nl *family, struct nl_devices *device,
		  const struct uri *uri, int report, struct err *err)
{
	struct attempt *a = calloc(1, sizeof(*a));
	int error = ENOMEM;

	if (a) {
		a->family = *family;
		a->family.sock = NULL;
		a->devices = *device;
		memset(device, 0, sizeof(*device));
		a->want.connect_timeout = ATTEMPT_SECONDS;
		a->want.has_uri = uri;
		if (uri)
			a->want.uri = *uri;
		a->report = report;
		error = thread_start(run, a, STACK_SIZE);
	}
	if (!error)
		return 0;
	if (a)
		attempt_free(a);
	return err_set(err, ST_FAILED, "cannot start a thread: %s",
		       strerror(error));
}

/**
 * attempt_take - take an attempt that is done
 * @fd: the other end of the pipe, non-blocking
 *
 * Return: the attempt, which is the caller's, or NULL when none is there.
 */
struct attempt *attempt_take(int fd)
{
	struct attempt *a;

	return read(fd, &a, sizeof(a)) == sizeof(a) ? a : NULL;
}

/**
 * attempt_index - whose attempt it is
 * @a: the attempt
 *
 * Return: the index of the device.
 */
u32 attempt_index(const struct attempt *a)
{
	return a->devices.d[0].index;
}

/**
 * attempt_free - free an attempt
 * @a: the attempt
 */
void attempt_free(struct attempt *a)
{
	nl_free_devices(&a->devices);
	free(a);
}
