// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "args.h"
#include "detach.h"
#include "nbdctl.h"
#include "root-disk.h"

enum {
	OPT_DEAD = 256,
};

static const struct option options[] = {
	{ "all",	no_argument, NULL, 'a' },
	{ "force",	no_argument, NULL, 'f' },
	{ "dead",	no_argument, NULL, OPT_DEAD },
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
	"               of the root file system\n\n"
	"Exit statuses: see nbdctl --help.\n";

struct how {
	bool all;
	bool force;
	bool dead;
};

static bool is_meant(const struct nl_device *d, const struct how *how)
{
	if (how->dead)
		return detach_is_dead(d) && !root_disk_is(d->index);
	return d->state != NBD_STATE_IDLE;
}

/* The others may have taken long, and it may have been connected meanwhile. */
static bool still_meant(struct nl *nl, u32 index, const struct how *how)
{
	struct nl_devices devices;
	struct nl_answer answer;
	bool meant;

	if (!how->dead)
		return true;
	nl_get(nl, index, &devices, &answer);
	meant = !answer.error && is_meant(&devices.d[0], how);
	nl_free_devices(&devices);
	return meant;
}

static int detach_all(struct nl *nl, const struct how *how, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	struct err one;
	size_t i;

	nl_get_all(nl, &devices, &answer);
	if (answer.error)
		nl_error(&answer, "cannot list the devices", err);
	for (i = 0; i < devices.n && !answer.error; i++)
		if (is_meant(&devices.d[i], how) &&
		    still_meant(nl, devices.d[i].index, how) &&
		    detach_device(nl, devices.d[i].index,
				  how->force || how->dead, &one))
			err_keep_first(err, &one);
	nl_free_devices(&devices);
	return err->status == ST_OK ? 0 : -1;
}

static int detach_if_dead(struct nl *nl, u32 index, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	char what[32];
	int ret;

	snprintf(what, sizeof(what), "nbd%u", index);
	nl_get(nl, index, &devices, &answer);
	ret = answer.error ? nl_error(&answer, what, err) :
	      detach_dead(nl, &devices.d[0], err);
	nl_free_devices(&devices);
	return ret;
}

static int detach_one(struct nl *nl, const char *name, const struct how *how,
		      struct err *err)
{
	u32 index;

	if (args_device(name, &index, err))
		return -1;
	return how->dead ? detach_if_dead(nl, index, err) :
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
		how->dead |= c == OPT_DEAD;
	}
	if (how->all ? optind < argc : optind == argc)
		return err_set(err, ST_USAGE,
			       "detach: name devices or give --all");
	if (how->force && how->dead)
		return err_set(err, ST_USAGE,
			       "detach: --force is for all, --dead only for some: give one of them");
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
	ret = nl_open(&nl, err);
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
