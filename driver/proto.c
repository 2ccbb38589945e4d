// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmission phase on the wire: encode, decode, names.
 */
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <asm/byteorder.h>

#include "proto.h"

static_assert(sizeof(struct nbd_request) == 28);
static_assert(sizeof(struct nbd_reply) == 16);

/**
 * nbd_encode_request() - write a request header (proto.md, "Request message")
 * @wire: 28 bytes to fill
 * @type: NBD_CMD_* with NBD_CMD_FLAG_* in the upper half
 * @cookie: returned by the server in the reply
 * @from: offset in bytes
 * @len: length in bytes
 *
 * Context: any.
 */
void nbd_encode_request(struct nbd_request *wire, u32 type, u64 cookie,
			u64 from, u32 len)
{
	wire->magic = cpu_to_be32(NBD_REQUEST_MAGIC);
	wire->type = cpu_to_be32(type);
	wire->cookie = cpu_to_be64(cookie);
	wire->from = cpu_to_be64(from);
	wire->len = cpu_to_be32(len);
}

/**
 * nbd_errno_from_wire() - translate an error number (proto.md, "Error values")
 * @error: as it came from the server, in host byte order
 *
 * A number that the protocol does not name counts as EINVAL.
 *
 * Context: any.
 * Return: 0 or a negative errno.
 */
int nbd_errno_from_wire(u32 error)
{
	switch (error) {
	case 0:
		return 0;
	case NBD_EPERM:
		return -EPERM;
	case NBD_EIO:
		return -EIO;
	case NBD_ENOMEM:
		return -ENOMEM;
	case NBD_ENOSPC:
		return -ENOSPC;
	case NBD_EOVERFLOW:
		return -EOVERFLOW;
	case NBD_ENOTSUP:
		return -EOPNOTSUPP;
	case NBD_ESHUTDOWN:
		return -ESHUTDOWN;
	default:
		return -EINVAL;
	}
}

/**
 * nbd_decode_reply() - read a simple reply (proto.md, "Simple reply message")
 * @wire: 16 bytes as they came
 * @info: filled on success
 *
 * Context: any.
 * Return: 0, or -EPROTO when the magic is wrong: the stream cannot be trusted
 * any more.
 */
int nbd_decode_reply(const struct nbd_reply *wire, struct nbd_reply_info *info)
{
	if (wire->magic != cpu_to_be32(NBD_REPLY_MAGIC))
		return -EPROTO;

	info->cookie = be64_to_cpu(wire->cookie);
	info->error = nbd_errno_from_wire(be32_to_cpu(wire->error));
	return 0;
}

/**
 * nbd_command_name() - name a command for logs and debugfs
 * @type: NBD_CMD_*, command flags are ignored
 *
 * Context: any.
 * Return: a constant string, never NULL.
 */
const char *nbd_command_name(u32 type)
{
	switch (type & 0xffff) {
	case NBD_CMD_READ:
		return "read";
	case NBD_CMD_WRITE:
		return "write";
	case NBD_CMD_DISC:
		return "disconnect";
	case NBD_CMD_FLUSH:
		return "flush";
	case NBD_CMD_TRIM:
		return "trim";
	case NBD_CMD_CACHE:
		return "cache";
	case NBD_CMD_WRITE_ZEROES:
		return "write zeroes";
	case NBD_CMD_BLOCK_STATUS:
		return "block status";
	case NBD_CMD_RESIZE:
		return "resize";
	default:
		return "unknown";
	}
}
