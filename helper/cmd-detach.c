// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "args.h"
#include "detach.h"
#include "nbdctl.h"
#include "root-disk.h"
#include "stalled.h"

enum {
	OPT_DEAD = 256, OPT_STALLED,
};

static const struct option options[] = {
	{ "all",	no_argument, NULL, 'a' },
	{ "force",	no_argument, NULL, 'f' },
	{ "dead",	no_argument, NULL, OPT_DEAD },
	{ "stalled",	required_argument, NULL, OPT_STALLED },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl detach [OPTION...] DEVICE...\n"
	"       nbdctl detach [OPTION...] --all\n\n"
	"Write back and flush what is dirty and disconnect. A device that is mounted,\n"
	"swapped on, built upon or open is refused, and what holds it is said.\n\n"
	"  -a, --all    all devices that are attached\n"
	"  -f, --force  disconnect at once; what is not written is lost\n"
	"      --dead   only what has no live connection, whatever uses it; not the disk\n"
	"               of the root file system\n"
	"      --stalled SEC\n"
	"               as --dead, and also what has a server that answers neither a read\n"
	"               nor a new connection, each within this time; what a monitor gives\n"
	"               connections to has it to get one\n\n"
	"Exit statuses: see nbdctl --help.\n";

struct how {
	bool all;
	bool force;
	bool dead;
	u64 stalled;		/* seconds, 0: do not ask */
};

#define STALLED_MOST	3600

/* One whose server has stalled counts as dead. */
static bool is_meant(const struct nl_device *d, const struct how *how,
		     const struct stalled *asked)
{
	if (d->state == NBD_STATE_IDLE)
		return false;
	return !how->dead || ((detach_is_dead(d) || stalled_is(asked, d)) &&
			      !root_disk_is(d->index));
}

static int detach_meant(struct nl *nl, const struct nl_device *d,
			const struct how *how, const struct stalled *asked,
			struct err *err)
{
	if (!how->dead)
		return detach_device(nl, d->index, how->force, err);
	if (!detach_dead(nl, d, stalled_is(asked, d), err))
		return 0;
	/* In this moment it has ceased to be one that is meant. */
	if (err->status != ST_BUSY && err->status != ST_NO_DEVICE)
		return -1;
	err->status = ST_OK;
	return 0;
}

/* The others, and asking, may have taken long: as it is now. */
static int detach_if_meant(struct nl *nl, u32 index, const struct how *how,
			   const struct stalled *asked, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	char what[32];
	int ret = 0;

	snprintf(what, sizeof(what), "nbd%u", index);
	nl_get(nl, index, &devices, &answer);
	if (!answer.error && is_meant(&devices.d[0], how, asked))
		ret = detach_meant(nl, &devices.d[0], how, asked, err);
	else if (answer.error && answer.error != ENODEV &&
		 answer.error != ENOENT)
		ret = nl_error(&answer, what, err);
	nl_free_devices(&devices);
	return ret;
}

static struct stalled *ask_all(const struct nl_devices *devices,
			       const struct how *how)
{
	struct stalled *list = calloc(devices->n + 1, sizeof(*list));
	size_t i;

	for (i = 0; list && i < devices->n; i++)
		list[i].d = &devices->d[i];
	if (list && how->stalled)
		stalled_ask(list, devices->n, (unsigned int)how->stalled);
	return list;
}

static int detach_each(struct nl *nl, const struct nl_devices *devices,
		       const struct how *how, struct err *err)
{
	struct stalled *asked = ask_all(devices, how);
	struct err one;
	size_t i;

	if (!asked)
		return err_set(err, ST_FAILED, "out of memory");
	for (i = 0; i < devices->n; i++)
		if (detach_if_meant(nl, devices->d[i].index, how, &asked[i],
				    &one))
			err_keep_first(err, &one);
	free(asked);
	return err->status == ST_OK ? 0 : -1;
}

static int detach_all(struct nl *nl, const struct how *how, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	int ret;

	nl_get_all(nl, &devices, &answer);
	ret = answer.error ?
	      nl_error(&answer, "cannot list the devices", err) :
	      detach_each(nl, &devices, how, err);
	nl_free_devices(&devices);
	return ret;
}

/* The device as it is, after its server has been asked if @seconds is not 0. */
static int look(struct nl *nl, u32 index, u64 seconds,
		struct nl_devices *devices, bool *stalled, struct err *err)
{
	struct stalled asked = { .silent = false };
	struct nl_devices before = { .n = 0 };
	struct nl_answer answer;
	char what[32];

	*stalled = false;
	nl_get(nl, index, devices, &answer);
	if (!answer.error && seconds) {
		before = *devices;
		asked.d = &before.d[0];
		stalled_ask(&asked, 1, (unsigned int)seconds);
		nl_get(nl, index, devices, &answer);
		*stalled = !answer.error && stalled_is(&asked, &devices->d[0]);
		nl_free_devices(&before);
	}
	snprintf(what, sizeof(what), "nbd%u", index);
	return answer.error ? nl_error(&answer, what, err) : 0;
}

static int detach_if_dead(struct nl *nl, u32 index, const struct how *how,
			  struct err *err)
{
	struct nl_devices devices;
	bool stalled;
	int ret;

	ret = look(nl, index, how->stalled, &devices, &stalled, err);
	if (!ret)
		ret = detach_dead(nl, &devices.d[0], stalled, err);
	nl_free_devices(&devices);
	return ret;
}

static int detach_one(struct nl *nl, const char *name, const struct how *how,
		      struct err *err)
{
	u32 index;

	if (args_device(name, &index, err))
		return -1;
	return how->dead ? detach_if_dead(nl, index, how, err) :
	       detach_device(nl, index, how->force, err);
}

static int detach_named(struct nl *nl, int n, char **names,
			const struct how *how, struct err *err)
{
	struct err one;
	int i;

	for (i = 0; i < n; i++)
		if (detach_one(nl, names[i], how, &one))
			err_keep_first(err, &one);
	return err->status == ST_OK ? 0 : -1;
}

static int parse_options(int argc, char **argv, struct how *how,
			 struct err *err)
{
	int c;

	while ((c = next_option(argc, argv, ":af", options, err)) !=
	       OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		how->all |= c == 'a';
		how->force |= c == 'f';
		how->dead |= c == OPT_DEAD || c == OPT_STALLED;
		if (c == OPT_STALLED &&
		    args_number_option("--stalled", optarg, 1, STALLED_MOST,
				       &how->stalled, err))
			return -1;
	}
	if (how->all ? optind < argc : optind == argc)
		return err_set(err, ST_USAGE,
			       "detach: name devices or give --all");
	if (how->force && how->dead)
		return err_set(err, ST_USAGE,
			       "detach: --force is for all, --dead and --stalled only for some: give one of them");
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	struct how how = { .all = false };
	struct nl nl;
	int ret;

	if (parse_options(argc, argv, &how, err) ||
	    admin_check("detach devices", err))
		return -1;
	ret = nl_open_quietly(&nl, err);
	if (!ret && !(how.all && nl.family == NL_FAMILY_ABSENT)) {
		ret = nl_need(&nl, false, err);
		if (!ret && how.all)
			ret = detach_all(&nl, &how, err);
		else if (!ret)
			ret = detach_named(&nl, argc - optind, argv + optind,
					   &how, err);
	}
	nl_done(&nl);
	return ret;
}

const struct verb verb_detach = {
	.name		= "detach",
	.summary	= "flush and disconnect devices",
	.help		= help,
	.run		= run,
};
