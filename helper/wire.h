/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Big-endian numbers in byte buffers. */
#ifndef NBDCTL_WIRE_H
#define NBDCTL_WIRE_H

#include <endian.h>
#include <string.h>

#include "common.h"

static inline u16 get_u16(const void *p)
{
	u16 v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline u32 get_u32(const void *p)
{
	u32 v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline u64 get_u64(const void *p)
{
	u64 v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void put_u16(void *p, u16 v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_u32(void *p, u32 v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void put_u64(void *p, u64 v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

#endif /* NBDCTL_WIRE_H */
