/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaching an export to a device. */
#ifndef NBDCTL_ATTACH_H
#define NBDCTL_ATTACH_H

#include <stdbool.h>

#include "export.h"
#include "nl.h"
#include "session.h"
#include "uri.h"

/**
 * struct attach_options - what the command line asks for
 *
 * A size that is 0 was not given, but for has_read_ahead. The alternates belong to
 * the caller, and so does @peer: the address to try first, as the kernel shows it. URIs
 * are absolute.
 * A renewal is for a device that is attached, with as many connections as it has.
 * Without a device none is taken that is @reserved for something else. With @no_optgo
 * each connection asks for the export by EXPORT_NAME at once.
 */
struct attach_options {
	struct uri uri;
	const char *peer;
	bool has_device;
	u32 device;
	const u32 *reserved;
	size_t nr_reserved;
	unsigned int connections;
	bool read_only;
	bool no_partscan;
	bool force_multi_conn;
	bool no_optgo;
	bool loss_fails;
	bool persist;
	bool renewal;
	const struct uri *alternates;
	size_t nr_alternates;
	u32 zeroes;
	u64 block_size;
	u64 queue_depth;
	u64 timeout;
	u64 dead_timeout;
	u64 fence;
	u64 connect_timeout;
	u64 retry;
	u64 max_request;
	bool has_read_ahead;
	u64 read_ahead;
};

int attach_run(const struct attach_options *o, struct err *err);

/* Between the files of the verb. */
int attach_check_device(struct nl *nl, u32 index, struct err *err);
int attach_connect(const struct attach_options *o, struct nl *nl,
		   const char *server, const struct nl_attach *a,
		   struct nl_answer *taken, struct err *err);
int attach_block_refused(const struct attach_options *o, const char *server,
			 const struct nl_attach *a,
			 const struct nl_answer *answer, struct err *err);
int attach_plan(const struct attach_options *o, const char *server,
		const struct export *e, struct nl_attach *a, struct err *err);
int attach_choose(const struct attach_options *o, struct session *s,
		  const struct export **export, struct err *err);
int attach_salvage(struct session *s, const struct export **export,
		   struct err *err);

#endif /* NBDCTL_ATTACH_H */
