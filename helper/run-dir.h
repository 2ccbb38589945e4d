/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run directory: small files that last until the machine is started anew. */
#ifndef NBDCTL_RUN_DIR_H
#define NBDCTL_RUN_DIR_H

#include "common.h"
#include "err.h"

#define RUN_DIR_MONITOR		"monitor.lock"	/* claimed by the monitor */
#define RUN_DIR_NAME_MAX	48	/* bytes in the name of a file, with a NUL */

int run_dir_make(struct err *err);
int run_dir_lock(void);
int run_dir_claim(const char *name, const char *who, void (*wait)(void),
		  struct err *err);
bool run_dir_is_claimed(const char *name);
int run_dir_write(const char *name, const char *text, struct err *err);
char *run_dir_read(const char *name);
bool run_dir_has(const char *name);
void run_dir_remove(const char *name);
bool run_dir_hidden(void);
void run_dir_each(void (*fn)(const char *name, void *arg), void *arg);
int run_dir_watch(struct err *err);
void run_dir_changes(int fd, void (*fn)(const char *name, void *arg), void *arg);

#endif /* NBDCTL_RUN_DIR_H */
