/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept outside of the kernel about a device, as JSON text. Both kinds name
 * the attachment that they belong to, so that an older one's are known as such.
 */
#ifndef NBDCTL_STATE_H
#define NBDCTL_STATE_H

#include "nl.h"

#define STATE_ALTERNATES	8

/**
 * struct state_attach - what attach leaves for the monitor
 * @backend: the backend of the attachment
 * @pid: the process that attached
 * @serial: of the attachment; 0: an older driver or nbdctl did not say
 * @alternates: further URIs of the export
 * @n: their number
 *
 * Its strings belong to it: state_free_attach().
 */
struct state_attach {
	char *backend;
	u32 pid;
	u32 serial;
	char *alternates[STATE_ALTERNATES];
	size_t n;
};

/**
 * struct state_tries - how far the monitor is with a device
 * @backend: the backend of the attachment
 * @pid: the process that attached
 * @serial: of the attachment; 0: an older driver or nbdctl did not say
 * @tries: since all connections were live
 * @lost: when that ended, in milliseconds since the machine was started
 * @last: when the last try failed, as @lost
 * @error: why; NULL: none has
 *
 * Its strings belong to it: state_free_tries().
 */
struct state_tries {
	char *backend;
	u32 pid;
	u32 serial;
	u64 tries;
	u64 lost;
	u64 last;
	char *error;
};

char *state_write_attach(const struct state_attach *s);
bool state_read_attach(struct state_attach *s, const char *text);
void state_free_attach(struct state_attach *s);
char *state_write_tries(const struct state_tries *s);
bool state_read_tries(struct state_tries *s, const char *text);
void state_free_tries(struct state_tries *s);
bool state_is_of(const char *backend, u32 pid, u32 serial,
		 const struct nl_device *d);

#endif /* NBDCTL_STATE_H */
