/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Numbers of the NBD transmission phase and of the block device's ioctls,
 * shared by the driver, the helper and other programs.
 *
 * Names and values that the kernel's own header has are the same here.
 */
#ifndef NBD_UAPI_NBD_H
#define NBD_UAPI_NBD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#endif

#define NBD_SET_SOCK		_IO(0xab, 0)
#define NBD_SET_BLKSIZE		_IO(0xab, 1)
#define NBD_SET_SIZE		_IO(0xab, 2)
#define NBD_DO_IT		_IO(0xab, 3)
#define NBD_CLEAR_SOCK		_IO(0xab, 4)
#define NBD_CLEAR_QUE		_IO(0xab, 5)
#define NBD_PRINT_DEBUG		_IO(0xab, 6)
#define NBD_SET_SIZE_BLOCKS	_IO(0xab, 7)
#define NBD_DISCONNECT		_IO(0xab, 8)
#define NBD_SET_TIMEOUT		_IO(0xab, 9)
#define NBD_SET_FLAGS		_IO(0xab, 10)

/* Commands: the 16 bits called "type" in a request. */
enum {
	NBD_CMD_READ		= 0,
	NBD_CMD_WRITE		= 1,
	NBD_CMD_DISC		= 2,
	NBD_CMD_FLUSH		= 3,
	NBD_CMD_TRIM		= 4,
	NBD_CMD_CACHE		= 5,
	NBD_CMD_WRITE_ZEROES	= 6,
	NBD_CMD_BLOCK_STATUS	= 7,
	NBD_CMD_RESIZE		= 8,
};

/* Command flags, as they stand in the upper half of magic-type's second word. */
#define NBD_CMD_FLAG_FUA	(1 << 16)	/* on stable storage before the reply */
#define NBD_CMD_FLAG_NO_HOLE	(1 << 17)	/* WRITE_ZEROES: do not deallocate */
#define NBD_CMD_FLAG_DF		(1 << 18)	/* READ: one chunk only */
#define NBD_CMD_FLAG_REQ_ONE	(1 << 19)	/* BLOCK_STATUS: one extent */
#define NBD_CMD_FLAG_FAST_ZERO	(1 << 20)	/* WRITE_ZEROES: fast or ENOTSUP */

/* Export flags: what the server said about the export in the handshake. */
#define NBD_FLAG_HAS_FLAGS		(1 << 0)
#define NBD_FLAG_READ_ONLY		(1 << 1)
#define NBD_FLAG_SEND_FLUSH		(1 << 2)
#define NBD_FLAG_SEND_FUA		(1 << 3)
#define NBD_FLAG_ROTATIONAL		(1 << 4)
#define NBD_FLAG_SEND_TRIM		(1 << 5)
#define NBD_FLAG_SEND_WRITE_ZEROES	(1 << 6)
#define NBD_FLAG_SEND_DF		(1 << 7)
#define NBD_FLAG_CAN_MULTI_CONN		(1 << 8)
#define NBD_FLAG_SEND_RESIZE		(1 << 9)
#define NBD_FLAG_SEND_CACHE		(1 << 10)
#define NBD_FLAG_SEND_FAST_ZERO		(1 << 11)
#define NBD_FLAG_BLOCK_STATUS_PAYLOAD	(1 << 12)

/* What the client asks of its own kernel (NBD_ATTR_CLIENT_FLAGS). */
#define NBD_CFLAG_DESTROY_ON_DISCONNECT	(1 << 0)	/* delete the disk too */
#define NBD_CFLAG_DISCONNECT_ON_CLOSE	(1 << 1)	/* when the last opener goes */

#define NBD_REQUEST_MAGIC	0x25609513
#define NBD_REPLY_MAGIC		0x67446698

/**
 * struct nbd_request - a command on the wire, 28 bytes, big-endian
 * @magic: NBD_REQUEST_MAGIC
 * @type: command flags in the upper 16 bits, command in the lower
 * @cookie: chosen by the client, returned in the reply
 * @from: byte offset in the export
 * @len: length in bytes; the payload's length for NBD_CMD_WRITE
 */
struct nbd_request {
	__be32 magic;
	__be32 type;
	__be64 cookie;
	__be64 from;
	__be32 len;
} __attribute__((packed));

/**
 * struct nbd_reply - a simple reply on the wire, 16 bytes, big-endian
 * @magic: NBD_REPLY_MAGIC
 * @error: 0, or one of the protocol's error numbers
 * @cookie: that of the request
 */
struct nbd_reply {
	__be32 magic;
	__be32 error;
	__be64 cookie;
} __attribute__((packed));

#endif /* NBD_UAPI_NBD_H */
