/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that end by themselves. */
#ifndef NBDCTL_THREAD_H
#define NBDCTL_THREAD_H

#include <stddef.h>

int thread_start(void *(*fn)(void *arg), void *arg, size_t stack);

#endif /* NBDCTL_THREAD_H */
