/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Zeroing: how a server is asked for it, and when it is not asked.
 */
#ifndef NBD_ZEROES_H
#define NBD_ZEROES_H

#include <linux/types.h>

/**
 * struct nbd_zeroes - what a server said to fast zeroing lately
 * @refused: it refused, and was not asked again since
 * @until: jiffies, when it is asked again
 *
 * One for zeroing that may deallocate and one for that which must not: a server
 * may be able to do only one of them fast. Nothing protects it; a refusal that
 * is overlooked costs one more question.
 */
struct nbd_zeroes {
	bool refused;
	unsigned long until;
};

bool nbd_zeroes_possible(u64 server_flags, u32 mode);
bool nbd_zeroes_fast(u64 server_flags, u32 mode, bool unmap);
u32 nbd_zeroes_type(u64 server_flags, u32 mode, bool unmap);
bool nbd_zeroes_refused(struct nbd_zeroes *zeroes);
void nbd_zeroes_refuse(struct nbd_zeroes *zeroes);

#endif /* NBD_ZEROES_H */
