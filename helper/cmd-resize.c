// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>

#include "args.h"
#include "nbdctl.h"
#include "resize.h"

enum {
	OPT_SHRINK = 256, OPT_CONNECT_TIMEOUT,
};

static const struct option options[] = {
	{ "shrink",		no_argument,	   NULL, OPT_SHRINK },
	{ "connect-timeout",	required_argument, NULL, OPT_CONNECT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl resize [OPTION...] DEVICE\n\n"
	"Ask the server how large the export is now, and make the device as large,\n"
	"also while it is mounted. Its connections are replaced by new ones; requests\n"
	"wait meanwhile. What is on the device (partitions, a file system) keeps its size.\n\n"
	"      --shrink              make the device smaller, too\n"
	"      --connect-timeout SEC time for all handshakes together (default 10)\n\n"
	"Exit statuses: see nbdctl --help.\n";

#define MAX_SECONDS	(365ULL * 24 * 3600)

static int run(int argc, char **argv, struct err *err)
{
	u64 connect_timeout = 10;
	bool shrink = false;
	u32 index;
	int c;

	while ((c = next_option(argc, argv, ":", options, err)) != OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		if (c == OPT_SHRINK)
			shrink = true;
		else if (args_number_option("--connect-timeout", optarg, 1,
					    MAX_SECONDS, &connect_timeout, err))
			return -1;
	}
	if (argc - optind != 1)
		return err_set(err, ST_USAGE, "resize: name one device");
	if (args_device(argv[optind], &index, err))
		return -1;
	return resize_run(index, shrink, connect_timeout, err);
}

const struct verb verb_resize = {
	.name		= "resize",
	.summary	= "give a device the size that its export has now",
	.help		= help,
	.run		= run,
};
