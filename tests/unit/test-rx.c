// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive parser: the same stream in every cut gives the same replies, and
 * no stream makes it write where it should not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <asm/byteorder.h>

#include "../../driver/rx.h"

#define COMMANDS	32
#define PIECES		3
#define PIECE		700

/* One command: up to three separate pieces of payload, as bios are. */
struct command {
	u8 data[PIECES][PIECE];
	size_t len[PIECES];
	unsigned int replies;
	int error;
};

struct user {
	struct nbd_rx rx;
	struct command commands[COMMANDS];
	struct command *current;
	unsigned int piece;
	unsigned int done;
};

static struct user *user_of(struct nbd_rx *rx)
{
	return (struct user *)((char *)rx - offsetof(struct user, rx));
}

static int on_reply(struct nbd_rx *rx, const struct nbd_reply_info *info)
{
	struct user *user = user_of(rx);

	assert_null(user->current);
	if (info->cookie >= COMMANDS || user->commands[info->cookie].replies)
		return -EBADMSG;
	user->current = &user->commands[info->cookie];
	user->current->replies++;
	user->current->error = info->error;
	user->piece = info->error ? PIECES : 0;
	return 0;
}

static size_t on_more(struct nbd_rx *rx)
{
	struct user *user = user_of(rx);
	struct command *command = user->current;
	struct kvec vec;

	while (user->piece < PIECES && !command->len[user->piece])
		user->piece++;
	if (user->piece == PIECES)
		return 0;
	vec.iov_base = command->data[user->piece];
	vec.iov_len = command->len[user->piece++];
	iov_iter_kvec(&rx->iter, ITER_DEST, &vec, 1, vec.iov_len);
	return vec.iov_len;
}

static void on_done(struct nbd_rx *rx)
{
	struct user *user = user_of(rx);

	assert_non_null(user->current);
	user->current = NULL;
	user->done++;
}

static const struct nbd_rx_ops ops = {
	.reply	= on_reply,
	.more	= on_more,
	.done	= on_done,
};

struct stream {
	u8 bytes[COMMANDS * (16 + PIECES * PIECE)];
	size_t len;
};

static void add_header(struct stream *s, u32 error, u64 cookie)
{
	struct nbd_reply reply = {
		.magic	= cpu_to_be32(NBD_REPLY_MAGIC),
		.error	= cpu_to_be32(error),
		.cookie	= cpu_to_be64(cookie),
	};

	memcpy(s->bytes + s->len, &reply, sizeof(reply));
	s->len += sizeof(reply);
}

static u8 pattern(unsigned int command, unsigned int piece, size_t at)
{
	return command * 31 + piece * 7 + at;
}

/* Replies in a scrambled order; every seventh carries an error. */
static void make_stream(struct user *user, struct stream *s)
{
	unsigned int i, piece;
	size_t at;

	memset(user, 0, sizeof(*user));
	nbd_rx_init(&user->rx, &ops);
	s->len = 0;
	for (i = 0; i < COMMANDS; i++) {
		unsigned int number = i * 13 % COMMANDS;
		struct command *command = &user->commands[number];

		for (piece = 0; piece < PIECES; piece++)
			command->len[piece] = (number + piece) % 4 ?
				(number * 97 + piece * 11) % PIECE : 0;
		add_header(s, i % 7 == 6 ? NBD_ENOSPC : 0, number);
		for (piece = 0; i % 7 != 6 && piece < PIECES; piece++)
			for (at = 0; at < command->len[piece]; at++)
				s->bytes[s->len++] = pattern(number, piece, at);
	}
}

static void check_result(const struct user *user)
{
	unsigned int i, piece;
	size_t at;

	assert_int_equal(user->done, COMMANDS);
	assert_int_equal(user->rx.state, NBD_RX_HEADER);
	for (i = 0; i < COMMANDS; i++) {
		const struct command *command = &user->commands[i];

		assert_int_equal(command->replies, 1);
		for (piece = 0; piece < PIECES; piece++)
			for (at = 0; at < PIECE; at++)
				assert_int_equal(command->data[piece][at],
						 !command->error &&
						 at < command->len[piece] ?
						 pattern(i, piece, at) : 0);
	}
}

static void one_byte_at_a_time(void **state)
{
	static struct stream s;
	static struct user user;
	size_t i;

	(void)state;
	make_stream(&user, &s);
	for (i = 0; i < s.len; i++)
		assert_int_equal(nbd_rx_feed(&user.rx, s.bytes + i, 1), 0);
	check_result(&user);
}

static void all_at_once(void **state)
{
	static struct stream s;
	static struct user user;

	(void)state;
	make_stream(&user, &s);
	assert_int_equal(nbd_rx_feed(&user.rx, s.bytes, s.len), 0);
	check_result(&user);
}

static void random_cuts(void **state)
{
	static struct stream s;
	static struct user user;
	unsigned int round;

	(void)state;
	srand(1);
	for (round = 0; round < 300; round++) {
		size_t at = 0;

		make_stream(&user, &s);
		while (at < s.len) {
			size_t part = 1 + (size_t)rand() % 2000;

			part = part < s.len - at ? part : s.len - at;
			assert_int_equal(nbd_rx_feed(&user.rx, s.bytes + at,
						     part), 0);
			at += part;
		}
		check_result(&user);
	}
}

static void a_second_reply_ends_the_stream(void **state)
{
	static struct stream s;
	static struct user user;

	(void)state;
	make_stream(&user, &s);
	add_header(&s, 0, 5);
	assert_int_equal(nbd_rx_feed(&user.rx, s.bytes, s.len), -EBADMSG);
	assert_int_equal(user.done, COMMANDS);
}

static void a_wrong_magic_ends_the_stream_at_once(void **state)
{
	static struct stream s;
	static struct user user;

	(void)state;
	make_stream(&user, &s);
	s.bytes[3] ^= 1;
	assert_int_equal(nbd_rx_feed(&user.rx, s.bytes, s.len), -EPROTO);
	assert_int_equal(user.done, 0);
}

/* Nothing to compare: the sanitizers are the judges. */
static void mutated_streams_are_harmless(void **state)
{
	static struct stream s;
	static struct user user;
	unsigned int round, change;

	(void)state;
	srand(2);
	for (round = 0; round < 5000; round++) {
		make_stream(&user, &s);
		for (change = 0; change < 1 + round % 5; change++)
			s.bytes[(size_t)rand() % s.len] = rand();
		nbd_rx_feed(&user.rx, s.bytes, (size_t)rand() % s.len);
		assert_true(user.done <= COMMANDS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_byte_at_a_time),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(random_cuts),
		cmocka_unit_test(a_second_reply_ends_the_stream),
		cmocka_unit_test(a_wrong_magic_ends_the_stream_at_once),
		cmocka_unit_test(mutated_streams_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
