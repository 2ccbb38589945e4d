/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a server says about an export. */
#ifndef NBDCTL_EXPORT_H
#define NBDCTL_EXPORT_H

#include "common.h"
#include "handshake.h"

/**
 * struct export - one export as the server described it
 * @size: bytes
 * @flags: NBD_FLAG_*
 * @has_block: the server sent block sizes
 * @minimum: smallest block
 * @preferred: block that is served best
 * @maximum: largest payload, NBD_NO_MAXIMUM for none
 * @name: the name the server uses for it, when it said one
 * @name_len: bytes in @name, 0 for none
 * @description: text for people
 * @description_len: bytes in @description, 0 for none
 */
struct export {
	u64 size;
	u16 flags;
	bool has_block;
	u32 minimum;
	u32 preferred;
	u32 maximum;
	char name[NBD_MAX_STRING + 1];
	size_t name_len;
	char description[NBD_MAX_STRING + 1];
	size_t description_len;
};

struct export_flag {
	u16 bit;
	const char *name;
};

extern const struct export_flag export_flags[];	/* ends with a NULL name */

bool export_same(const struct export *a, const struct export *b);
bool export_shareable(const struct export *e);

#endif /* NBDCTL_EXPORT_H */
