/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What attach is told, on its command line or by the table. */
#ifndef NBDCTL_ATTACH_ARGS_H
#define NBDCTL_ATTACH_ARGS_H

#include <getopt.h>

#include "attach.h"
#include "state.h"

/* Options that are about no device in particular. */
#define ATTACH_ALL	'a'
#define ATTACH_NBDTAB	1

/**
 * struct attach_args - the options of one device
 * @o: what attach_run() takes, after attach_args_finish()
 * @name: the export, instead of those in the URIs; NULL: not given
 * @has_dead_timeout: whether one was given
 * @alternates: as they were given
 * @alternate_uris: parsed
 *
 * Strings belong to the caller. A copy needs its own attach_args_finish().
 */
struct attach_args {
	struct attach_options o;
	const char *name;
	bool has_dead_timeout;
	const char *alternates[STATE_ALTERNATES];
	struct uri alternate_uris[STATE_ALTERNATES];
};

extern const struct option attach_args_options[];

void attach_args_init(struct attach_args *a);
const struct option *attach_args_find(const char *name);
int attach_args_set(struct attach_args *a, int c, const char *shown,
		    const char *value, struct err *err);
int attach_args_finish(struct attach_args *a, struct err *err);

#endif /* NBDCTL_ATTACH_ARGS_H */
