// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

/* Highest index the kernel takes: minors are 20 bits, 16 or more a device. */
#define MAX_INDEX	0xffff

static bool parse_digits(const char *s, const char **end, u64 *out)
{
	char *stop;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*out = strtoull(s, &stop, 10);
	if (errno)
		return false;
	*end = stop;
	return true;
}

/**
 * args_number - parse a decimal number, nothing before or after it
 * @s: the text
 * @out: the number
 *
 * Return: whether @s is one that fits.
 */
bool args_number(const char *s, u64 *out)
{
	const char *end;

	return parse_digits(s, &end, out) && !*end;
}

/**
 * args_size - parse a size with an optional suffix K, M, G or T
 * @s: the text
 * @out: the size in bytes
 *
 * Return: whether @s is one that fits.
 */
bool args_size(const char *s, u64 *out)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	const char *end, *unit;

	if (!parse_digits(s, &end, out))
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			return false;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	if (*out > ~0ULL >> shift)
		return false;
	*out <<= shift;
	return true;
}

static int check_range(const char *option, const char *s, bool parsed,
		       u64 least, u64 most, u64 value,
		       struct err *err)
{
	if (parsed && value >= least && value <= most)
		return 0;
	return err_set(err, ST_USAGE, "%s %s: not between %llu and %llu",
		       option, s, least,
		       most);
}

/**
 * args_number_option - parse the number given to an option
 * @option: the option's name, for the message
 * @s: what was given
 * @least: smallest value allowed
 * @most: largest value allowed
 * @out: the number
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int args_number_option(const char *option, const char *s, u64 least,
		       u64 most, u64 *out, struct err *err)
{
	bool parsed = args_number(s, out);

	return check_range(option, s, parsed, least, most, *out, err);
}

/**
 * args_size_option - parse the size given to an option
 * @option: the option's name, for the message
 * @s: what was given
 * @least: smallest value allowed
 * @most: largest value allowed
 * @out: the size in bytes
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int args_size_option(const char *option, const char *s, u64 least,
		     u64 most, u64 *out, struct err *err)
{
	bool parsed = args_size(s, out);

	return check_range(option, s, parsed, least, most, *out, err);
}

/* What a link leads to, such as one of those below /dev/disk. */
static const char *follow(const char *s, char *path)
{
	if (*s == '/' && strncmp(s, "/dev/nbd", 8) && realpath(s, path))
		return path;
	return s;
}

/**
 * args_device - parse the name of a device
 * @s: /dev/nbd3, nbd3, 3 or a link to the first
 * @index: the device's index
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int args_device(const char *s, u32 *index, struct err *err)
{
	const char *name, *end;
	char path[PATH_MAX];
	u64 value;

	name = follow(s, path);
	if (!strncmp(name, "/dev/", 5))
		name += 5;
	if (!strncmp(name, "nbd", 3))
		name += 3;
	else if (*s == '/')
		return err_set(err, ST_USAGE, "%s is not an nbd device", s);
	if (!parse_digits(name, &end, &value) || value > MAX_INDEX)
		return err_set(err, ST_USAGE, "%s is not an nbd device", s);
	if (*end == 'p' && args_number(end + 1, &value))
		return err_set(err, ST_USAGE,
			       "%s is a partition: name the whole device", s);
	if (*end)
		return err_set(err, ST_USAGE, "%s is not an nbd device", s);
	*index = (u32)value;
	return 0;
}
