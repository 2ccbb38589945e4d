// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stddef.h>

#include "nbdctl.h"

/* Was a value given to one that takes none? */
static bool is_known(const struct option *options, int val)
{
	while (options->name && options->val != val)
		options++;
	return options->name;
}

/**
 * next_option - getopt_long() with one-line messages
 * @argc: number of arguments
 * @argv: arguments; the first is the verb
 * @brief: short options, beginning with ':'
 * @options: long options
 * @err: filled on failure
 *
 * Return: the option, OPTION_END after the last one, or OPTION_BAD with @err
 * set.
 */
int next_option(int argc, char **argv, const char *brief,
		const struct option *options, struct err *err)
{
	int c;

	opterr = 0;
	c = getopt_long(argc, argv, brief, options, NULL);
	if (c == ':')
		err_set(err, ST_USAGE, "%s: option %s needs a value", argv[0],
			argv[optind - 1]);
	else if (c == '?' && optopt && is_known(options, optopt))
		err_set(err, ST_USAGE, "%s: option %s: no value is expected",
			argv[0], argv[optind - 1]);
	else if (c == '?' && optopt)
		err_set(err, ST_USAGE, "%s: unknown option -%c", argv[0],
			optopt);
	else if (c == '?')
		err_set(err, ST_USAGE, "%s: unknown option %s", argv[0],
			argv[optind - 1]);
	else
		return c == -1 ? OPTION_END : c;
	return OPTION_BAD;
}
