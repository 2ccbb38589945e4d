// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>

#include <linux/nbd-netlink.h>

#include "admin.h"
#include "args.h"
#include "detach.h"
#include "nbdctl.h"

static const struct option options[] = {
	{ "all",	no_argument, NULL, 'a' },
	{ "force",	no_argument, NULL, 'f' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl detach [OPTION...] DEVICE...\n"
	"       nbdctl detach [OPTION...] --all\n\n"
	"Write back and flush what is dirty and disconnect. A device that is mounted,\n"
	"swapped on, built upon or open is refused, and what holds it is said.\n\n"
	"  -a, --all    all devices that are attached\n"
	"  -f, --force  disconnect at once; what is not written is lost\n\n"
	"Exit statuses: see nbdctl --help.\n";

static int detach_all(struct nl *nl, bool force, struct err *err)
{
	struct nl_devices devices;
	struct nl_answer answer;
	struct err one;
	size_t i;

	nl_get_all(nl, &devices, &answer);
	if (answer.error)
		nl_error(&answer, "cannot list the devices", err);
	for (i = 0; i < devices.n && !answer.error; i++)
		if (devices.d[i].state != NBD_STATE_IDLE &&
		    detach_device(nl, devices.d[i].index, force, &one))
			err_keep_first(err, &one);
	nl_free_devices(&devices);
	return err->status == ST_OK ? 0 : -1;
}

static int detach_named(struct nl *nl, int n, char **names, bool force,
			struct err *err)
{
	u32 index;
	struct err one;
	int i;

	for (i = 0; i < n; i++)
		if (args_device(names[i], &index, &one) ||
		    detach_device(nl, index, force, &one))
			err_keep_first(err, &one);
	return err->status == ST_OK ? 0 : -1;
}

static int run(int argc, char **argv, struct err *err)
{
	bool all = false, force = false;
	struct nl nl;
	int c, ret;

	while ((c = next_option(argc, argv, ":af", options, err)) !=
	       OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		all |= c == 'a';
		force |= c == 'f';
	}
	if (all ? optind < argc : optind == argc)
		return err_set(err, ST_USAGE,
			       "detach: name devices or give --all");
	if (admin_check("detach devices", err))
		return -1;
	ret = nl_open(&nl, err);
	if (!ret && !(all && nl.family == NL_FAMILY_ABSENT)) {
		ret = nl_need(&nl, false, err);
		if (!ret && all)
			ret = detach_all(&nl, force, err);
		else if (!ret)
			ret = detach_named(&nl, argc - optind, argv + optind,
					   force, err);
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
