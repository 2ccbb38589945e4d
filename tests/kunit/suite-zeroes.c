// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zeroing: what each mode asks of each kind of server.
 */
#include <kunit/test.h>
#include <linux/jiffies.h>

#include "../../driver/queue.h"

#define PLAIN	((u64)NBD_FLAG_SEND_WRITE_ZEROES)
#define FAST	(PLAIN | NBD_FLAG_SEND_FAST_ZERO)

static const struct {
	u64 flags;
	u32 mode;
	bool possible;
	u32 unmap;
	u32 keep;
} table[] = {
	{ FAST, NBD_ZEROES_AUTO, true, NBD_CMD_FLAG_FAST_ZERO, 0 },
	{ FAST, NBD_ZEROES_FAST, true, NBD_CMD_FLAG_FAST_ZERO,
	  NBD_CMD_FLAG_FAST_ZERO },
	{ FAST, NBD_ZEROES_SLOW, true, 0, 0 },
	{ FAST, NBD_ZEROES_OFF, false, 0, 0 },
	{ PLAIN, NBD_ZEROES_AUTO, true, 0, 0 },
	{ PLAIN, NBD_ZEROES_FAST, false, 0, 0 },
	{ PLAIN, NBD_ZEROES_SLOW, true, 0, 0 },
	{ PLAIN, NBD_ZEROES_OFF, false, 0, 0 },
	{ 0, NBD_ZEROES_AUTO, false, 0, 0 },
	{ 0, NBD_ZEROES_SLOW, false, 0, 0 },
};

static void each_mode_asks_as_it_should(struct kunit *test)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		KUNIT_EXPECT_EQ_MSG(test, table[i].possible,
				    nbd_zeroes_possible(table[i].flags,
							table[i].mode),
				    "row %zu", i);
		KUNIT_EXPECT_EQ_MSG(test,
				    NBD_CMD_WRITE_ZEROES | table[i].unmap,
				    nbd_zeroes_type(table[i].flags,
						    table[i].mode, true),
				    "row %zu", i);
		KUNIT_EXPECT_EQ_MSG(test,
				    NBD_CMD_WRITE_ZEROES | table[i].keep |
				    NBD_CMD_FLAG_NO_HOLE,
				    nbd_zeroes_type(table[i].flags,
						    table[i].mode, false),
				    "row %zu", i);
	}
}

static void a_refusal_holds_for_a_while(struct kunit *test)
{
	struct nbd_zeroes zeroes = { };

	KUNIT_EXPECT_FALSE(test, nbd_zeroes_refused(&zeroes));
	nbd_zeroes_refuse(&zeroes);
	KUNIT_EXPECT_TRUE(test, nbd_zeroes_refused(&zeroes));
	zeroes.until = jiffies - 1;
	KUNIT_EXPECT_FALSE(test, nbd_zeroes_refused(&zeroes));
}

static void only_some_may_be_written_instead(struct kunit *test)
{
	struct nbd_cmd cmd = { .error = -EOPNOTSUPP };

	cmd.type = nbd_zeroes_type(FAST, NBD_ZEROES_AUTO, true);
	KUNIT_EXPECT_EQ(test, BLK_STS_NOTSUPP, nbd_queue_status(&cmd));
	cmd.type = nbd_zeroes_type(PLAIN, NBD_ZEROES_AUTO, true);
	KUNIT_EXPECT_EQ(test, BLK_STS_NOTSUPP, nbd_queue_status(&cmd));
	cmd.type = nbd_zeroes_type(FAST, NBD_ZEROES_FAST, false);
	KUNIT_EXPECT_EQ(test, BLK_STS_NOTSUPP, nbd_queue_status(&cmd));
	cmd.type = nbd_zeroes_type(FAST, NBD_ZEROES_AUTO, false);
	KUNIT_EXPECT_EQ(test, BLK_STS_IOERR, nbd_queue_status(&cmd));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(each_mode_asks_as_it_should),
	KUNIT_CASE(a_refusal_holds_for_a_while),
	KUNIT_CASE(only_some_may_be_written_instead),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-zeroes",
	.test_cases = cases,
};

kunit_test_suite(suite);
