// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gathering: which batches wait for the next one.
 */
#include <kunit/test.h>

#include "../../driver/gather.h"

static struct task_struct *const fio = (void *)1;
static struct task_struct *const dd = (void *)2;

/* One batch; what was left before is, or is not, still there. */
static bool submit(struct nbd_gather *g, const struct task_struct *who,
		   unsigned long slept, u64 now, bool waiting)
{
	if (g->left)
		nbd_gather_judge(g, who, slept, waiting);
	return nbd_gather_more(g, who, slept, now, false);
}

static void one_at_a_time_is_not_delayed(struct kunit *test)
{
	struct nbd_gather g = {};
	unsigned long slept;

	for (slept = 0; slept < 1000; slept++)
		KUNIT_EXPECT_FALSE(test, submit(&g, fio, slept, 1, false));
}

static void a_run_gathers(struct kunit *test)
{
	struct nbd_gather g = {};
	unsigned int i;

	KUNIT_EXPECT_FALSE(test, submit(&g, fio, 0, 1, false));
	for (i = 1; i < 32; i++)
		KUNIT_EXPECT_TRUE(test, submit(&g, fio, 0, 1, true));
	/* It submitted many the last time. */
	for (i = 0; i < 32; i++)
		KUNIT_EXPECT_TRUE(test, submit(&g, fio, 1, 1, i > 0));
}

static void not_for_long(struct kunit *test)
{
	struct nbd_gather g = {};
	u64 now;
	unsigned int sent = 0;

	submit(&g, fio, 0, 1, false);
	for (now = NSEC_PER_USEC; now < NSEC_PER_MSEC; now += NSEC_PER_USEC)
		sent += !submit(&g, fio, 0, now, true);
	KUNIT_EXPECT_EQ(test, sent, 3U);
}

static void what_brings_nothing_gets_rare(struct kunit *test)
{
	struct nbd_gather g = {};
	unsigned int left = 0;
	unsigned int i;

	/* Another CPU always sends it before the next batch. */
	for (i = 0; i < 1000; i++)
		left += submit(&g, fio, 0, 1, false);
	KUNIT_EXPECT_LT(test, left, 25U);
	KUNIT_EXPECT_GT(test, left, 10U);
	/* Then it does not any more. */
	for (left = 0, i = 0; i < 200; i++)
		left += submit(&g, fio, 0, 1, true);
	KUNIT_EXPECT_GT(test, left, 100U);
}

static void two_in_turns_that_sleep_get_rare(struct kunit *test)
{
	struct nbd_gather g = {};
	unsigned long slept;
	unsigned int left = 0;

	/* Submits two, sleeps, and only the first was left in vain. */
	for (slept = 0; slept < 1000; slept++) {
		left += submit(&g, fio, slept, 1, false);
		left += submit(&g, fio, slept, 1, false);
	}
	KUNIT_EXPECT_LT(test, left, 50U);
}

static void a_sleep_after_one_counts_against_it(struct kunit *test)
{
	struct nbd_gather g = { .submitter = fio, .run = 8, .last_run = 8 };

	KUNIT_EXPECT_TRUE(test, submit(&g, fio, 1, 1, false));
	/* It slept at once: nothing came to lie beside what was left. */
	KUNIT_EXPECT_FALSE(test, submit(&g, fio, 2, 1, false));
	KUNIT_EXPECT_EQ(test, g.backoff, 1U);
}

static void a_full_burst_does_not_wait(struct kunit *test)
{
	struct nbd_gather g = { .submitter = fio, .run = 8, .last_run = 8 };

	KUNIT_EXPECT_FALSE(test, nbd_gather_more(&g, fio, 1, 1, true));
	KUNIT_EXPECT_TRUE(test, nbd_gather_more(&g, fio, 1, 1, false));
}

static void another_submitter_starts_anew(struct kunit *test)
{
	struct nbd_gather g = { .submitter = fio, .run = 8, .last_run = 8 };

	KUNIT_EXPECT_FALSE(test, submit(&g, dd, 0, 1, false));
	KUNIT_EXPECT_FALSE(test, submit(&g, fio, 0, 1, false));
	KUNIT_EXPECT_FALSE(test, submit(&g, dd, 0, 1, false));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_at_a_time_is_not_delayed),
	KUNIT_CASE(a_run_gathers),
	KUNIT_CASE(not_for_long),
	KUNIT_CASE(what_brings_nothing_gets_rare),
	KUNIT_CASE(two_in_turns_that_sleep_get_rare),
	KUNIT_CASE(a_sleep_after_one_counts_against_it),
	KUNIT_CASE(a_full_burst_does_not_wait),
	KUNIT_CASE(another_submitter_starts_anew),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-gather",
	.test_cases = cases,
};

kunit_test_suite(suite);
