// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flushing connection by connection: which ones, and what is remembered.
 */
#include <kunit/test.h>

#include "../../driver/flush.h"

#define CONNECTIONS	3

struct slots {
	struct nbd_conn *conns[CONNECTIONS];
	struct nbd_cmd flush;
	struct nbd_cmd other;
	struct nbd_cmd write;
	atomic_t lost;
};

static struct slots *make(struct kunit *test)
{
	struct slots *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < CONNECTIONS; i++) {
		s->conns[i] = kunit_kzalloc(test, sizeof(*s->conns[i]),
					    GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, s->conns[i]);
		atomic_set(&s->conns[i]->state, NBD_CONN_LIVE);
	}
	s->flush.type = NBD_CMD_FLUSH;
	s->other.type = NBD_CMD_FLUSH;
	s->write.type = NBD_CMD_WRITE;
	return s;
}

static struct nbd_conn *next(struct slots *s, struct nbd_cmd *cmd)
{
	return nbd_flush_next(s->conns, CONNECTIONS, cmd);
}

static void write_on(struct kunit *test, struct slots *s, unsigned int i)
{
	KUNIT_EXPECT_FALSE(test, nbd_flush_answered(s->conns[i], &s->write));
}

/* A flush goes to connection @i and is answered. */
static void flush_on(struct kunit *test, struct slots *s, unsigned int i)
{
	KUNIT_EXPECT_PTR_EQ(test, s->conns[i], next(s, &s->flush));
	nbd_flush_begin(s->conns[i], &s->flush);
	KUNIT_EXPECT_TRUE(test, nbd_flush_answered(s->conns[i], &s->flush));
}

static void only_what_was_written(struct kunit *test)
{
	struct slots *s = make(test);

	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
	s->flush.flush_at = 0;
	write_on(test, s, 0);
	write_on(test, s, 2);
	write_on(test, s, 2);
	flush_on(test, s, 0);
	flush_on(test, s, 2);
	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
	s->flush.flush_at = 0;
	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
}

static void what_leaves_nothing_to_flush(struct kunit *test)
{
	struct slots *s = make(test);

	s->write.error = -EIO;
	write_on(test, s, 0);
	s->write.error = 0;
	s->write.type = NBD_CMD_WRITE | NBD_CMD_FLAG_FUA;
	write_on(test, s, 1);
	s->write.type = NBD_CMD_READ;
	write_on(test, s, 2);
	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
}

static void writes_meanwhile_do_not_hold_it(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 0);
	write_on(test, s, 1);
	flush_on(test, s, 0);
	write_on(test, s, 0);
	flush_on(test, s, 1);
	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], next(s, &s->other));
}

static void a_failed_one_is_remembered(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(next(s, &s->flush), &s->flush);
	s->flush.error = -EIO;
	KUNIT_EXPECT_FALSE(test, nbd_flush_answered(s->conns[1], &s->flush));
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], next(s, &s->other));
	/* One that had nothing to do leaves nothing. */
	nbd_flush_begin(s->conns[0], &s->flush);
	KUNIT_EXPECT_FALSE(test, nbd_flush_answered(s->conns[0], &s->flush));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&s->conns[0]->unflushed));
}

/* Two at once: the second must not rely on the first, which may fail. */
static void one_in_flight_is_not_clean(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(next(s, &s->flush), &s->flush);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], next(s, &s->other));
	nbd_flush_begin(s->conns[1], &s->other);
	KUNIT_EXPECT_TRUE(test, nbd_flush_answered(s->conns[1], &s->other));
	nbd_flush_undo(s->conns[1], &s->flush);
	flush_on(test, s, 1);
	s->flush.flush_at = 0;
	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
}

static void dead_ones_are_passed_by(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 0);
	write_on(test, s, 1);
	atomic_set(&s->conns[0]->state, NBD_CONN_DOWN);
	flush_on(test, s, 1);
	KUNIT_EXPECT_NULL(test, next(s, &s->flush));
	/* With a new socket. */
	atomic_set(&s->conns[0]->state, NBD_CONN_LIVE);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[0], next(s, &s->other));
}

/* How often writes were lost since it was asked last. */
static int lost(struct slots *s)
{
	nbd_flush_orphaned(s->conns, CONNECTIONS, &s->lost);
	return atomic_xchg(&s->lost, 0);
}

static int emptied(struct slots *s, unsigned int i)
{
	nbd_flush_emptied(s->conns[i], &s->lost);
	return atomic_xchg(&s->lost, 0);
}

static int taken_back(struct slots *s, unsigned int i)
{
	nbd_flush_lost(s->conns[i], &s->flush, &s->lost);
	return atomic_xchg(&s->lost, 0);
}

static void orphans_are_told_once(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 0);
	write_on(test, s, 1);
	KUNIT_EXPECT_EQ(test, 0, lost(s));
	atomic_set(&s->conns[2]->state, NBD_CONN_FAILING);
	KUNIT_EXPECT_EQ(test, 0, lost(s));
	/* The flush was with it, and has been taken back. */
	nbd_flush_begin(s->conns[1], &s->flush);
	atomic_set(&s->conns[1]->state, NBD_CONN_FAILING);
	KUNIT_EXPECT_EQ(test, 1, taken_back(s, 1));
	KUNIT_EXPECT_EQ(test, 0, lost(s));
	KUNIT_EXPECT_EQ(test, 0, emptied(s, 1));
	write_on(test, s, 1);
	KUNIT_EXPECT_EQ(test, 1, lost(s));
	KUNIT_EXPECT_EQ(test, 0, lost(s));
	write_on(test, s, 1);
	KUNIT_EXPECT_EQ(test, 1, emptied(s, 1));
	flush_on(test, s, 0);
}

static void taken_back_without_need(struct kunit *test)
{
	struct slots *s = make(test);

	nbd_flush_begin(s->conns[0], &s->flush);
	KUNIT_EXPECT_EQ(test, 0, taken_back(s, 0));
	KUNIT_EXPECT_EQ(test, 0, s->flush.flush_at);
	KUNIT_EXPECT_EQ(test, 0, emptied(s, 0));
}

/* It was about to be sent when the connection went, and is taken back later. */
static void taken_back_late(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(next(s, &s->flush), &s->flush);
	KUNIT_EXPECT_EQ(test, 1, emptied(s, 1));
	/* With another socket. */
	write_on(test, s, 1);
	KUNIT_EXPECT_EQ(test, 1, taken_back(s, 1));
	nbd_flush_begin(next(s, &s->other), &s->other);
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], next(s, &s->flush));
}

/* Another socket has acknowledged what the flush was about before that was sent. */
static void taken_back_from_another_socket(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(s->conns[1], &s->flush);
	KUNIT_EXPECT_EQ(test, 1, taken_back(s, 1));
	KUNIT_EXPECT_PTR_EQ(test, s->conns[1], next(s, &s->other));
}

static bool in_hand(struct slots *s)
{
	return nbd_flush_in_hand(s->conns, CONNECTIONS);
}

/* Its connection goes with it: another one must not succeed before that is known. */
static void one_on_a_connection_that_goes(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(next(s, &s->flush), &s->flush);
	KUNIT_EXPECT_FALSE(test, in_hand(s));
	atomic_set(&s->conns[1]->state, NBD_CONN_FAILING);
	KUNIT_EXPECT_NULL(test, next(s, &s->other));
	KUNIT_EXPECT_EQ(test, 0, lost(s));
	KUNIT_EXPECT_TRUE(test, in_hand(s));
	KUNIT_EXPECT_EQ(test, 1, taken_back(s, 1));
	KUNIT_EXPECT_FALSE(test, in_hand(s));
}

/* The server shuts down, and answers it before it goes. */
static void one_on_a_connection_that_drains(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(next(s, &s->flush), &s->flush);
	set_bit(NBD_CONN_DRAINING, &s->conns[1]->flags);
	KUNIT_EXPECT_TRUE(test, in_hand(s));
	KUNIT_EXPECT_TRUE(test, nbd_flush_answered(s->conns[1], &s->flush));
	KUNIT_EXPECT_FALSE(test, in_hand(s));
	KUNIT_EXPECT_EQ(test, 0, lost(s));
}

/* Those are orphans, and not about any flush. */
static void writes_on_a_connection_that_goes(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	atomic_set(&s->conns[1]->state, NBD_CONN_FAILING);
	KUNIT_EXPECT_EQ(test, 1, lost(s));
	KUNIT_EXPECT_FALSE(test, in_hand(s));
}

/* The flush fails before it is sent there, and leaves a mark on the connection. */
static void undone_when_it_has_gone(struct kunit *test)
{
	struct slots *s = make(test);

	write_on(test, s, 1);
	nbd_flush_begin(next(s, &s->flush), &s->flush);
	atomic_set(&s->conns[1]->state, NBD_CONN_DOWN);
	KUNIT_EXPECT_EQ(test, 1, emptied(s, 1));
	nbd_flush_undo(s->conns[1], &s->flush);
	KUNIT_EXPECT_TRUE(test, in_hand(s));
	KUNIT_EXPECT_EQ(test, 1, lost(s));
	KUNIT_EXPECT_FALSE(test, in_hand(s));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(only_what_was_written),
	KUNIT_CASE(what_leaves_nothing_to_flush),
	KUNIT_CASE(writes_meanwhile_do_not_hold_it),
	KUNIT_CASE(a_failed_one_is_remembered),
	KUNIT_CASE(one_in_flight_is_not_clean),
	KUNIT_CASE(dead_ones_are_passed_by),
	KUNIT_CASE(orphans_are_told_once),
	KUNIT_CASE(taken_back_without_need),
	KUNIT_CASE(taken_back_late),
	KUNIT_CASE(taken_back_from_another_socket),
	KUNIT_CASE(one_on_a_connection_that_goes),
	KUNIT_CASE(one_on_a_connection_that_drains),
	KUNIT_CASE(writes_on_a_connection_that_goes),
	KUNIT_CASE(undone_when_it_has_gone),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-flush",
	.test_cases = cases,
};

kunit_test_suite(suite);
