// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmission phase byte by byte, and what errors become in this kernel.
 */
#include <kunit/test.h>
#include <linux/module.h>

#include "../../driver/queue.h"
#include "../unit/vectors.h"

static void requests(struct kunit *test)
{
	struct nbd_request wire;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(request_vectors); i++) {
		const struct request_vector *v = &request_vectors[i];

		memset(&wire, 0xaa, sizeof(wire));
		nbd_encode_request(&wire, v->type, v->cookie, v->from, v->len);
		KUNIT_EXPECT_EQ(test, 0,
				memcmp(&wire, v->wire, sizeof(wire)));
	}
}

static void replies(struct kunit *test)
{
	struct nbd_reply_info info;
	struct nbd_reply wire;
	unsigned int bit;

	memcpy(&wire, reply_vector, sizeof(wire));
	KUNIT_ASSERT_EQ(test, 0, nbd_decode_reply(&wire, &info));
	KUNIT_EXPECT_EQ(test, info.cookie, 0x0102030405060708ULL);
	KUNIT_EXPECT_EQ(test, info.error, 0);
	for (bit = 0; bit < 32; bit++) {
		memcpy(&wire, reply_vector, sizeof(wire));
		((u8 *)&wire)[bit / 8] ^= 1 << bit % 8;
		KUNIT_EXPECT_EQ(test, -EPROTO, nbd_decode_reply(&wire, &info));
	}
}

static void wire_errors(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(error_vectors); i++)
		KUNIT_EXPECT_EQ(test, -error_vectors[i].error,
				nbd_errno_from_wire(error_vectors[i].wire));
}

/* What a caller of read() or write() gets for an error of the server. */
static void user_errors(struct kunit *test)
{
	static const struct {
		u32 wire;
		int error;
	} vectors[] = {
		{ 0, 0 },		 { NBD_EIO, -EIO },
		{ NBD_ENOSPC, -ENOSPC }, { NBD_ENOTSUP, -EOPNOTSUPP },
		{ NBD_ENOMEM, -ENOMEM }, { NBD_EPERM, -EIO },
		{ NBD_EOVERFLOW, -EOVERFLOW },
		{ NBD_ESHUTDOWN, -EIO },
	};
	struct nbd_cmd cmd = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		cmd.error = nbd_errno_from_wire(vectors[i].wire);
		KUNIT_EXPECT_EQ(test, vectors[i].error,
				blk_status_to_errno(nbd_queue_status(&cmd)));
	}
}

/* fsync() takes "not supported" for success. */
static void a_refused_flush_is_an_error(struct kunit *test)
{
	struct nbd_cmd cmd = { .type = NBD_CMD_FLUSH, .error = -EOPNOTSUPP };

	KUNIT_EXPECT_EQ(test, BLK_STS_IOERR, nbd_queue_status(&cmd));
	cmd.error = -ENOSPC;
	KUNIT_EXPECT_EQ(test, BLK_STS_NOSPC, nbd_queue_status(&cmd));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(requests),
	KUNIT_CASE(replies),
	KUNIT_CASE(wire_errors),
	KUNIT_CASE(user_errors),
	KUNIT_CASE(a_refused_flush_is_an_error),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-proto",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_DESCRIPTION("Tests of the NBD client's insides");
MODULE_LICENSE("GPL");
