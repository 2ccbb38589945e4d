// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaching: which device it is. */
#include <errno.h>
#include <stdio.h>

#include <linux/nbd-netlink.h>

#include "attach.h"
#include "bounded.h"

#define BUSY_MS		2000	/* udev looks at devices for a moment */
#define OPEN_MS		1000	/* not for much longer, if others are free */
#define BUSY_NAP_MS	20

/* How many have a device open that nobody has attached; -1 if it is none. */
static s64 idle_openers(struct nl *nl, u32 index)
{
	struct nl_devices devices;
	struct nl_answer answer;
	s64 openers = -1;

	nl_get(nl, index, &devices, &answer);
	if (!answer.error && devices.d[0].state == NBD_STATE_IDLE)
		openers = devices.d[0].openers;
	nl_free_devices(&devices);
	return openers;
}

static bool is_reserved(const struct attach_options *o, u32 index)
{
	size_t i;

	for (i = 0; i < o->nr_reserved; i++)
		if (o->reserved[i] == index)
			return true;
	return false;
}

/**
 * attach_check_device - may a device be attached to?
 * @nl: the netlink socket
 * @index: the device
 * @err: filled on failure
 *
 * Asked before the server is: a device that is taken stays taken.
 *
 * Return: 0, or -1 with @err set.
 */
int attach_check_device(struct nl *nl, u32 index, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	int ret = 0;

	nl_get(nl, index, &devices, &answer);
	if (!answer.error && devices.d[0].state == NBD_STATE_DISCONNECTING)
		ret = err_set(err, ST_BUSY,
			      "nbd%u is disconnected but still in use: unmount or close it first",
			      index);
	else if (!answer.error && devices.d[0].state != NBD_STATE_IDLE)
		ret = err_set(err, ST_BUSY, "nbd%u is attached already, to %s",
			      index, devices.d[0].backend ?
			      devices.d[0].backend : "something else");
	nl_free_devices(&devices);
	return ret;
}

/* Somebody may have it open for a moment. */
static void connect_named(struct nl *nl, const struct nl_attach *a, s64 ms,
			  struct nl_answer *answer)
{
	s64 deadline = deadline_in(ms);

	for (;;) {
		nl_attach(nl, a, answer);
		if (answer->error != EBUSY || !deadline_left(deadline) ||
		    signals_pending() || idle_openers(nl, a->index) < 0)
			return;
		pause_ms(BUSY_NAP_MS);
	}
}

/* The first one that is free and not reserved; behind all that there are, a new one. */
static void connect_unreserved(const struct attach_options *o, struct nl *nl,
			       struct nl_attach *a, struct nl_answer *answer)
{
	struct nl_devices devices;
	u32 end = 0;
	size_t i;

	nl_get_all(nl, &devices, answer);
	/* Nothing was to be taken yet. */
	answer->unknown = false;
	if (!answer->error)
		answer->error = EBUSY;
	for (i = 0; i < devices.n && answer->error == EBUSY; i++) {
		if (end <= devices.d[i].index)
			end = devices.d[i].index + 1;
		if (devices.d[i].state != NBD_STATE_IDLE ||
		    devices.d[i].openers ||
		    is_reserved(o, devices.d[i].index))
			continue;
		a->index = devices.d[i].index;
		nl_attach(nl, a, answer);
	}
	nl_free_devices(&devices);
	for (; answer->error == EBUSY && !signals_pending(); end++) {
		if (is_reserved(o, end))
			continue;
		a->index = end;
		nl_attach(nl, a, answer);
	}
}

/*
 * The kernel takes one that nobody has open. Right after the module was loaded udev
 * has the first ones open, and yet everybody expects the first one.
 */
static void connect_any(const struct attach_options *o, struct nl *nl,
			const struct nl_attach *a, struct nl_answer *answer)
{
	struct nl_attach one = *a;

	one.has_index = true;
	while (is_reserved(o, one.index))
		one.index++;
	if (nl->was_absent || idle_openers(nl, one.index) > 0) {
		connect_named(nl, &one, nl->was_absent ? BUSY_MS : OPEN_MS,
			      answer);
		if (answer->error != EBUSY)
			return;
	}
	if (o->nr_reserved)
		connect_unreserved(o, nl, &one, answer);
	else
		nl_attach(nl, a, answer);
}

/**
 * attach_connect - give connections to a device
 * @o: what the user wants
 * @nl: the netlink socket
 * @server: name of the server for messages
 * @a: what the kernel is to be told; it says the device, or none: then it is the first
 *	one that is free and not reserved
 * @taken: result, on success which device it is, and its serial
 * @err: filled on failure
 *
 * Waits for a moment for somebody else to close the device. The sockets are the kernel's
 * afterwards.
 *
 * Return: 0, or -1 with @err set.
 */
int attach_connect(const struct attach_options *o, struct nl *nl,
		   const char *server, const struct nl_attach *a,
		   struct nl_answer *taken, struct err *err)
{
	char what[64] = "cannot attach to a free device";

	if (a->has_index) {
		snprintf(what, sizeof(what), "cannot attach to nbd%u",
			 a->index);
		connect_named(nl, a, BUSY_MS, taken);
	} else {
		connect_any(o, nl, a, taken);
	}
	if (taken->error && attach_block_refused(o, server, a, taken, err))
		return -1;
	if (taken->error)
		return nl_error(taken, what, err);
	if (!taken->has_index)
		return err_set(err, ST_FAILED,
			       "%s: the kernel did not say which it took",
			       what);
	return 0;
}
