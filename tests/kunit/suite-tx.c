// SPDX-License-Identifier: GPL-2.0-only
/*
 * The transmitter: bursts, windows, and short sends at every byte; payloads that
 * travel by themselves, and payloads in the burst.
 */
#include <kunit/test.h>

#include "../../driver/tx.h"
#include "payload.h"

#define COMMANDS	8

struct sender {
	struct nbd_tx tx;
	struct nbd_cmd cmds[COMMANDS];
	u8 *wire;
	size_t sent;
	unsigned int finished;
};

/* Commands 2 and 5 are writes, the others have headers alone. */
static bool is_write(unsigned int i)
{
	return i == 2 || i == 5;
}

static struct sender *make(struct kunit *test, u32 copy)
{
	struct sender *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;
	u32 bytes;

	KUNIT_ASSERT_NOT_NULL(test, s);
	nbd_tx_init(&s->tx, copy);
	for (i = 0; i < COMMANDS; i++) {
		struct nbd_cmd *cmd = &s->cmds[i];

		if (is_write(i)) {
			cmd->bio = payload_alloc(test, &bytes);
			payload_fill(cmd->bio, i);
			cmd->payload = bytes;
		}
		nbd_encode_request(&cmd->hdr, is_write(i), i, i * 4096, bytes);
		nbd_cmd_issue(cmd, 1, 0);
		cmd->node.next = i + 1 < COMMANDS ? &cmd[1].node : NULL;
	}
	nbd_tx_add(&s->tx, &s->cmds[0].node);
	s->wire = kunit_kzalloc(test, COMMANDS * 28 + 2 * bytes, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s->wire);
	return s;
}

/* A socket that takes at most @most bytes of each piece. */
static bool step(struct kunit *test, struct sender *s, unsigned int window,
		 size_t most)
{
	struct nbd_tx_piece piece;
	struct nbd_cmd *cmd;
	size_t part;

	if (!nbd_tx_next(&s->tx, window, &piece))
		return false;
	part = min(most, iov_iter_count(piece.iter));
	KUNIT_ASSERT_EQ(test, part, copy_from_iter(s->wire + s->sent,
						   part, piece.iter));
	s->sent += part;
	while ((cmd = nbd_tx_sent(&s->tx, &part))) {
		KUNIT_EXPECT_PTR_EQ(test, cmd, &s->cmds[s->finished]);
		KUNIT_EXPECT_FALSE(test, nbd_cmd_sent(cmd));
		s->finished++;
	}
	return true;
}

static void check_wire(struct kunit *test, struct sender *s)
{
	u8 *at = s->wire;
	unsigned int i;
	u32 n;

	KUNIT_EXPECT_EQ(test, s->finished, COMMANDS);
	KUNIT_EXPECT_NULL(test, s->tx.first);
	for (i = 0; i < COMMANDS; i++) {
		KUNIT_EXPECT_EQ(test, 0, memcmp(at, &s->cmds[i].hdr, 28));
		at += 28;
		for (n = 0; n < s->cmds[i].payload; n++)
			KUNIT_ASSERT_EQ(test, *at++, payload_byte(i, n));
	}
	KUNIT_EXPECT_EQ(test, s->sent, at - s->wire);
}

static void headers_travel_in_bursts(struct kunit *test)
{
	struct sender *s = make(test, 0);
	struct nbd_tx_piece piece;

	/* Two reads and the header of the first write, more to follow. */
	KUNIT_ASSERT_TRUE(test, nbd_tx_next(&s->tx, 100, &piece));
	KUNIT_EXPECT_EQ(test, iov_iter_count(piece.iter), 3 * 28);
	KUNIT_EXPECT_TRUE(test, piece.more);
	KUNIT_EXPECT_FALSE(test, piece.payload);
}

static void send_in_parts(struct kunit *test, u32 copy, size_t most)
{
	struct sender *s = make(test, copy);

	while (step(test, s, 100, most))
		;
	check_wire(test, s);
}

static void short_sends(struct kunit *test)
{
	size_t most;

	for (most = 1; most < 60; most += 3) {
		send_in_parts(test, 0, most);
		send_in_parts(test, U32_MAX, most);
	}
	/* Cuts in every segment and bio of a payload that is in the burst. */
	for (most = 500; most < 9000; most += 331)
		send_in_parts(test, U32_MAX, most);
}

static void whole_pieces(struct kunit *test)
{
	struct sender *s = make(test, 0);
	unsigned int steps = 0;

	while (step(test, s, 100, SIZE_MAX))
		steps++;
	check_wire(test, s);
	/* Three bursts of headers, and each bio of the two writes. */
	KUNIT_EXPECT_EQ(test, steps, 3 + 2 * PAYLOAD_BIOS);
}

static void small_payloads_travel_in_the_burst(struct kunit *test)
{
	struct sender *s = make(test, U32_MAX);

	KUNIT_ASSERT_TRUE(test, step(test, s, 100, SIZE_MAX));
	check_wire(test, s);
}

static void a_large_payload_travels_alone(struct kunit *test)
{
	u32 payload = make(test, 0)->cmds[2].payload;
	struct sender *s = make(test, payload - 1);
	struct nbd_tx_piece piece;

	KUNIT_ASSERT_TRUE(test, nbd_tx_next(&s->tx, 100, &piece));
	KUNIT_EXPECT_EQ(test, iov_iter_count(piece.iter), 3 * 28);
	KUNIT_EXPECT_TRUE(test, piece.more);
}

static void the_window_holds(struct kunit *test)
{
	struct sender *s = make(test, 0);
	struct nbd_tx_piece piece;

	KUNIT_EXPECT_FALSE(test, nbd_tx_next(&s->tx, 0, &piece));
	KUNIT_ASSERT_TRUE(test, nbd_tx_next(&s->tx, 1, &piece));
	KUNIT_EXPECT_EQ(test, iov_iter_count(piece.iter), 28);
	/* Nothing may follow, so the socket must not wait for more. */
	KUNIT_EXPECT_FALSE(test, piece.more);
	KUNIT_EXPECT_EQ(test, s->tx.begun, 1);
}

static void nothing_is_held_back_at_the_end(struct kunit *test)
{
	struct sender *s = make(test, 0);
	struct nbd_tx_piece piece;
	bool more = true;
	size_t part;

	while (nbd_tx_next(&s->tx, 100, &piece)) {
		more = piece.more;
		part = iov_iter_count(piece.iter);
		iov_iter_advance(piece.iter, part);
		while (nbd_tx_sent(&s->tx, &part))
			;
	}
	KUNIT_EXPECT_FALSE(test, more);
}

static void drain_returns_what_is_left(struct kunit *test)
{
	struct sender *s = make(test, 0);
	struct llist_node *node;
	unsigned int left = 0;

	/* The first two reads, and a part of the write's header. */
	KUNIT_ASSERT_TRUE(test, step(test, s, 100, 2 * 28 + 5));
	KUNIT_EXPECT_EQ(test, s->finished, 2);
	KUNIT_EXPECT_EQ(test, s->tx.offset, 5);
	llist_for_each(node, nbd_tx_drain(&s->tx))
		left++;
	KUNIT_EXPECT_EQ(test, left, COMMANDS - 2);
	KUNIT_EXPECT_NULL(test, s->tx.first);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(headers_travel_in_bursts),
	KUNIT_CASE(short_sends),
	KUNIT_CASE(whole_pieces),
	KUNIT_CASE(small_payloads_travel_in_the_burst),
	KUNIT_CASE(a_large_payload_travels_alone),
	KUNIT_CASE(the_window_holds),
	KUNIT_CASE(nothing_is_held_back_at_the_end),
	KUNIT_CASE(drain_returns_what_is_left),
	{ }
};

static struct kunit_suite suite = {
	.name = "nbd-tx",
	.test_cases = cases,
};

kunit_test_suite(suite);
