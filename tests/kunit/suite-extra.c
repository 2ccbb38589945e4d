// SPDX-License-Identifier: GPL-2.0-only
/*
 * More time: what a flush is about, and whose turn it is.
 */
#include <kunit/test.h>
#include <linux/jiffies.h>
#include <linux/sizes.h>

#include "../../driver/extra.h"

/* Two connections of a queue. */
static struct nbd_queue *a_queue(struct kunit *test)
{
	struct nbd_queue *q = kunit_kzalloc(test, sizeof(*q), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, q);
	q->config.nr_conns = 2;
	q->config.conns = kunit_kcalloc(test, 2, sizeof(*q->config.conns),
					GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q->config.conns);
	for (i = 0; i < 2; i++) {
		q->config.conns[i] = kunit_kzalloc(test, sizeof(struct nbd_conn),
						   GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q->config.conns[i]);
	}
	return q;
}

static void wrote(struct nbd_queue *q, unsigned int conn, u64 bytes)
{
	q->config.conns[conn]->stats.bytes_written += bytes;
}

static u32 seconds_to_flush(struct nbd_queue *q, struct nbd_cmd *flush)
{
	nbd_extra_prepare_flush(q, flush);
	return nbd_cmd_extra(flush);
}

static void a_flush_has_time_for_what_was_written(struct kunit *test)
{
	struct nbd_cmd flush = { .type = NBD_CMD_FLUSH };
	struct nbd_queue *q = a_queue(test);

	KUNIT_EXPECT_EQ(test, 0U, seconds_to_flush(q, &flush));
	wrote(q, 0, SZ_64M);
	wrote(q, 1, SZ_32M);
	KUNIT_EXPECT_EQ(test, 6U, seconds_to_flush(q, &flush));
	/* One that fails, or is never answered, leaves it to do. */
	KUNIT_EXPECT_EQ(test, 6U, seconds_to_flush(q, &flush));
	/* What came after it was sent is not flushed. */
	wrote(q, 1, SZ_16M);
	nbd_extra_flushed(q, &flush);
	KUNIT_EXPECT_EQ(test, 1U, seconds_to_flush(q, &flush));
	/* Zeroes may have been written, too. */
	q->config.conns[0]->zeroed += SZ_32M;
	KUNIT_EXPECT_EQ(test, 3U, seconds_to_flush(q, &flush));
	/* There is a limit. */
	wrote(q, 0, 1ULL << 50);
	KUNIT_EXPECT_EQ(test, 256U, seconds_to_flush(q, &flush));
}

static void only_zeroes_that_stay_may_be_written(struct kunit *test)
{
	struct nbd_cmd cmd = {};

	cmd.type = NBD_CMD_WRITE_ZEROES | NBD_CMD_FLAG_NO_HOLE;
	KUNIT_EXPECT_TRUE(test, nbd_cmd_writes_zeroes(&cmd));
	cmd.type |= NBD_CMD_FLAG_FAST_ZERO;
	KUNIT_EXPECT_FALSE(test, nbd_cmd_writes_zeroes(&cmd));
	cmd.type = NBD_CMD_WRITE_ZEROES;
	KUNIT_EXPECT_FALSE(test, nbd_cmd_writes_zeroes(&cmd));
	cmd.type = NBD_CMD_WRITE;
	KUNIT_EXPECT_FALSE(test, nbd_cmd_writes_zeroes(&cmd));
}

static void an_older_flush_ends_later(struct kunit *test)
{
	struct nbd_cmd first = { .type = NBD_CMD_FLUSH };
	struct nbd_cmd second = { .type = NBD_CMD_FLUSH };
	struct nbd_queue *q = a_queue(test);

	/* The count wraps. */
	q->flushed = U32_MAX - 1;
	wrote(q, 0, ((u64)U32_MAX - 1) << 20);
	nbd_extra_prepare_flush(q, &first);
	wrote(q, 0, SZ_64M);
	KUNIT_EXPECT_EQ(test, 4U, seconds_to_flush(q, &second));
	nbd_extra_flushed(q, &second);
	nbd_extra_flushed(q, &first);
	KUNIT_EXPECT_EQ(test, 0U, seconds_to_flush(q, &second));
}

static void all_connections_together(struct kunit *test)
{
	struct nbd_queue *q = a_queue(test);

	KUNIT_EXPECT_EQ(test, 0UL, nbd_extra_time(&q->config));
	atomic_set(&q->config.conns[0]->extra, 3);
	atomic_set(&q->config.conns[1]->extra, 4);
	KUNIT_EXPECT_EQ(test, 7UL * HZ, nbd_extra_time(&q->config));
	atomic_set(&q->config.conns[0]->extra, 100000);
	KUNIT_EXPECT_EQ(test, 256UL * HZ, nbd_extra_time(&q->config));
}

static void it_is_a_commands_turn_when_what_was_before_is_over(struct kunit *test)
{
	struct nbd_cmd trim = { .type = NBD_CMD_TRIM };
	struct nbd_cmd read = { .type = NBD_CMD_READ };
	struct nbd_queue *q = a_queue(test);
	unsigned long before = jiffies - 100 * HZ;

	trim.hdr.len = cpu_to_be32(SZ_64M);
	trim.sent_at = before;
	read.sent_at = before + HZ;
	nbd_conn_count(q->config.conns[1], &trim);
	KUNIT_EXPECT_EQ(test, read.sent_at, nbd_extra_turn(&q->config, &read));
	nbd_conn_uncount(q->config.conns[1], &trim, true);
	KUNIT_EXPECT_TRUE(test, time_after(nbd_extra_turn(&q->config, &read),
					   before + 90 * HZ));

	/* One that was sent later is no excuse, nor is one that nobody answered. */
	trim.sent_at = before + 2 * HZ;
	nbd_conn_count(q->config.conns[1], &trim);
	nbd_conn_uncount(q->config.conns[1], &trim, true);
	KUNIT_EXPECT_EQ(test, read.sent_at, nbd_extra_turn(&q->config, &read));
	trim.sent_at = before;
	nbd_conn_count(q->config.conns[0], &trim);
	nbd_conn_uncount(q->config.conns[0], &trim, false);
	KUNIT_EXPECT_EQ(test, read.sent_at, nbd_extra_turn(&q->config, &read));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_flush_has_time_for_what_was_written),
	KUNIT_CASE(only_zeroes_that_stay_may_be_written),
	KUNIT_CASE(an_older_flush_ends_later),
	KUNIT_CASE(all_connections_together),
	KUNIT_CASE(it_is_a_commands_turn_when_what_was_before_is_over),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-extra",
	.test_cases = cases,
};

kunit_test_suite(suite);
