// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state word: which reply a command accepts, and who completes it.
 */
#include <kunit/test.h>

#include "../../driver/conn.h"

static void claim_needs_everything(struct kunit *test)
{
	struct nbd_cmd cmd = { };

	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 0, 0));
	nbd_cmd_issue(&cmd, 7, 3);
	/* Early: nothing of it has been sent. */
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 7, 3));
	nbd_cmd_sending(&cmd);
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 8, 3));
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 6, 3));
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 7, 2));
	KUNIT_EXPECT_TRUE(test, nbd_cmd_claim(&cmd, 7, 3));
	/* Double. */
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 7, 3));
}

static void claim_after_withdrawal(struct kunit *test)
{
	struct nbd_cmd cmd = { };

	nbd_cmd_issue(&cmd, 0xffffffff, 0xffff);
	nbd_cmd_sending(&cmd);
	nbd_cmd_withdraw(&cmd);
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 0xffffffff, 0xffff));
	nbd_cmd_issue(&cmd, 0, 1);
	nbd_cmd_sending(&cmd);
	KUNIT_EXPECT_FALSE(test, nbd_cmd_claim(&cmd, 0xffffffff, 0xffff));
	KUNIT_EXPECT_TRUE(test, nbd_cmd_claim(&cmd, 0, 1));
}

static void sent_then_replied(struct kunit *test)
{
	struct nbd_cmd cmd = { };

	nbd_cmd_issue(&cmd, 1, 1);
	nbd_cmd_sending(&cmd);
	KUNIT_EXPECT_FALSE(test, nbd_cmd_sent(&cmd));
	KUNIT_EXPECT_TRUE(test, nbd_cmd_claim(&cmd, 1, 1));
	KUNIT_EXPECT_FALSE(test, nbd_cmd_over(nbd_cmd_state(&cmd)));
	KUNIT_EXPECT_TRUE(test, nbd_cmd_replied(&cmd));
	KUNIT_EXPECT_TRUE(test, nbd_cmd_over(nbd_cmd_state(&cmd)));
}

static void replied_before_all_was_sent(struct kunit *test)
{
	struct nbd_cmd cmd = { };

	nbd_cmd_issue(&cmd, 1, 1);
	nbd_cmd_sending(&cmd);
	KUNIT_EXPECT_TRUE(test, nbd_cmd_claim(&cmd, 1, 1));
	KUNIT_EXPECT_FALSE(test, nbd_cmd_replied(&cmd));
	KUNIT_EXPECT_FALSE(test, nbd_cmd_over(nbd_cmd_state(&cmd)));
	KUNIT_EXPECT_TRUE(test, nbd_cmd_sent(&cmd));
}

static void what_may_take_longer(struct kunit *test)
{
	struct nbd_cmd cmd = { .type = NBD_CMD_TRIM };
	struct nbd_conn *conn = kunit_kzalloc(test, sizeof(*conn), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, conn);
	cmd.hdr.len = cpu_to_be32(64 << 20);
	KUNIT_EXPECT_EQ(test, 4U, nbd_cmd_extra(&cmd));
	nbd_conn_count(conn, &cmd);
	nbd_conn_count(conn, &cmd);
	KUNIT_EXPECT_EQ(test, 8, atomic_read(&conn->extra));
	nbd_conn_uncount(conn, &cmd, true);
	nbd_conn_uncount(conn, &cmd, true);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&conn->extra));
	cmd.type = NBD_CMD_WRITE_ZEROES | NBD_CMD_FLAG_NO_HOLE;
	KUNIT_EXPECT_EQ(test, 4U, nbd_cmd_extra(&cmd));
	cmd.type = NBD_CMD_WRITE_ZEROES | NBD_CMD_FLAG_FAST_ZERO;
	KUNIT_EXPECT_EQ(test, 0U, nbd_cmd_extra(&cmd));
	cmd.type = NBD_CMD_WRITE;
	KUNIT_EXPECT_EQ(test, 0U, nbd_cmd_extra(&cmd));
	cmd.type = NBD_CMD_FLUSH;
	KUNIT_EXPECT_EQ(test, 0U, nbd_cmd_extra(&cmd));
}

/* After 2^32 commands a connection goes on to be measured. */
static void epochs_wrap(struct kunit *test)
{
	u32 last = U32_MAX >> NBD_PROGRESS_SHIFT;

	KUNIT_EXPECT_EQ(test, 0, nbd_epoch_diff(last, last));
	KUNIT_EXPECT_GT(test, nbd_epoch_diff(0, last), 0);
	KUNIT_EXPECT_LT(test, nbd_epoch_diff(last, 0), 0);
	KUNIT_EXPECT_GT(test, nbd_epoch_diff(9, 5), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(claim_needs_everything),
	KUNIT_CASE(claim_after_withdrawal),
	KUNIT_CASE(sent_then_replied),
	KUNIT_CASE(replied_before_all_was_sent),
	KUNIT_CASE(what_may_take_longer),
	KUNIT_CASE(epochs_wrap),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-cmd",
	.test_cases = cases,
};

kunit_test_suite(suite);
