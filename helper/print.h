/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Output of list, status and info: one table of functions per format. */
#ifndef NBDCTL_PRINT_H
#define NBDCTL_PRINT_H

#include "common.h"
#include "export.h"
#include "nl.h"

/**
 * struct offer - an export for output
 * @name: name it is asked for by
 * @name_len: bytes in @name
 * @known: whether the server said more than the name
 * @export: what it said
 */
struct offer {
	const char *name;
	size_t name_len;
	bool known;
	const struct export *export;
};

/**
 * struct print_ops - one output format
 * @list: a line for each device
 * @status: everything about each device
 * @info_begin: before the exports of a server, which is named by its URI
 * @info_export: one export
 * @info_end: after them
 */
struct print_ops {
	void (*list)(const struct nl_devices *devices);
	void (*status)(const struct nl_devices *devices);
	void (*info_begin)(const char *uri);
	void (*info_export)(const struct offer *offer);
	void (*info_end)(void);
};

extern const struct print_ops print_text;
extern const struct print_ops print_json;

void print_metrics(const struct nl_devices *devices);
const char *print_state(u32 state);
const char *print_conn_state(u32 state);
const char *print_zeroes(u32 mode);

#endif /* NBDCTL_PRINT_H */
