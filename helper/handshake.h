/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the NBD handshake. All fields are big-endian on the wire. */
#ifndef NBDCTL_HANDSHAKE_H
#define NBDCTL_HANDSHAKE_H

#define NBD_MAGIC		0x4e42444d41474943ULL	/* "NBDMAGIC" */
#define NBD_OPTION_MAGIC	0x49484156454f5054ULL	/* "IHAVEOPT" */
#define NBD_OLDSTYLE_MAGIC	0x0000420281861253ULL
#define NBD_OPTION_REPLY_MAGIC	0x0003e889045565a9ULL

/* Flags of the server, 16 bits, and of the client, 32 bits. */
#define NBD_HS_FIXED_NEWSTYLE	0x0001
#define NBD_HS_NO_ZEROES	0x0002

enum {
	NBD_OPT_EXPORT_NAME	= 1,
	NBD_OPT_ABORT		= 2,
	NBD_OPT_LIST		= 3,
	NBD_OPT_INFO		= 6,
	NBD_OPT_GO		= 7,
};

enum {
	NBD_REP_ACK		= 1,
	NBD_REP_SERVER		= 2,
	NBD_REP_INFO		= 3,
};

#define NBD_REP_ERROR_BIT	0x80000000U
#define NBD_REP_ERR(n)		(NBD_REP_ERROR_BIT + (n))

enum {
	NBD_ERR_UNSUP		= 1,
	NBD_ERR_POLICY		= 2,
	NBD_ERR_INVALID		= 3,
	NBD_ERR_PLATFORM	= 4,
	NBD_ERR_TLS_REQD	= 5,
	NBD_ERR_UNKNOWN		= 6,
	NBD_ERR_SHUTDOWN	= 7,
	NBD_ERR_BLOCK_SIZE_REQD	= 8,
	NBD_ERR_TOO_BIG		= 9,
	NBD_ERR_EXT_HEADER_REQD	= 10,
};

enum {
	NBD_INFO_EXPORT		= 0,
	NBD_INFO_NAME		= 1,
	NBD_INFO_DESCRIPTION	= 2,
	NBD_INFO_BLOCK_SIZE	= 3,
};

#define NBD_OPTION_LEN		16	/* magic, option, length */
#define NBD_REPLY_LEN		20	/* magic, option, type, length */
#define NBD_EXPORT_NAME_LEN	10	/* size, flags */
#define NBD_EXPORT_NAME_ZEROES	124
#define NBD_INFO_EXPORT_LEN	12	/* type, size, flags */
#define NBD_INFO_BLOCK_LEN	14	/* type, minimum, preferred, maximum */

#define NBD_MAX_STRING		4096

/* What holds for a server that says nothing about blocks. */
#define NBD_DEFAULT_MINIMUM	512U
#define NBD_DEFAULT_PREFERRED	4096U
#define NBD_DEFAULT_MAXIMUM	(32U << 20)
#define NBD_NO_MAXIMUM		0xffffffffU

#endif /* NBDCTL_HANDSHAKE_H */
