// SPDX-License-Identifier: GPL-2.0-or-later
#include "args.h"
#include "nbdctl.h"
#include "print.h"
#include "show.h"

static const char help[] =
	"Usage: nbdctl metrics\n\n"
	"Print numbers about all devices that are attached and their connections in\n"
	"the text format of Prometheus, for the textfile collector of its node\n"
	"exporter.\n\n"
	"Exit statuses: see nbdctl --help.\n";

static int run(int argc, char **argv, struct err *err)
{
	static const struct option options[] = { { NULL, 0, NULL, 0 } };
	struct nl_devices devices;
	int ret;

	if (next_option(argc, argv, ":", options, err) != OPTION_END)
		return -1;
	if (optind < argc)
		return err_set(err, ST_USAGE, "metrics: too many arguments");
	ret = show_attached(&devices, err);
	if (!ret)
		ret = show_latency(&devices, err);
	if (!ret)
		print_metrics(&devices);
	nl_free_devices(&devices);
	return ret;
}

const struct verb verb_metrics = {
	.name		= "metrics",
	.summary	= "print numbers about devices for Prometheus",
	.help		= help,
	.run		= run,
};
