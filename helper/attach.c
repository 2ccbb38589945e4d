// SPDX-License-Identifier: GPL-2.0-or-later
/* Attaching: from the options to a device that can be used. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "attach.h"
#include "backoff.h"
#include "bounded.h"
#include "detach.h"
#include "device.h"
#include "persist.h"
#include "run-dir.h"

#define BUSY_MS		2000	/* udev looks at devices for a moment */
#define OPEN_MS		1000	/* not for much longer, if others are free */
#define BUSY_NAP_MS	20
#define RETRY_STEPS	5	/* a second or two between tries */

static bool is_idle(struct nl *nl, u32 index)
{
	struct nl_devices devices;
	struct nl_answer answer;
	bool idle;

	nl_get(nl, index, &devices, &answer);
	idle = !answer.error && devices.d[0].state == NBD_STATE_IDLE;
	nl_free_devices(&devices);
	return idle;
}

static bool is_reserved(const struct attach_options *o, u32 index)
{
	size_t i;

	for (i = 0; i < o->nr_reserved; i++)
		if (o->reserved[i] == index)
			return true;
	return false;
}

/* Does somebody have a device open that nobody has attached? */
static bool is_open(struct nl *nl, u32 index)
{
	struct nl_devices devices;
	struct nl_answer answer;
	bool open;

	nl_get(nl, index, &devices, &answer);
	open = !answer.error && devices.d[0].state == NBD_STATE_IDLE &&
	       devices.d[0].openers;
	nl_free_devices(&devices);
	return open;
}

/* Before the server is asked: a device that is taken stays taken. */
static int check_device(struct nl *nl, u32 index, struct err *err)
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
		    signals_pending() || !is_idle(nl, a->index))
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
	if (answer->error)
		return;
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
	if (nl->was_absent || is_open(nl, one.index)) {
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

static int connect_device(const struct attach_options *o, struct nl *nl,
			  const char *server, const struct nl_attach *a,
			  u32 *index, struct err *err)
{
	struct nl_answer answer;
	char what[64] = "cannot attach to a free device";

	if (a->has_index) {
		snprintf(what, sizeof(what), "cannot attach to nbd%u",
			 a->index);
		connect_named(nl, a, BUSY_MS, &answer);
	} else {
		connect_any(o, nl, a, &answer);
	}
	if (answer.error && attach_block_refused(o, server, a, &answer, err))
		return -1;
	if (answer.error)
		return nl_error(&answer, what, err);
	if (!answer.has_index)
		return err_set(err, ST_FAILED,
			       "%s: the kernel did not say which it took",
			       what);
	*index = answer.index;
	return 0;
}

static char *format(const struct uri *uri)
{
	char *text = malloc(URI_MAX_FORMAT);

	return text ? uri_format(uri, text, URI_MAX_FORMAT) : NULL;
}

/* What the monitor has to know. */
static int remember(const struct attach_options *o, struct nl *nl, u32 index,
		    struct err *err)
{
	char *alternates[STATE_ALTERNATES];
	size_t n;
	int ret;

	for (n = 0; n < o->nr_alternates; n++) {
		alternates[n] = format(&o->alternates[n]);
		if (!alternates[n])
			break;
	}
	if (n < o->nr_alternates)
		ret = err_set(err, ST_FAILED, "out of memory");
	else
		ret = persist_write(nl, index, alternates, n, err);
	while (n--)
		free(alternates[n]);
	return ret;
}

static u32 state_of(struct nl *nl, u32 index)
{
	struct nl_devices devices;
	struct nl_answer answer;
	u32 state;

	nl_get(nl, index, &devices, &answer);
	switch (answer.error) {
	case 0:
		state = devices.d[0].state;
		break;
	case ENODEV:
	case ENOENT:
		state = NBD_STATE_IDLE;
		break;
	default:
		/* Nobody knows: what follows will tell. */
		state = NBD_STATE_LIVE;
	}
	nl_free_devices(&devices);
	return state;
}

/* Whether it was lost while the server was to serve its first reads. */
static int check_live(struct nl *nl, u32 index, struct err *err)
{
	char path[DEVICE_PATH_MAX];

	switch (state_of(nl, index)) {
	case NBD_STATE_LIVE:
	case NBD_STATE_PARKED:
		return 0;
	case NBD_STATE_DEAD:
		return err_set(err, ST_UNREACHABLE,
			       "%s: the server did not serve the partition table and was given up; the kernel's log says why",
			       device_path(path, index));
	default:
		return err_set(err, ST_NO_DEVICE,
			       "%s was detached while its partitions were looked for",
			       device_path(path, index));
	}
}

static void say_unwatched(u32 index)
{
	if (!run_dir_is_claimed(RUN_DIR_MONITOR))
		fprintf(stderr,
			"nbdctl: nbd%u is not connected again before a monitor runs: systemctl enable --now nbdctl-monitor, or nbdctl monitor\n",
			index);
}

/* The kernel has it: see that it can be used, and say so. */
static int finish(const struct attach_options *o, const struct nl_attach *a,
		  struct nl *nl, u32 index, struct err *err)
{
	char path[DEVICE_PATH_MAX];

	if (o->persist && remember(o, nl, index, err))
		return -1;
	if (device_wait(index, a->size, err))
		return -1;
	device_wbt_off(index);
	if (!o->no_partscan &&
	    (device_scan(index, err) || check_live(nl, index, err)))
		return -1;
	if (signals_pending())
		return err_set(err, ST_FAILED, "interrupted");
	device_announce(index);
	if (printf("%s\n", device_path(path, index)) < 0 || fflush(stdout))
		return err_set(err, ST_FAILED, "cannot write the output");
	if (o->persist)
		say_unwatched(index);
	return 0;
}

static int hand_over(const struct attach_options *o, struct nl *nl,
		     struct session *s, struct nl_attach *a, struct err *err)
{
	int fds[SESSION_MAX_LINKS];
	struct err ignored;
	u32 index = 0;
	unsigned int i;

	for (i = 0; i < s->n; i++)
		fds[i] = s->links[i].fd;
	a->fds = fds;
	a->nr_fds = s->n;
	signals_hold();
	if (connect_device(o, nl, s->server, a, &index, err))
		return -1;
	session_hand_over(s);
	if (!finish(o, a, nl, index, err))
		return 0;
	/* By now it may be somebody else's. */
	if (err->status == ST_NO_DEVICE)
		return -1;
	if (!detach_now(nl, index, &ignored))
		detach_wait(nl, index, false, &ignored);
	return -1;
}

static int negotiate_and_attach(const struct attach_options *o, struct nl *nl,
				struct session *s, struct err *err)
{
	const struct neg_request go = {
		.op = NEG_GO,
		.name = o->uri.export,
		.name_len = strlen(o->uri.export),
	};
	s64 deadline = deadline_in((s64)o->connect_timeout * 1000);
	struct nl_attach a = { .has_index = false };
	static char backend[URI_MAX_FORMAT];
	const struct export *export;

	if (session_open(s, &o->uri, NULL, o->connections, deadline, &go, err))
		return -1;
	s->sole_is_enough = !o->read_only && !o->force_multi_conn;
	session_run(s);
	if (attach_choose(o, s, &export, err) ||
	    attach_plan(o, s->server, export, &a, err))
		return -1;
	a.backend = uri_format(&o->uri, backend, sizeof(backend));
	return hand_over(o, nl, s, &a, err);
}

/* It may be about to start, also behind somebody who accepts for it and hangs up. */
static bool may_come(const struct err *err)
{
	return err->status == ST_UNREACHABLE || err->status == ST_PROTOCOL;
}

static int try_until(const struct attach_options *o, struct nl *nl,
		     struct session *s, struct err *err)
{
	s64 left, deadline = deadline_in((s64)o->retry * 1000);
	unsigned int tries = 0;
	u32 ms;

	while (negotiate_and_attach(o, nl, s, err)) {
		left = deadline_left(deadline);
		if (!may_come(err) || !left || signals_pending())
			return -1;
		session_close(s);
		/* Nothing is left behind that a signal would leave. */
		signals_release();
		if (!tries)
			fprintf(stderr, "nbdctl: %s; trying for %llu s\n",
				err->text, o->retry);
		err->status = ST_OK;
		if (tries < RETRY_STEPS)
			tries++;
		ms = backoff_ms(tries, backoff_random());
		pause_ms(left < ms ? (unsigned int)left : ms);
	}
	return 0;
}

/**
 * attach_run - attach an export and print the device
 * @o: what the user wants
 * @err: filled on failure
 *
 * Signals that end the program are held on return.
 *
 * Return: 0, or -1 with @err set; then nothing is left behind.
 */
int attach_run(const struct attach_options *o, struct err *err)
{
	struct session session = { .n = 0 };
	struct nl nl;
	int ret;

	if (admin_check("attach devices", err))
		return -1;
	ret = nl_open(&nl, err);
	if (!ret)
		ret = nl_need(&nl, true, err);
	if (!ret && o->has_device)
		ret = check_device(&nl, o->device, err);
	if (!ret)
		ret = try_until(o, &nl, &session, err);
	session_close(&session);
	nl_done(&nl);
	return ret;
}
