// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which bucket of the histogram a time belongs to.
 */
#include <kunit/test.h>

#include "../../driver/latency.h"

/* As linux/nbd-netlink.h says it, in units. */
static u64 first_of(unsigned int bucket)
{
	return bucket < 4 ? bucket : (u64)(4 + bucket % 4) << (bucket / 4 - 1);
}

static void buckets_are_as_documented(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < NBD_LATENCY_BUCKETS; i++) {
		u64 first = first_of(i) * NBD_LATENCY_UNIT_NS;
		u64 next = first_of(i + 1) * NBD_LATENCY_UNIT_NS;

		KUNIT_EXPECT_EQ(test, nbd_latency_bucket(first), i);
		KUNIT_EXPECT_EQ(test, nbd_latency_bucket(next - 1), i);
	}
}

static void what_is_longer_is_in_the_last(struct kunit *test)
{
	unsigned int last = NBD_LATENCY_BUCKETS - 1;
	u64 end = first_of(NBD_LATENCY_BUCKETS) * NBD_LATENCY_UNIT_NS;

	KUNIT_EXPECT_EQ(test, nbd_latency_bucket(end), last);
	KUNIT_EXPECT_EQ(test, nbd_latency_bucket(U64_MAX), last);
	KUNIT_EXPECT_EQ(test, nbd_latency_bucket(0), 0U);
}

static void kinds_are_counted_apart(struct kunit *test)
{
	static const u32 types[] = {
		NBD_CMD_READ, NBD_CMD_WRITE | NBD_CMD_FLAG_FUA,
		NBD_CMD_WRITE_ZEROES, NBD_CMD_TRIM, NBD_CMD_FLUSH,
	};
	struct nbd_latency *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	struct nbd_cmd cmd = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		cmd.type = types[i];
		nbd_latency_add(l, &cmd, 3 * NBD_LATENCY_UNIT_NS);
	}
	KUNIT_EXPECT_EQ(test, atomic64_read(&l->count[NBD_LATENCY_READ][3]), 1LL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&l->count[NBD_LATENCY_WRITE][3]), 2LL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&l->count[NBD_LATENCY_TRIM][3]), 1LL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&l->count[NBD_LATENCY_FLUSH][3]), 1LL);
}

static struct kunit_case latency_cases[] = {
	KUNIT_CASE(buckets_are_as_documented),
	KUNIT_CASE(what_is_longer_is_in_the_last),
	KUNIT_CASE(kinds_are_counted_apart),
	{ }
};

static struct kunit_suite latency_suite = {
	.name = "nbd-latency",
	.test_cases = latency_cases,
};

kunit_test_suite(latency_suite);
