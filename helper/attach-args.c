// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/nbd-netlink.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "args.h"
#include "attach-args.h"
#include "print.h"

enum {
	OPT_QUEUE_DEPTH = 256, OPT_TIMEOUT, OPT_DEAD_TIMEOUT, OPT_NO_PARTSCAN,
	OPT_MAX_REQUEST, OPT_READ_AHEAD, OPT_CONNECT_TIMEOUT,
	OPT_FORCE_MULTI_CONN, OPT_ZEROES, OPT_ON_RESTART, OPT_PERSIST,
	OPT_ALTERNATE, OPT_FENCE, OPT_RETRY, OPT_NO_OPTGO,
};

const struct option attach_args_options[] = {
	{ "all",		no_argument,	   NULL, ATTACH_ALL },
	{ "nbdtab",		required_argument, NULL, ATTACH_NBDTAB },
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
	{ "no-optgo",		no_argument,	   NULL, OPT_NO_OPTGO },
	{ "no-partscan",	no_argument,	   NULL, OPT_NO_PARTSCAN },
	{ "max-request",	required_argument, NULL, OPT_MAX_REQUEST },
	{ "read-ahead",		required_argument, NULL, OPT_READ_AHEAD },
	{ "zeroes",		required_argument, NULL, OPT_ZEROES },
	{ "connect-timeout",	required_argument, NULL, OPT_CONNECT_TIMEOUT },
	{ "retry",		required_argument, NULL, OPT_RETRY },
	{ NULL, 0, NULL, 0 },
};

#define MAX_SECONDS	(365ULL * 24 * 3600)
#define MAX_TIMEOUT	(INT_MAX / 1000)	/* what any kernel takes */
#define MAX_DEPTH	10239	/* what the driver takes */
#define MAX_FENCE	3600
#define PERSIST_SECONDS	(14ULL * 24 * 3600)

/**
 * attach_args_init - begin with what holds if nothing is said
 * @a: the options
 */
void attach_args_init(struct attach_args *a)
{
	memset(a, 0, sizeof(*a));
	a->o.connections = 1;
	a->o.timeout = 30;
	a->o.fence = 5;
	a->o.connect_timeout = 10;
}

/**
 * attach_args_find - the option of a device that has a name
 * @name: its long name, without dashes
 *
 * Return: the option, or NULL.
 */
const struct option *attach_args_find(const char *name)
{
	const struct option *option;

	for (option = attach_args_options; option->name; option++)
		if (!strcmp(option->name, name) &&
		    option->val != ATTACH_ALL && option->val != ATTACH_NBDTAB)
			return option;
	return NULL;
}

static int size_option(struct attach_args *a, int c, const char *shown,
		       const char *value, struct err *err)
{
	struct attach_options *o = &a->o;

	switch (c) {
	case 'b':
		return args_size_option(shown, value, 512, 65536,
					&o->block_size, err);
	case OPT_MAX_REQUEST:
		return args_size_option(shown, value, 4096, UINT32_MAX,
					&o->max_request, err);
	default:
		o->has_read_ahead = true;
		return args_size_option(shown, value, 0, UINT32_MAX,
					&o->read_ahead, err);
	}
}

static int number_option(struct attach_args *a, int c, const char *shown,
			 const char *value, struct err *err)
{
	struct attach_options *o = &a->o;
	u64 n;

	switch (c) {
	case 'C':
		if (args_number_option(shown, value, 1, SESSION_MAX_LINKS, &n,
				       err))
			return -1;
		o->connections = (unsigned int)n;
		return 0;
	case OPT_QUEUE_DEPTH:
		return args_number_option(shown, value, 1, MAX_DEPTH,
					  &o->queue_depth, err);
	case OPT_TIMEOUT:
		return args_number_option(shown, value, 0, MAX_TIMEOUT,
					  &o->timeout, err);
	case OPT_FENCE:
		return args_number_option(shown, value, 0, MAX_FENCE,
					  &o->fence, err);
	case OPT_RETRY:
		return args_number_option(shown, value, 0, MAX_SECONDS,
					  &o->retry, err);
	case OPT_DEAD_TIMEOUT:
		a->has_dead_timeout = true;
		return args_number_option(shown, value, 0, MAX_TIMEOUT,
					  &o->dead_timeout, err);
	default:
		return args_number_option(shown, value, 1, MAX_SECONDS,
					  &o->connect_timeout, err);
	}
}

static int zeroes_option(struct attach_args *a, const char *shown,
			 const char *value, struct err *err)
{
	unsigned int mode;

	for (mode = 0; mode <= NBD_ZEROES_OFF; mode++) {
		if (strcmp(value, print_zeroes(mode)))
			continue;
		a->o.zeroes = mode;
		return 0;
	}
	return err_set(err, ST_USAGE,
		       "%s: %s is none of auto, fast, slow, off", shown, value);
}

static int restart_option(struct attach_args *a, const char *shown,
			  const char *value, struct err *err)
{
	a->o.loss_fails = !strcmp(value, "error");
	if (a->o.loss_fails || !strcmp(value, "trust"))
		return 0;
	return err_set(err, ST_USAGE, "%s: %s is neither trust nor error",
		       shown, value);
}

static int alternate_option(struct attach_args *a, const char *shown,
			    const char *value, struct err *err)
{
	if (a->o.nr_alternates == STATE_ALTERNATES)
		return err_set(err, ST_USAGE, "%s: more than %d of them", shown,
			       STATE_ALTERNATES);
	a->alternates[a->o.nr_alternates++] = value;
	return 0;
}

static int value_option(struct attach_args *a, int c, const char *shown,
			const char *value, struct err *err)
{
	switch (c) {
	case 'N':
		a->name = value;
		return 0;
	case OPT_ALTERNATE:
		return alternate_option(a, shown, value, err);
	case OPT_ZEROES:
		return zeroes_option(a, shown, value, err);
	case OPT_ON_RESTART:
		return restart_option(a, shown, value, err);
	case 'b':
	case OPT_MAX_REQUEST:
	case OPT_READ_AHEAD:
		return size_option(a, c, shown, value, err);
	default:
		return number_option(a, c, shown, value, err);
	}
}

/**
 * attach_args_set - take one option
 * @a: the options
 * @c: which one, of attach_args_options
 * @shown: as the user wrote it, for messages
 * @value: its value, if it has one; it has to stay
 * @err: filled on failure
 *
 * A later one replaces an earlier one, but for alternates.
 *
 * Return: 0, or -1 with @err set.
 */
int attach_args_set(struct attach_args *a, int c, const char *shown,
		    const char *value, struct err *err)
{
	switch (c) {
	case 'r':
		a->o.read_only = true;
		return 0;
	case OPT_NO_PARTSCAN:
		a->o.no_partscan = true;
		return 0;
	case OPT_FORCE_MULTI_CONN:
		a->o.force_multi_conn = true;
		return 0;
	case OPT_NO_OPTGO:
		a->o.no_optgo = true;
		return 0;
	case OPT_PERSIST:
		a->o.persist = true;
		return 0;
	default:
		return value_option(a, c, shown, value, err);
	}
}

/**
 * attach_args_finish - see that the options fit together, and take them all in
 * @a: the options, and the URI in it
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int attach_args_finish(struct attach_args *a, struct err *err)
{
	size_t i;

	if (a->name && uri_set_export(&a->o.uri, a->name, err))
		return -1;
	if (a->o.nr_alternates && !a->o.persist)
		return err_set(err, ST_USAGE, "alternate needs persist");
	for (i = 0; i < a->o.nr_alternates; i++) {
		if (uri_parse(&a->alternate_uris[i], a->alternates[i], err))
			return -1;
		if (a->name &&
		    uri_set_export(&a->alternate_uris[i], a->name, err))
			return -1;
	}
	a->o.alternates = a->alternate_uris;
	if (a->o.persist && !a->has_dead_timeout)
		a->o.dead_timeout = PERSIST_SECONDS;
	return 0;
}
