// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/nbd.h>

#include "export.h"

/* The names that the commands print for the flags of an export. */
const struct export_flag export_flags[] = {
	{ NBD_FLAG_READ_ONLY,			"read-only" },
	{ NBD_FLAG_SEND_FLUSH,			"flush" },
	{ NBD_FLAG_SEND_FUA,			"fua" },
	{ NBD_FLAG_ROTATIONAL,			"rotational" },
	{ NBD_FLAG_SEND_TRIM,			"trim" },
	{ NBD_FLAG_SEND_WRITE_ZEROES,		"write-zeroes" },
	{ NBD_FLAG_SEND_DF,			"df" },
	{ NBD_FLAG_CAN_MULTI_CONN,		"multi-conn" },
	{ NBD_FLAG_SEND_RESIZE,			"resize" },
	{ NBD_FLAG_SEND_CACHE,			"cache" },
	{ NBD_FLAG_SEND_FAST_ZERO,		"fast-zero" },
	{ NBD_FLAG_BLOCK_STATUS_PAYLOAD,	"block-status-payload" },
	{ 0, NULL },
};

/**
 * export_same - whether two connections were offered the same thing
 * @a: what one was told
 * @b: what the other was told
 *
 * Return: true when size, flags and block sizes agree.
 */
bool export_same(const struct export *a, const struct export *b)
{
	return a->size == b->size && a->flags == b->flags &&
	       a->minimum == b->minimum && a->preferred == b->preferred &&
	       a->maximum == b->maximum;
}

/**
 * export_shareable - whether several connections may be used at once
 * @e: the export
 *
 * Either the server promises that a flush on one connection covers the
 * writes of all, or there are no writes.
 *
 * Return: true when they may.
 */
bool export_shareable(const struct export *e)
{
	return e->flags & (NBD_FLAG_CAN_MULTI_CONN | NBD_FLAG_READ_ONLY);
}
