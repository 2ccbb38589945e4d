/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of devices, nbdtab(5) of nbd-client. */
#ifndef NBDCTL_NBDTAB_H
#define NBDCTL_NBDTAB_H

#include "attach-args.h"
#include "err.h"

#define NBDTAB_PATH	"/etc/nbdtab"
#define NBDTAB_UNKNOWN	256

/**
 * struct nbdtab_entry - one line
 * @next: the next one
 * @line: its number
 * @text: the line, cut up; @args points into it
 * @args: what it says, after attach_args_finish(); of a line that is wrong only
 *	the device, if that could be read
 * @unknown: its options that nobody knows, with commas between them, for a warning;
 *	cut off if they are too long
 * @wrong: why it cannot be attached, with file and line; ST_OK if it can
 */
struct nbdtab_entry {
	struct nbdtab_entry *next;
	unsigned int line;
	char *text;
	struct attach_args args;
	char unknown[NBDTAB_UNKNOWN];
	struct err wrong;
};

struct nbdtab_entry *nbdtab_read(const char *path, struct err *err);
struct nbdtab_entry *nbdtab_find(struct nbdtab_entry *table, u32 device);
void nbdtab_free(struct nbdtab_entry *table);

#endif /* NBDCTL_NBDTAB_H */
