/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs, and what their option parsers share. */
#ifndef NBDCTL_H
#define NBDCTL_H

#include <getopt.h>

#include "err.h"

#define NBDCTL_VERSION	"0.1.0"

/**
 * struct verb - one verb of nbdctl
 * @name: its name
 * @summary: one line for --help
 * @help: text of "nbdctl VERB --help"
 * @run: does it; arguments as those of main(), the verb being the first.
 *	Returns 0, or -1 with @err set; an empty text has been reported already
 */
struct verb {
	const char *name;
	const char *summary;
	const char *help;
	int (*run)(int argc, char **argv, struct err *err);
};

extern const struct verb verb_attach;
extern const struct verb verb_detach;
extern const struct verb verb_reconnect;
extern const struct verb verb_resize;
extern const struct verb verb_list;
extern const struct verb verb_status;
extern const struct verb verb_top;
extern const struct verb verb_info;
extern const struct verb verb_metrics;
extern const struct verb verb_monitor;

#define OPTION_END	(-1)
#define OPTION_BAD	(-2)

int next_option(int argc, char **argv, const char *brief,
		const struct option *options, struct err *err);

#endif /* NBDCTL_H */
