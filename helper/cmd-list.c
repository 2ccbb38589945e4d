// SPDX-License-Identifier: GPL-2.0-or-later
#include "nbdctl.h"
#include "print.h"
#include "show.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl list [--json]\n\n"
	"List the devices that are attached, one on a line.\n\n"
	"  -j, --json  the same for programs\n\n"
	"Exit statuses: see nbdctl --help.\n";

static int run(int argc, char **argv, struct err *err)
{
	const struct print_ops *print = &print_text;
	struct nl_devices devices;
	int c, ret;

	while ((c = next_option(argc, argv, ":j", options, err)) !=
	       OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		print = &print_json;
	}
	if (optind < argc)
		return err_set(err, ST_USAGE, "list: too many arguments");
	ret = show_attached(&devices, err);
	if (!ret)
		print->list(&devices);
	nl_free_devices(&devices);
	return ret;
}

const struct verb verb_list = {
	.name		= "list",
	.summary	= "list the devices that are attached",
	.help		= help,
	.run		= run,
};
