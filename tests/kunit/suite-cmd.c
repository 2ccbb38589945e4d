// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state word: which reply a command accepts, and who completes it.
 */
#include <kunit/test.h>

#include "../../driver/cmd.h"

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

static struct kunit_case cases[] = {
	KUNIT_CASE(claim_needs_everything),
	KUNIT_CASE(claim_after_withdrawal),
	KUNIT_CASE(sent_then_replied),
	KUNIT_CASE(replied_before_all_was_sent),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-cmd",
	.test_cases = cases,
};

kunit_test_suite(suite);
