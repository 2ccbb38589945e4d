// SPDX-License-Identifier: GPL-2.0-or-later
#include "args.h"
#include "nbdctl.h"
#include "print.h"
#include "show.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl status [--json] [DEVICE]\n\n"
	"Show everything about a device, or about all that are attached: limits,\n"
	"timeouts, flags, and for each connection its state and what it carried.\n\n"
	"  -j, --json  the same for programs\n\n"
	"Exit statuses: see nbdctl --help.\n";

static int run(int argc, char **argv, struct err *err)
{
	const struct print_ops *print = &print_text;
	struct nl_devices devices;
	u32 index;
	int c, ret;

	while ((c = next_option(argc, argv, ":j", options, err)) !=
	       OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		print = &print_json;
	}
	if (argc - optind > 1)
		return err_set(err, ST_USAGE, "status: too many arguments");
	if (optind < argc && args_device(argv[optind], &index, err))
		return -1;
	if (optind < argc)
		ret = show_one(index, &devices, err);
	else
		ret = show_attached(&devices, err);
	if (!ret)
		print->status(&devices);
	nl_free_devices(&devices);
	return ret;
}

const struct verb verb_status = {
	.name		= "status",
	.summary	= "show everything about devices",
	.help		= help,
	.run		= run,
};
