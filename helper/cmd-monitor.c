// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor.h"
#include "nbdctl.h"

static const struct option options[] = {
	{ "wait",	no_argument, NULL, 'w' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl monitor [OPTION...]\n\n"
	"Give every device that was attached to persist a new connection for each one\n"
	"that it loses: at once, and then again and again until all are live. It runs\n"
	"until a signal ends it, as a service; there can be only one.\n\n"
	"  -w, --wait  if there is one, wait for its end and take its place\n\n"
	"Exit statuses: see nbdctl --help.\n";

static int run(int argc, char **argv, struct err *err)
{
	bool wait = false;
	int c;

	while ((c = next_option(argc, argv, ":w", options, err)) !=
	       OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		wait = true;
	}
	if (optind < argc)
		return err_set(err, ST_USAGE, "monitor: too many arguments");
	return monitor_run(wait, err);
}

const struct verb verb_monitor = {
	.name		= "monitor",
	.summary	= "reconnect devices whenever they need it",
	.help		= help,
	.run		= run,
};
