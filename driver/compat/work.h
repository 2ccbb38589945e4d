/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels in work queues.
 */
#ifndef NBD_COMPAT_WORK_H
#define NBD_COMPAT_WORK_H

#include <linux/workqueue.h>

/* What a queue that is not unbound has to say of itself, where it must. */
#ifdef NBD_HAVE_WQ_PERCPU
#define NBD_WQ_PERCPU		WQ_PERCPU
#else
#define NBD_WQ_PERCPU		0
#endif

#endif /* NBD_COMPAT_WORK_H */
