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
#include "netns.h"
#include "persist.h"
#include "run-dir.h"

#define RETRY_STEPS	5	/* a second or two between tries */

static char *format(const struct uri *uri)
{
	char *text = malloc(URI_MAX_FORMAT);

	return text ? uri_format(uri, text, URI_MAX_FORMAT) : NULL;
}

/* What the monitor has to know. */
static int remember(const struct attach_options *o, struct nl *nl,
		    const struct nl_answer *taken, struct err *err)
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
		ret = persist_write(nl, taken->index, taken->serial,
				    alternates, n, err);
	while (n--)
		free(alternates[n]);
	return ret;
}

/* Of what was attached: idle, if by now it is something else. */
static u32 state_of(struct nl *nl, const struct nl_answer *taken)
{
	struct nl_devices devices;
	struct nl_answer answer;
	u32 state;

	nl_get(nl, taken->index, &devices, &answer);
	switch (answer.error) {
	case 0:
		state = nl_is_meant(&devices.d[0], taken->serial) ?
			devices.d[0].state : NBD_STATE_IDLE;
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
static int check_live(struct nl *nl, const struct nl_answer *taken,
		      struct err *err)
{
	char path[DEVICE_PATH_MAX];

	switch (state_of(nl, taken)) {
	case NBD_STATE_LIVE:
	case NBD_STATE_PARKED:
		return 0;
	case NBD_STATE_DEAD:
		return err_set(err, ST_UNREACHABLE,
			       "%s: the server did not serve the partition table and was given up; the kernel's log says why",
			       device_path(path, taken->index));
	default:
		return err_set(err, ST_NO_DEVICE,
			       "%s was detached while its partitions were looked for",
			       device_path(path, taken->index));
	}
}

static bool depends_on_netns(const struct attach_options *o)
{
	bool depends = netns_matters(&o->uri);
	size_t i;

	for (i = 0; i < o->nr_alternates; i++)
		depends |= netns_matters(&o->alternates[i]);
	return depends;
}

/* What keeps the monitor from looking after the device. */
static void say_unwatched(const struct attach_options *o, u32 index)
{
	if (!run_dir_is_claimed(RUN_DIR_MONITOR))
		fprintf(stderr,
			"nbdctl: nbd%u is not connected again before a monitor runs: systemctl enable --now nbdctl-monitor, or nbdctl monitor\n",
			index);
	if (depends_on_netns(o) && !netns_is_monitors())
		fprintf(stderr,
			"nbdctl: the monitor connects nbd%u again from another network namespace than this one, where the address may lead nowhere, or to another server\n",
			index);
}

/* The kernel has it: see that it can be used, and say so. */
static int finish(const struct attach_options *o, const struct nl_attach *a,
		  struct nl *nl, const struct nl_answer *taken, struct err *err)
{
	char path[DEVICE_PATH_MAX];
	u32 index = taken->index;

	if (o->persist && remember(o, nl, taken, err))
		return -1;
	if (device_wait(index, a->size, err))
		return -1;
	device_wbt_off(index);
	if (!o->no_partscan &&
	    (device_scan(index, err) || check_live(nl, taken, err)))
		return -1;
	if (signals_pending())
		return err_set(err, ST_FAILED, "interrupted");
	device_announce(index);
	if (printf("%s\n", device_path(path, index)) < 0 || fflush(stdout))
		return err_set(err, ST_FAILED, "cannot write the output");
	if (o->persist)
		say_unwatched(o, index);
	return 0;
}

static int hand_over(const struct attach_options *o, struct nl *nl,
		     struct session *s, struct nl_attach *a, struct err *err)
{
	int fds[SESSION_MAX_LINKS];
	struct nl_answer taken;
	struct err ignored;
	unsigned int i;

	for (i = 0; i < s->n; i++)
		fds[i] = s->links[i].fd;
	a->fds = fds;
	a->nr_fds = s->n;
	signals_hold();
	if (attach_connect(o, nl, s->server, a, &taken, err)) {
		/* They may be the kernel's: no word of ours to the server then. */
		if (taken.unknown || !taken.error)
			session_hand_over(s);
		return -1;
	}
	session_hand_over(s);
	if (!finish(o, a, nl, &taken, err))
		return 0;
	/* Nothing of it is left; an older driver would take somebody else's. */
	if (err->status == ST_NO_DEVICE)
		return -1;
	if (!detach_now(nl, taken.index, taken.serial, 0, &ignored))
		detach_wait(nl, taken.index, taken.serial, false, &ignored);
	return -1;
}

static int negotiate_and_attach(const struct attach_options *o, struct nl *nl,
				struct session *s, struct err *err)
{
	const struct neg_request go = {
		.op = NEG_GO,
		.name = o->uri.export,
		.name_len = strlen(o->uri.export),
		.by_name = o->no_optgo,
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
 * Return: 0, or -1 with @err set; then nothing is left behind, unless the kernel's answer
 * was lost.
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
		ret = attach_check_device(&nl, o->device, err);
	if (!ret)
		ret = try_until(o, &nl, &session, err);
	session_close(&session);
	nl_done(&nl);
	return ret;
}
