// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "bounded.h"
#include "detach.h"
#include "device.h"
#include "holders.h"
#include "persist.h"
#include "print.h"
#include "root-disk.h"
#include "transport.h"

#define BUSY_MS		3000	/* udev looks at devices for a moment */
#define BUSY_NAP_MS	20
#define IDLE_MS		30000	/* for the kernel to take everything down */

/* What matters here of a device's state. */
struct view {
	u32 state;
	u32 serial;
	u32 openers;
	unsigned int live;
};

static int get_view(struct nl *nl, u32 index, struct view *view,
		    struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	char what[32];

	nl_get(nl, index, &devices, &answer);
	if (!answer.error) {
		view->state = devices.d[0].state;
		view->serial = devices.d[0].serial;
		view->openers = devices.d[0].openers;
		view->live = nl_live(&devices.d[0]);
	}
	nl_free_devices(&devices);
	snprintf(what, sizeof(what), "nbd%u", index);
	return answer.error ? nl_error(&answer, what, err) : 0;
}

static int wait_idle(struct nl *nl, u32 index, u32 serial, bool force,
		     struct err *err)
{
	s64 deadline = deadline_in(IDLE_MS);
	unsigned int nap = 1;
	struct view view;

	do {
		if (get_view(nl, index, &view, err)) {
			if (err->status != ST_NO_DEVICE)
				return -1;
			err->status = ST_OK;
			return 0;
		}
		if (view.state == NBD_STATE_IDLE)
			return 0;
		/* Attached anew. */
		if (view.serial && view.serial != serial)
			return 0;
		if (force && view.openers && !view.live &&
		    view.state == NBD_STATE_DISCONNECTING)
			return 0;
		pause_ms(nap);
		if (nap < 64)
			nap *= 2;
	} while (deadline_left(deadline));
	return err_set(err, ST_FAILED,
		       "nbd%u: still not idle %d s after it was disconnected",
		       index, IDLE_MS / 1000);
}

/**
 * detach_wait - wait until a device is disconnected
 * @nl: the socket
 * @index: the device; it may vanish altogether
 * @serial: what was detached, 0 if the driver has not said it
 * @force: openers may remain, then the device stays as a dead one
 * @err: filled on failure
 *
 * What attach left for the monitor is removed.
 *
 * Return: 0, or -1 with @err set.
 */
int detach_wait(struct nl *nl, u32 index, u32 serial, bool force,
		struct err *err)
{
	if (wait_idle(nl, index, serial, force, err))
		return -1;
	persist_clean(nl, index);
	return 0;
}

static int disconnect_error(const struct nl_answer *answer, u32 index,
			    struct err *err)
{
	char what[48];

	snprintf(what, sizeof(what), "cannot detach nbd%u", index);
	return nl_error(answer, what, err);
}

/**
 * detach_now - disconnect a device whatever uses it
 * @nl: the socket
 * @index: the device
 * @serial: as for nl_detach()
 * @flags: NBD_DETACH_*
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set: with ST_NO_DEVICE when it was attached anew, with
 * ST_BUSY for what @flags say.
 */
int detach_now(struct nl *nl, u32 index, u32 serial, u32 flags,
	       struct err *err)
{
	struct nl_answer answer;

	nl_detach(nl, index, serial, flags, &answer);
	if (answer.error)
		return disconnect_error(&answer, index, err);
	return 0;
}

static int say_busy(u32 index, struct err *err)
{
	char how[600];

	if (!holder_find(index, how, sizeof(how)) &&
	    !holder_find_process(index, how, sizeof(how)))
		snprintf(how, sizeof(how),
			 "in use by something that cannot be seen from here");
	return err_set(err, ST_BUSY, "nbd%u is busy: %s", index, how);
}

static int flush_error(u32 index, int error, struct err *err)
{
	if (error == -EACCES || error == -EPERM)
		return err_set(err, ST_NOT_PERMITTED,
			       "cannot open nbd%u: %s", index, strerror(-error));
	return err_set(err, ST_FAILED,
		       "nbd%u stays attached, its data cannot be flushed: %s (--force detaches it all the same)",
		       index, strerror(-error));
}

/* One try: 0, -1 with @err set, or 1 when somebody has the device open. */
static int try_detach(struct nl *nl, u32 index, u32 serial, struct err *err)
{
	struct nl_answer answer;
	char how[600];
	int error;

	if (holder_find(index, how, sizeof(how)))
		return err_set(err, ST_BUSY, "nbd%u is busy: %s", index, how);
	error = device_flush(index);
	if (error == -EBUSY)
		return 1;
	if (error)
		return flush_error(index, error, err);
	nl_detach(nl, index, serial, NBD_DETACH_UNUSED, &answer);
	if (answer.error == EBUSY)
		return 1;
	if (answer.error)
		return disconnect_error(&answer, index, err);
	return 0;
}

/* Of a device that is disconnected: until nobody has it open any more. */
static int wait_closed(struct nl *nl, u32 index, struct err *err)
{
	s64 deadline = deadline_in(BUSY_MS);
	struct view view;

	for (;;) {
		if (get_view(nl, index, &view, err))
			return err->status == ST_NO_DEVICE ? 0 : -1;
		if (view.state != NBD_STATE_DISCONNECTING || !view.openers)
			return 0;
		if (!deadline_left(deadline))
			return say_busy(index, err);
		pause_ms(BUSY_NAP_MS);
	}
}

/**
 * detach_device - detach a device
 * @nl: the socket
 * @index: the device
 * @force: do not ask who uses it; what is not written is lost
 * @err: filled on failure
 *
 * Without @force the device must be unused. What is dirty is written and
 * flushed first. A program that has it open for a moment is waited for. What is
 * attached anew meanwhile stays.
 *
 * Return: 0, or -1 with @err set.
 */
int detach_device(struct nl *nl, u32 index, bool force, struct err *err)
{
	s64 deadline = deadline_in(BUSY_MS);
	struct view view;
	int ret;

	if (get_view(nl, index, &view, err))
		return -1;
	if (view.state == NBD_STATE_IDLE)
		return err_set(err, ST_NO_DEVICE, "nbd%u is not attached",
			       index);
	if (force) {
		/* What is left of it has no serial that would protect the next one. */
		if (view.state != NBD_STATE_DISCONNECTING &&
		    detach_now(nl, index, view.serial, 0, err))
			return -1;
		return detach_wait(nl, index, view.serial, true, err);
	}
	if (view.state == NBD_STATE_DISCONNECTING && !view.live) {
		if (wait_closed(nl, index, err))
			return -1;
		return detach_wait(nl, index, view.serial, false, err);
	}
	while ((ret = try_detach(nl, index, view.serial, err)) > 0) {
		if (!deadline_left(deadline))
			return say_busy(index, err);
		pause_ms(BUSY_NAP_MS);
	}
	return ret ? ret : detach_wait(nl, index, view.serial, false, err);
}

/**
 * detach_is_dead - whether a device has connections, and none is live
 * @d: the device
 *
 * Return: true when it is so.
 */
bool detach_is_dead(const struct nl_device *d)
{
	return d->state == NBD_STATE_PARKED || d->state == NBD_STATE_DEAD;
}

/**
 * detach_dead - detach a device that has no live connection, whatever uses it
 * @nl: the socket
 * @d: the device as it is now
 * @stalled: its server does not answer: it is as good as dead
 * @err: filled on failure
 *
 * Not the disk of the root file system: nothing could run any more. One that looks
 * dead and has got a connection since is left alone: what is dirty would be lost.
 *
 * Return: 0, or -1 with @err set.
 */
int detach_dead(struct nl *nl, const struct nl_device *d, bool stalled,
		struct err *err)
{
	u32 flags = 0;

	if (d->state == NBD_STATE_IDLE)
		return err_set(err, ST_NO_DEVICE, "nbd%u is not attached",
			       d->index);
	if (!stalled && !detach_is_dead(d))
		return err_set(err, ST_BUSY, "nbd%u is not dead: it is %s",
			       d->index, print_state(d->state));
	if (root_disk_is(d->index))
		return err_set(err, ST_BUSY,
			       "nbd%u is busy: the root file system is on it",
			       d->index);
	/* A driver that says no serial does not know this flag. */
	if (d->serial && detach_is_dead(d))
		flags = NBD_DETACH_DEAD;
	if (!detach_now(nl, d->index, d->serial, flags, err))
		return detach_wait(nl, d->index, d->serial, true, err);
	if (err->status == ST_BUSY)
		err_set(err, ST_BUSY,
			"nbd%u is not dead: it has got a connection just now",
			d->index);
	return -1;
}
