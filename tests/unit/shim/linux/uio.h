/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of an iov_iter as the receive parser needs: one memory range. */
#ifndef SHIM_UIO_H
#define SHIM_UIO_H

#include <linux/types.h>
#include <string.h>

#define ITER_DEST 0

struct kvec {
	void *iov_base;
	size_t iov_len;
};

struct iov_iter {
	u8 *at;
	size_t count;
};

static inline void iov_iter_kvec(struct iov_iter *iter, unsigned int direction,
				 const struct kvec *vec, unsigned long segments,
				 size_t count)
{
	(void)direction;
	(void)segments;
	iter->at = vec->iov_base;
	iter->count = count;
}

static inline size_t copy_to_iter(const void *data, size_t bytes,
				  struct iov_iter *iter)
{
	size_t part = bytes < iter->count ? bytes : iter->count;

	memcpy(iter->at, data, part);
	iter->at += part;
	iter->count -= part;
	return part;
}

#endif
