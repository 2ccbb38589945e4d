// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/nbd-netlink.h>
#include <stdint.h>
#include <string.h>

#include "args.h"
#include "attach.h"
#include "nbdctl.h"
#include "print.h"
#include "state.h"

enum {
	OPT_QUEUE_DEPTH = 256, OPT_TIMEOUT, OPT_DEAD_TIMEOUT, OPT_NO_PARTSCAN,
	OPT_MAX_REQUEST, OPT_READ_AHEAD, OPT_CONNECT_TIMEOUT,
	OPT_FORCE_MULTI_CONN, OPT_ZEROES, OPT_ON_RESTART, OPT_PERSIST,
	OPT_ALTERNATE, OPT_FENCE,
};

static const struct option options[] = {
	{ "connections",	required_argument, NULL, 'C' },
	{ "force-multi-conn",	no_argument,	   NULL, OPT_FORCE_MULTI_CONN },
	{ "read-only",		no_argument,	   NULL, 'r' },
	{ "block-size",		required_argument, NULL, 'b' },
	{ "queue-depth",	required_argument, NULL, OPT_QUEUE_DEPTH },
	{ "timeout",		required_argument, NULL, OPT_TIMEOUT },
	{ "dead-timeout",	required_argument, NULL, OPT_DEAD_TIMEOUT },
	{ "fence",		required_argument, NULL, OPT_FENCE },
	{ "on-restart",		required_argument, NULL, OPT_ON_RESTART },
	{ "persist",		no_argument,	   NULL, OPT_PERSIST },
	{ "alternate",		required_argument, NULL, OPT_ALTERNATE },
	{ "name",		required_argument, NULL, 'N' },
	{ "no-partscan",	no_argument,	   NULL, OPT_NO_PARTSCAN },
	{ "max-request",	required_argument, NULL, OPT_MAX_REQUEST },
	{ "read-ahead",		required_argument, NULL, OPT_READ_AHEAD },
	{ "zeroes",		required_argument, NULL, OPT_ZEROES },
	{ "connect-timeout",	required_argument, NULL, OPT_CONNECT_TIMEOUT },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: nbdctl attach [OPTION...] URI [DEVICE]\n\n"
	"Attach the export that URI names and print the device. DEVICE is /dev/nbd3,\n"
	"nbd3 or 3; without it the first free one is taken. URI is one of\n\n"
	"  nbd://HOST[:PORT]/EXPORT\n"
	"  nbd+unix:///EXPORT?socket=PATH\n"
	"  nbd+vsock://CID[:PORT]/EXPORT\n\n"
	"  -C, --connections N       connections to the server, 1 to 256 (default 1)\n"
	"      --force-multi-conn    use N connections although the server does not\n"
	"                            promise that it is safe\n"
	"  -r, --read-only           no writes, whatever the server allows\n"
	"  -b, --block-size SIZE     logical block (default: what the server needs)\n"
	"      --queue-depth N       requests in flight for each connection\n"
	"      --timeout SEC         give up a request after this time, 0 = never\n"
	"                            (default 30)\n"
	"      --dead-timeout SEC    keep requests this long when no connection is\n"
	"                            left (default 0, or two weeks with --persist)\n"
	"      --fence SEC           how long a write waits before it is sent again\n"
	"                            after its connection was given up (default 5)\n"
	"      --on-restart WHAT     when the server was restarted before it flushed\n"
	"                            writes: trust it, or the next flush is an error\n"
	"                            (default trust)\n"
	"      --persist             nbdctl monitor gives the device new connections\n"
	"                            when it loses some\n"
	"      --alternate URI       another place where the export is found, up to 8\n"
	"                            times; with --persist\n"
	"  -N, --name EXPORT         the export, instead of the one in URI\n"
	"      --no-partscan         do not look for partitions\n"
	"      --max-request SIZE    largest request\n"
	"      --read-ahead SIZE     read-ahead\n"
	"      --zeroes WHEN         when the server is asked to zero: auto, fast,\n"
	"                            slow or off (default auto)\n"
	"      --connect-timeout SEC time for all handshakes together (default 10)\n\n"
	"SIZE may end in K, M, G or T. Exit statuses: see nbdctl --help.\n";

#define MAX_SECONDS	(365ULL * 24 * 3600)
#define MAX_DEPTH	65536
#define MAX_FENCE	3600
#define PERSIST_SECONDS	(14ULL * 24 * 3600)

struct parsed {
	struct attach_options o;
	const char *name;
	bool has_dead_timeout;
	const char *alternates[STATE_ALTERNATES];
	struct uri alternate_uris[STATE_ALTERNATES];
};

static int size_option(int c, struct parsed *p, struct err *err)
{
	struct attach_options *o = &p->o;

	switch (c) {
	case 'b':
		return args_size_option("--block-size", optarg, 512, 65536,
					&o->block_size, err);
	case OPT_MAX_REQUEST:
		return args_size_option("--max-request", optarg, 4096,
					UINT32_MAX, &o->max_request, err);
	default:
		o->has_read_ahead = true;
		return args_size_option("--read-ahead", optarg, 0, UINT32_MAX,
					&o->read_ahead, err);
	}
}

static int number_option(int c, struct parsed *p, struct err *err)
{
	struct attach_options *o = &p->o;
	u64 value;

	switch (c) {
	case 'C':
		if (args_number_option("--connections", optarg, 1,
				       SESSION_MAX_LINKS, &value, err))
			return -1;
		o->connections = (unsigned int)value;
		return 0;
	case OPT_QUEUE_DEPTH:
		return args_number_option("--queue-depth", optarg, 1,
					  MAX_DEPTH, &o->queue_depth, err);
	case OPT_TIMEOUT:
		return args_number_option("--timeout", optarg, 0, MAX_SECONDS,
					  &o->timeout, err);
	case OPT_FENCE:
		return args_number_option("--fence", optarg, 0, MAX_FENCE,
					  &o->fence, err);
	case OPT_DEAD_TIMEOUT:
		p->has_dead_timeout = true;
		return args_number_option("--dead-timeout", optarg, 0,
					  MAX_SECONDS, &o->dead_timeout, err);
	default:
		return args_number_option("--connect-timeout", optarg, 1,
					  MAX_SECONDS, &o->connect_timeout,
					  err);
	}
}

static int zeroes_option(struct parsed *p, struct err *err)
{
	unsigned int mode;

	for (mode = 0; mode <= NBD_ZEROES_OFF; mode++) {
		if (strcmp(optarg, print_zeroes(mode)))
			continue;
		p->o.zeroes = mode;
		return 0;
	}
	return err_set(err, ST_USAGE,
		       "--zeroes: %s is none of auto, fast, slow, off", optarg);
}

static int restart_option(struct parsed *p, struct err *err)
{
	p->o.loss_fails = !strcmp(optarg, "error");
	if (p->o.loss_fails || !strcmp(optarg, "trust"))
		return 0;
	return err_set(err, ST_USAGE,
		       "--on-restart: %s is neither trust nor error", optarg);
}

static int alternate_option(struct parsed *p, struct err *err)
{
	if (p->o.nr_alternates == STATE_ALTERNATES)
		return err_set(err, ST_USAGE,
			       "--alternate: more than %d of them",
			       STATE_ALTERNATES);
	p->alternates[p->o.nr_alternates++] = optarg;
	return 0;
}

static int one_option(int c, struct parsed *p, struct err *err)
{
	switch (c) {
	case 'r':
		p->o.read_only = true;
		return 0;
	case 'N':
		p->name = optarg;
		return 0;
	case OPT_NO_PARTSCAN:
		p->o.no_partscan = true;
		return 0;
	case OPT_FORCE_MULTI_CONN:
		p->o.force_multi_conn = true;
		return 0;
	case OPT_PERSIST:
		p->o.persist = true;
		return 0;
	case OPT_ALTERNATE:
		return alternate_option(p, err);
	case OPT_ZEROES:
		return zeroes_option(p, err);
	case OPT_ON_RESTART:
		return restart_option(p, err);
	case 'b':
	case OPT_MAX_REQUEST:
	case OPT_READ_AHEAD:
		return size_option(c, p, err);
	default:
		return number_option(c, p, err);
	}
}

static int parse_uri(const struct parsed *p, const char *text, struct uri *uri,
		     struct err *err)
{
	if (uri_parse(uri, text, err))
		return -1;
	if (p->name && uri_set_export(uri, p->name, err))
		return -1;
	if (uri->tls)
		return err_set(err, ST_FAILED, "%s: TLS is not supported yet",
			       text);
	return 0;
}

/* What only means something if the monitor is to look after the device. */
static int parse_persist(struct parsed *p, struct err *err)
{
	size_t i;

	if (p->o.nr_alternates && !p->o.persist)
		return err_set(err, ST_USAGE, "--alternate needs --persist");
	for (i = 0; i < p->o.nr_alternates; i++)
		if (parse_uri(p, p->alternates[i], &p->alternate_uris[i], err))
			return -1;
	p->o.alternates = p->alternate_uris;
	if (p->o.persist && !p->has_dead_timeout)
		p->o.dead_timeout = PERSIST_SECONDS;
	return 0;
}

static int parse_arguments(int n, char **args, struct parsed *p,
			   struct err *err)
{
	if (n < 1)
		return err_set(err, ST_USAGE, "attach: no URI given");
	if (n > 2)
		return err_set(err, ST_USAGE, "attach: too many arguments");
	if (parse_uri(p, args[0], &p->o.uri, err) || parse_persist(p, err))
		return -1;
	if (n < 2)
		return 0;
	p->o.has_device = true;
	return args_device(args[1], &p->o.device, err);
}

static int run(int argc, char **argv, struct err *err)
{
	static struct parsed p = {
		.o = {
			.connections = 1,
			.timeout = 30,
			.fence = 5,
			.connect_timeout = 10,
		},
	};
	int c;

	while ((c = next_option(argc, argv, ":C:rb:N:", options, err)) !=
	       OPTION_END)
		if (c == OPTION_BAD || one_option(c, &p, err))
			return -1;
	if (parse_arguments(argc - optind, argv + optind, &p, err))
		return -1;
	return attach_run(&p.o, err);
}

const struct verb verb_attach = {
	.name		= "attach",
	.summary	= "attach an export of a server to a device",
	.help		= help,
	.run		= run,
};
