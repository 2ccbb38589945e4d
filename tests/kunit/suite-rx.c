// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receive parser, filling the pages of requests: the same stream in every
 * cut gives the same result.
 */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../../driver/cmd.h"
#include "../../driver/rx.h"
#include "payload.h"

#define COMMANDS	6

struct receiver {
	struct nbd_rx rx;
	struct kunit *test;
	struct bio *bios[COMMANDS];
	u32 bytes;
	int errors[COMMANDS];
	unsigned int replies[COMMANDS];
	struct nbd_cursor cursor;
	unsigned int done;
	u8 *stream;
	size_t len;
};

static int on_reply(struct nbd_rx *rx, const struct nbd_reply_info *info)
{
	struct receiver *r = container_of(rx, struct receiver, rx);
	u64 i = info->cookie;

	if (i >= COMMANDS || r->replies[i])
		return -EBADMSG;
	r->replies[i]++;
	r->errors[i] = info->error;
	nbd_cursor_start(&r->cursor, info->error ? NULL : r->bios[i],
			 ITER_DEST);
	return 0;
}

static size_t on_more(struct nbd_rx *rx)
{
	struct receiver *r = container_of(rx, struct receiver, rx);

	if (!r->cursor.bio)
		return 0;
	rx->iter = r->cursor.iter;
	nbd_cursor_next(&r->cursor);
	return iov_iter_count(&rx->iter);
}

static void on_done(struct nbd_rx *rx)
{
	container_of(rx, struct receiver, rx)->done++;
}

static const struct nbd_rx_ops ops = {
	.reply	= on_reply,
	.more	= on_more,
	.done	= on_done,
};

/* Replies in reverse order; the third carries an error and no payload. */
static struct receiver *make(struct kunit *test)
{
	struct receiver *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct nbd_reply reply = { .magic = cpu_to_be32(NBD_REPLY_MAGIC) };
	unsigned int i;
	u32 at;

	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < COMMANDS; i++)
		r->bios[i] = payload_alloc(test, &r->bytes);
	r->stream = kunit_kzalloc(test, COMMANDS * (16 + r->bytes),
				  GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r->stream);
	for (i = COMMANDS; i--;) {
		reply.cookie = cpu_to_be64(i);
		reply.error = cpu_to_be32(i == 2 ? NBD_EIO : 0);
		memcpy(r->stream + r->len, &reply, sizeof(reply));
		r->len += sizeof(reply);
		for (at = 0; i != 2 && at < r->bytes; at++)
			r->stream[r->len++] = payload_byte(i, at);
	}
	nbd_rx_init(&r->rx, &ops);
	return r;
}

static void check(struct kunit *test, struct receiver *r)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, r->done, COMMANDS);
	for (i = 0; i < COMMANDS; i++) {
		KUNIT_EXPECT_EQ(test, r->errors[i], i == 2 ? -EIO : 0);
		if (i != 2)
			payload_check(test, r->bios[i], i);
	}
}

static void one_byte_at_a_time(struct kunit *test)
{
	struct receiver *r = make(test);
	size_t i;

	for (i = 0; i < r->len; i++)
		KUNIT_ASSERT_EQ(test, 0,
				nbd_rx_feed(&r->rx, r->stream + i, 1));
	check(test, r);
}

static void random_cuts(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int round;

	prandom_seed_state(&rnd, 42);
	for (round = 0; round < 20; round++) {
		struct receiver *r = make(test);
		size_t at = 0;

		while (at < r->len) {
			size_t part = 1 + prandom_u32_state(&rnd) % 5000;

			part = min(part, r->len - at);
			KUNIT_ASSERT_EQ(test, 0,
					nbd_rx_feed(&r->rx,
						    r->stream + at, part));
			at += part;
		}
		check(test, r);
	}
}

static void a_double_reply_ends_the_stream(struct kunit *test)
{
	struct receiver *r = make(test);

	KUNIT_ASSERT_EQ(test, 0,
			nbd_rx_feed(&r->rx, r->stream, r->len));
	KUNIT_EXPECT_EQ(test, -EBADMSG,
			nbd_rx_feed(&r->rx, r->stream, 16));
}

static void mutations_stay_within_the_pages(struct kunit *test)
{
	struct rnd_state rnd;
	unsigned int round, i;

	prandom_seed_state(&rnd, 43);
	for (round = 0; round < 50; round++) {
		struct receiver *r = make(test);

		for (i = 0; i < 1 + round % 4; i++)
			r->stream[prandom_u32_state(&rnd) % r->len] =
				prandom_u32_state(&rnd);
		/* KASAN is the judge. */
		nbd_rx_feed(&r->rx, r->stream, r->len);
		KUNIT_EXPECT_LE(test, r->done, COMMANDS);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_byte_at_a_time),
	KUNIT_CASE(random_cuts),
	KUNIT_CASE(a_double_reply_ends_the_stream),
	KUNIT_CASE(mutations_stay_within_the_pages),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-rx",
	.test_cases = cases,
};

kunit_test_suite(suite);
