/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transmission phase on the wire: encode, decode, and the names and
 * meanings of its numbers. Knows neither the block layer nor sockets, so that
 * the same file builds in user space for unit tests and fuzzing.
 */
#ifndef NBD_PROTO_H
#define NBD_PROTO_H

#include <linux/types.h>
#include "../uapi/linux/nbd.h"

/* Payload limits of a server that said nothing (proto.md, "Size constraints"). */
#define NBD_DEFAULT_BLOCK_MIN		512
#define NBD_DEFAULT_BLOCK_PREFERRED	4096
#define NBD_DEFAULT_PAYLOAD_MAX		(32u << 20)
#define NBD_BLOCK_MIN_LIMIT		65536

/* Error numbers on the wire (proto.md, "Error values"). */
enum nbd_wire_error {
	NBD_EPERM	= 1,
	NBD_EIO		= 5,
	NBD_ENOMEM	= 12,
	NBD_EINVAL	= 22,
	NBD_ENOSPC	= 28,
	NBD_EOVERFLOW	= 75,
	NBD_ENOTSUP	= 95,
	NBD_ESHUTDOWN	= 108,
};

/**
 * struct nbd_reply_info - a reply header in the host's terms
 * @cookie: what the request carried
 * @error: 0 or a negative errno
 */
struct nbd_reply_info {
	u64 cookie;
	int error;
};

void nbd_encode_request(struct nbd_request *wire, u32 type, u64 cookie,
			u64 from, u32 len);
int nbd_decode_reply(const struct nbd_reply *wire,
		     struct nbd_reply_info *info);
int nbd_errno_from_wire(u32 error);
const char *nbd_command_name(u32 type);

/*
 * A cookie names the command's issue (generation) and where its request sits
 * (tag: hardware queue and driver tag as blk_mq_unique_tag() packs them).
 */
static inline u64 nbd_cookie(u32 generation, u32 tag)
{
	return (u64)generation << 32 | tag;
}

static inline u32 nbd_cookie_generation(u64 cookie)
{
	return cookie >> 32;
}

static inline u32 nbd_cookie_tag(u64 cookie)
{
	return (u32)cookie;
}

#endif /* NBD_PROTO_H */
