/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transmission phase byte by byte, written down from the protocol
 * document and not made by the code under test. Used in user space and by
 * KUnit.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

/**
 * struct request_vector - a request and its bytes
 * @type: command and command flags
 * @cookie: cookie
 * @from: offset
 * @len: length
 * @wire: the 28 bytes
 */
struct request_vector {
	u32 type;
	u64 cookie;
	u64 from;
	u32 len;
	u8 wire[28];
};

static const struct request_vector request_vectors[] = {
	{ 0, 0, 0, 512,
	  { 0x25, 0x60, 0x95, 0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0 } },
	{ 1 | 1 << 16, 0x0102030405060708ULL, 0x1112131415161718ULL, 0xfffffe00,
	  { 0x25, 0x60, 0x95, 0x13, 0, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8,
	    0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
	    0xff, 0xff, 0xfe, 0 } },
	{ 3, 0xffffffffffffffffULL, 0, 0,
	  { 0x25, 0x60, 0x95, 0x13, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 } },
	{ 6 | 2 << 16, 0x8000000000000001ULL, 0x7ffffffffffffe00ULL, 4096,
	  { 0x25, 0x60, 0x95, 0x13, 0, 2, 0, 6, 0x80, 0, 0, 0, 0, 0, 0, 1,
	    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0x10, 0 } },
	{ 6 | 0x10 << 16, 2, 512, 1,
	  { 0x25, 0x60, 0x95, 0x13, 0, 0x10, 0, 6, 0, 0, 0, 0, 0, 0, 0, 2,
	    0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1 } },
};

/**
 * struct error_vector - an error number on the wire and what it means here
 * @wire: the number
 * @error: errno, positive
 */
struct error_vector {
	u32 wire;
	int error;
};

static const struct error_vector error_vectors[] = {
	{ 0, 0 },	{ 1, EPERM },		{ 5, EIO },
	{ 12, ENOMEM },	{ 22, EINVAL },		{ 28, ENOSPC },
	{ 75, EOVERFLOW }, { 95, EOPNOTSUPP },	{ 108, ESHUTDOWN },
	/* What the protocol does not name counts as EINVAL. */
	{ 2, EINVAL },	{ 11, EINVAL },		{ 0x80000005, EINVAL },
	{ 0xffffffff, EINVAL },
};

/* A reply without error to the second request above. */
static const u8 reply_vector[16] = {
	0x67, 0x44, 0x66, 0x98, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
};

#endif
