// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zeroing: how a server is asked for it, and when it is not asked.
 *
 * The block layer's callers want one of two things. Those that allow
 * deallocation (punch-hole, file systems) zero to save work, and do better with
 * pages of zeroes than with a zeroing that is as slow: they are told at once if
 * it is not fast. Those that do not (BLKZEROOUT, zero-range) want the space to
 * be allocated; a slow zeroing in the server beats zeroes on the wire.
 */
#include <linux/jiffies.h>

#include "../uapi/linux/nbd-netlink.h"
#include "../uapi/linux/nbd.h"
#include "zeroes.h"

/* A server that cannot zero fast is asked again after this time. */
#define NBD_ZEROES_AGAIN	(10 * HZ)

/**
 * nbd_zeroes_possible() - may the block layer ask for zeroing at all?
 * @server_flags: NBD_FLAG_*
 * @mode: NBD_ZEROES_*
 *
 * Context: any.
 * Return: true unless the server cannot, or the user does not want it.
 */
bool nbd_zeroes_possible(u64 server_flags, u32 mode)
{
	if (!(server_flags & NBD_FLAG_SEND_WRITE_ZEROES))
		return false;
	if (mode == NBD_ZEROES_FAST)
		return server_flags & NBD_FLAG_SEND_FAST_ZERO;
	return mode != NBD_ZEROES_OFF;
}

/**
 * nbd_zeroes_fast() - is a zeroing to be fast, or else refused?
 * @server_flags: NBD_FLAG_*
 * @mode: NBD_ZEROES_*
 * @unmap: it may deallocate
 *
 * Context: any.
 * Return: true if it is, and the server knows what that means.
 */
bool nbd_zeroes_fast(u64 server_flags, u32 mode, bool unmap)
{
	if (!(server_flags & NBD_FLAG_SEND_FAST_ZERO))
		return false;
	return mode == NBD_ZEROES_FAST || (mode == NBD_ZEROES_AUTO && unmap);
}

/**
 * nbd_zeroes_type() - the command for a zeroing
 * @server_flags: NBD_FLAG_*
 * @mode: NBD_ZEROES_*
 * @unmap: it may deallocate
 *
 * proto.md, "Request types", NBD_CMD_WRITE_ZEROES: a server that did not offer
 * NBD_CMD_FLAG_FAST_ZERO never gets it.
 *
 * Context: any.
 * Return: the command and its flags.
 */
u32 nbd_zeroes_type(u64 server_flags, u32 mode, bool unmap)
{
	u32 type = NBD_CMD_WRITE_ZEROES;

	if (!unmap)
		type |= NBD_CMD_FLAG_NO_HOLE;
	if (nbd_zeroes_fast(server_flags, mode, unmap))
		type |= NBD_CMD_FLAG_FAST_ZERO;
	return type;
}

/**
 * nbd_zeroes_refused() - need the server not be asked?
 * @zeroes: what it said
 *
 * Context: any.
 * Return: true for a while after it refused.
 */
bool nbd_zeroes_refused(struct nbd_zeroes *zeroes)
{
	if (!READ_ONCE(zeroes->refused))
		return false;
	if (time_before(jiffies, READ_ONCE(zeroes->until)))
		return true;
	WRITE_ONCE(zeroes->refused, false);
	return false;
}

/**
 * nbd_zeroes_refuse() - the server refused to zero fast
 * @zeroes: what it said
 *
 * Context: any.
 */
void nbd_zeroes_refuse(struct nbd_zeroes *zeroes)
{
	WRITE_ONCE(zeroes->until, jiffies + NBD_ZEROES_AGAIN);
	WRITE_ONCE(zeroes->refused, true);
}
