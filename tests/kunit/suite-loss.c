// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which flushes come too late for what a server had acknowledged.
 */
#include <kunit/test.h>

#include "../../driver/loss.h"

struct disk {
	struct nbd_loss loss;
	struct nbd_conn *conns[2];
	struct nbd_cmd write;
	struct nbd_cmd flush;
};

static void born(struct disk *d, struct nbd_conn *conn)
{
	nbd_loss_birth(&d->loss, &conn, 1);
	nbd_loss_born(&d->loss);
}

static struct disk *make(struct kunit *test)
{
	struct disk *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, d);
	nbd_loss_reset(&d->loss);
	for (i = 0; i < ARRAY_SIZE(d->conns); i++) {
		d->conns[i] = kunit_kzalloc(test, sizeof(*d->conns[i]),
					    GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, d->conns[i]);
	}
	nbd_loss_birth(&d->loss, d->conns, 2);
	nbd_loss_born(&d->loss);
	d->write.type = NBD_CMD_WRITE;
	d->flush.type = NBD_CMD_FLUSH;
	return d;
}

static void write_one(struct disk *d)
{
	nbd_loss_issue(&d->loss, &d->write, d->conns[0]);
	nbd_loss_written(&d->loss, &d->write);
}

/* The flush, if there was one, has gone well, and the next one begins. */
static void begin(struct disk *d)
{
	nbd_loss_flushed(&d->loss, &d->flush);
	nbd_loss_prepare(&d->loss, &d->flush);
}

/* A flush is issued on connection @i, perhaps once more. Does it come too late? */
static int issue(struct disk *d, struct nbd_cmd *flush, unsigned int i)
{
	return nbd_loss_flush(&d->loss, flush, d->conns[i], false);
}

/* The same where each connection is flushed by itself. */
static int issue_each(struct disk *d, struct nbd_cmd *flush, unsigned int i)
{
	return nbd_loss_flush(&d->loss, flush, d->conns[i], true);
}

/* A flush on connection @i, answered well. */
static int late(struct disk *d, unsigned int i)
{
	begin(d);
	return issue(d, &d->flush, i);
}

/* A flush is on its way when the server is restarted, and is taken back. */
static void restart_amid_flush(struct kunit *test, struct disk *d)
{
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	write_one(d);
	nbd_loss_unflushed(&d->loss, &d->flush);
	born(d, d->conns[0]);
}

static void same_server(struct kunit *test)
{
	struct disk *d = make(test);

	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 1));
	/* The other one was renewed before the write, and after it. */
	born(d, d->conns[1]);
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 1));
	write_one(d);
	born(d, d->conns[1]);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&d->loss.count));
}

static void newer_than_the_write(struct kunit *test)
{
	struct disk *d = make(test);

	write_one(d);
	born(d, d->conns[0]);
	write_one(d);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&d->loss.count));
	/* Told once. */
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&d->loss.count));
}

/* The server may have been restarted while its answer was under way. */
static void answered_late(struct kunit *test)
{
	struct disk *d = make(test);

	nbd_loss_issue(&d->loss, &d->write, d->conns[0]);
	born(d, d->conns[1]);
	nbd_loss_written(&d->loss, &d->write);
	KUNIT_EXPECT_EQ(test, 1, late(d, 1));

	nbd_loss_issue(&d->loss, &d->write, d->conns[0]);
	born(d, d->conns[1]);
	write_one(d);
	/* The older one counts, whatever is answered first. */
	d->write.birth--;
	nbd_loss_written(&d->loss, &d->write);
	KUNIT_EXPECT_EQ(test, 1, late(d, 1));
}

/* Others of its lot are still being started. */
static void written_at_birth(struct kunit *test)
{
	struct disk *d = make(test);

	nbd_loss_birth(&d->loss, d->conns, 2);
	write_one(d);
	nbd_loss_born(&d->loss);
	KUNIT_EXPECT_EQ(test, 0, late(d, 1));
	nbd_loss_birth(&d->loss, &d->conns[1], 1);
	write_one(d);
	nbd_loss_born(&d->loss);
	KUNIT_EXPECT_EQ(test, 1, late(d, 1));
}

static void sent_elsewhere(struct kunit *test)
{
	struct disk *d = make(test);

	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	KUNIT_EXPECT_FALSE(test, nbd_loss_moved(d->conns[0], &d->flush));
	born(d, d->conns[0]);
	KUNIT_EXPECT_TRUE(test, nbd_loss_moved(d->conns[0], &d->flush));
	nbd_loss_unflushed(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
}

static void what_needs_no_flush(struct kunit *test)
{
	struct disk *d = make(test);

	d->write.type |= NBD_CMD_FLAG_FUA;
	write_one(d);
	d->write.type = NBD_CMD_READ;
	write_one(d);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	d->write.type = NBD_CMD_WRITE_ZEROES | NBD_CMD_FLAG_NO_HOLE;
	write_one(d);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	d->write.type = NBD_CMD_TRIM;
	write_one(d);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
}

static void a_flush_that_failed(struct kunit *test)
{
	struct disk *d = make(test);

	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	born(d, d->conns[0]);
	/* What was written meanwhile is newer than what the flush was about. */
	write_one(d);
	nbd_loss_unflushed(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));

	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	nbd_loss_unflushed(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	/* It covers nothing any more: there is nothing to give back. */
	d->flush.covers = 0;
	nbd_loss_unflushed(&d->loss, &d->flush);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
}

static void over_several_connections(struct kunit *test)
{
	struct disk *d = make(test);

	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	/*
	 * It goes on to the next one, with a write in between. How old that one is
	 * says nothing, since each is flushed by itself.
	 */
	born(d, d->conns[1]);
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, issue_each(d, &d->flush, 1));
	atomic_inc(&d->loss.lost);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
}

/* Whoever is told first, each that was on its way has missed it. */
static void all_that_were_on_their_way(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	begin(d);
	nbd_loss_prepare(&d->loss, &other);
	KUNIT_EXPECT_FALSE(test, nbd_loss_missed(&d->loss, &other));
	atomic_inc(&d->loss.lost);
	KUNIT_EXPECT_EQ(test, 1, issue_each(d, &d->flush, 0));
	KUNIT_EXPECT_FALSE(test, nbd_loss_missed(&d->loss, &d->flush));
	KUNIT_EXPECT_TRUE(test, nbd_loss_missed(&d->loss, &other));
	KUNIT_EXPECT_EQ(test, 1, issue_each(d, &other, 0));
	/* Who comes after is not told by that. */
	begin(d);
	KUNIT_EXPECT_EQ(test, 1, issue_each(d, &d->flush, 0));
	begin(d);
	KUNIT_EXPECT_EQ(test, 0, issue_each(d, &d->flush, 0));
}

/* Another one writes and flushes behind a flush that is on its way. */
static void behind_another_flush(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	restart_amid_flush(test, d);
	/* It is sent again, and told, and so is who waited for it. */
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 0));
	nbd_loss_told(&d->loss, &d->flush);
	nbd_loss_prepare(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &other, 0));
	nbd_loss_told(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
}

/* Nobody is left who could have waited behind one that was told. */
static void told_and_closed(struct kunit *test)
{
	struct disk *d = make(test);

	restart_amid_flush(test, d);
	write_one(d);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 0));
	nbd_loss_told(&d->loss, &d->flush);
	nbd_loss_closed(&d->loss);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	/* What was written since is unflushed for all that. */
	nbd_loss_unflushed(&d->loss, &d->flush);
	nbd_loss_closed(&d->loss);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	/* Nor is it taken from who opens the device that nobody has been told. */
	write_one(d);
	born(d, d->conns[0]);
	nbd_loss_closed(&d->loss);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));

	begin(d);
	atomic_inc(&d->loss.lost);
	KUNIT_EXPECT_EQ(test, 1, issue_each(d, &d->flush, 0));
	nbd_loss_closed(&d->loss);
	begin(d);
	KUNIT_EXPECT_EQ(test, 0, issue_each(d, &d->flush, 0));
	atomic_inc(&d->loss.lost);
	nbd_loss_closed(&d->loss);
	begin(d);
	KUNIT_EXPECT_EQ(test, 1, issue_each(d, &d->flush, 0));
}

/* A flush that covers a write, and @other, which finds nothing to cover. */
static void two_flushes(struct kunit *test, struct disk *d,
			struct nbd_cmd *other)
{
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	nbd_loss_prepare(&d->loss, other);
	KUNIT_EXPECT_EQ(test, 0, issue(d, other, 0));
}

/* A second one that was on its way is told of what the first one covers. */
static void two_on_their_way(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	two_flushes(test, d, &other);
	nbd_loss_unflushed(&d->loss, &d->flush);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 0));
	nbd_loss_told(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &other, 0));
	nbd_loss_told(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&d->loss.count));
}

/* Nobody knows yet what becomes of writes that a flush on a dying connection is about. */
static void in_another_ones_hands(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	two_flushes(test, d, &other);
	nbd_loss_unflushed(&d->loss, &other);
	born(d, d->conns[1]);
	KUNIT_EXPECT_EQ(test, -EAGAIN, issue(d, &other, 1));
	/* On the connection that the first one is on it needs not wait. */
	KUNIT_EXPECT_EQ(test, 0, issue(d, &other, 0));
	nbd_loss_unflushed(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, -EAGAIN, issue(d, &other, 1));
	nbd_loss_unflushed(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &other, 1));
	nbd_loss_told(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 1));
	nbd_loss_told(&d->loss, &d->flush);
	/* Or the first one went well. */
	write_one(d);
	KUNIT_EXPECT_EQ(test, 1, late(d, 1));
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 1));
	born(d, d->conns[0]);
	nbd_loss_prepare(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, -EAGAIN, issue(d, &other, 0));
	nbd_loss_flushed(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 0, issue(d, &other, 0));
}

/* It travels on an older connection than the one that has taken what was lost. */
static void overtaken_elsewhere(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	restart_amid_flush(test, d);
	born(d, d->conns[1]);
	born(d, d->conns[0]);
	nbd_loss_prepare(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &other, 0));
	nbd_loss_told(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 1));
	nbd_loss_told(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 0, issue(d, &d->flush, 0));
}

/* One that began later is issued first, and takes what was lost. */
static void overtaken(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	restart_amid_flush(test, d);
	nbd_loss_prepare(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &other, 0));
	nbd_loss_told(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 0));
	/* It is not told twice, if it goes on. */
	nbd_loss_unflushed(&d->loss, &d->flush);
	KUNIT_EXPECT_EQ(test, 0, issue(d, &d->flush, 0));
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&d->loss.count));
}

/* The next one goes to a connection that is as old as the write, which dies, too. */
static void behind_and_elsewhere(struct kunit *test)
{
	struct nbd_cmd other = { .type = NBD_CMD_FLUSH };
	struct disk *d = make(test);

	write_one(d);
	begin(d);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &d->flush, 0));
	nbd_loss_told(&d->loss, &d->flush);
	nbd_loss_prepare(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 0, issue(d, &other, 1));
	nbd_loss_unflushed(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 1, issue(d, &other, 0));
	nbd_loss_told(&d->loss, &other);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
}

/* A flush that is told of a loss is not sent: what is newer is unflushed still. */
static void lost_twice(struct kunit *test)
{
	struct disk *d = make(test);

	write_one(d);
	born(d, d->conns[0]);
	write_one(d);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	nbd_loss_unflushed(&d->loss, &d->flush);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&d->loss.count));
}

static void births_wrap(struct kunit *test)
{
	struct disk *d = make(test);

	d->loss.births = U32_MAX - 1;
	born(d, d->conns[0]);
	write_one(d);
	KUNIT_EXPECT_EQ(test, 0, late(d, 0));
	write_one(d);
	born(d, d->conns[0]);
	KUNIT_EXPECT_EQ(test, 1, late(d, 0));
}

static struct kunit_case loss_cases[] = {
	KUNIT_CASE(same_server),
	KUNIT_CASE(newer_than_the_write),
	KUNIT_CASE(answered_late),
	KUNIT_CASE(written_at_birth),
	KUNIT_CASE(sent_elsewhere),
	KUNIT_CASE(what_needs_no_flush),
	KUNIT_CASE(all_that_were_on_their_way),
	KUNIT_CASE(behind_another_flush),
	KUNIT_CASE(told_and_closed),
	KUNIT_CASE(two_on_their_way),
	KUNIT_CASE(in_another_ones_hands),
	KUNIT_CASE(overtaken_elsewhere),
	KUNIT_CASE(overtaken),
	KUNIT_CASE(behind_and_elsewhere),
	KUNIT_CASE(lost_twice),
	KUNIT_CASE(a_flush_that_failed),
	KUNIT_CASE(over_several_connections),
	KUNIT_CASE(births_wrap),
	{}
};

static struct kunit_suite loss_suite = {
	.name = "nbd-loss",
	.test_cases = loss_cases,
};

kunit_test_suite(loss_suite);
