/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of the run directory that are about a device. */
#ifndef NBDCTL_PERSIST_H
#define NBDCTL_PERSIST_H

#include "state.h"

/**
 * struct persist_kept - what attach left, in memory
 * @next: the list owns what is in it
 * @index: the device
 * @s: what it left; its strings belong to it
 */
struct persist_kept {
	struct persist_kept *next;
	u32 index;
	struct state_attach s;
};

int persist_write(struct nl *nl, u32 index, u32 serial,
		  char * const *alternates, size_t n, struct err *err);
bool persist_read(const struct nl_device *d, struct state_attach *s);
void persist_clean(struct nl *nl, u32 index);
void persist_keep(struct persist_kept **list, const char *name);
void persist_keep_of(struct persist_kept **list, const struct nl_device *d);
const struct state_attach *persist_kept(const struct persist_kept *list,
					const struct nl_device *d);
void persist_forget(struct persist_kept **list);

int tries_write(u32 index, const struct state_tries *s, struct err *err);
bool tries_read(const struct nl_device *d, struct state_tries *s);
void tries_remove(u32 index);
bool tries_name(const char *name, u32 *index);
u64 tries_now(void);

#endif /* NBDCTL_PERSIST_H */
