// SPDX-License-Identifier: GPL-2.0-or-later
#include "args.h"
#include "nbdctl.h"
#include "reconnect.h"

enum {
	OPT_REPLACE = 256, OPT_CONNECT_TIMEOUT,
};

static const struct option options[] = {
	{ "replace",		no_argument,	   NULL, OPT_REPLACE },
	{ "connect-timeout",	required_argument, NULL, OPT_CONNECT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl reconnect [OPTION...] DEVICE [URI]\n\n"
	"Give DEVICE a new connection for each one that is dead, where it is, or at URI\n"
	"if the same disk is there now; then that is where it is from now on. Requests\n"
	"that wait for a connection go on.\n\n"
	"      --replace             replace live connections, too; requests wait\n"
	"                            meanwhile\n"
	"      --connect-timeout SEC time for all handshakes together (default 10)\n\n"
	"Exit statuses: see nbdctl --help.\n";

#define MAX_SECONDS	(365ULL * 24 * 3600)

static int parse_arguments(int n, char **args, u32 *index,
			   struct reconnect_options *want, struct err *err)
{
	if (n < 1 || n > 2)
		return err_set(err, ST_USAGE,
			       "reconnect: name one device, and at most one URI");
	if (args_device(args[0], index, err))
		return -1;
	if (n < 2)
		return 0;
	want->has_uri = true;
	want->move = true;
	if (uri_parse(&want->uri, args[1], err) ||
	    uri_make_absolute(&want->uri, err))
		return -1;
	if (want->uri.tls)
		return err_set(err, ST_FAILED, "%s: TLS is not supported yet",
			       args[1]);
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	static struct reconnect_options want = { .connect_timeout = 10 };
	u32 index;
	int c;

	while ((c = next_option(argc, argv, ":", options, err)) != OPTION_END) {
		if (c == OPTION_BAD)
			return -1;
		if (c == OPT_REPLACE)
			want.replace = true;
		else if (args_number_option("--connect-timeout", optarg, 1,
					    MAX_SECONDS, &want.connect_timeout,
					    err))
			return -1;
	}
	if (parse_arguments(argc - optind, argv + optind, &index, &want, err))
		return -1;
	return reconnect_run(index, &want, err);
}

const struct verb verb_reconnect = {
	.name		= "reconnect",
	.summary	= "give a device new connections",
	.help		= help,
	.run		= run,
};
