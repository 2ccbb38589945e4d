/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types and macros that all files use, named as in the kernel. */
#ifndef NBDCTL_COMMON_H
#define NBDCTL_COMMON_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#undef __printf
#define __printf(string, first)	\
	__attribute((__format__(__printf__, string, first)))

#endif /* NBDCTL_COMMON_H */
