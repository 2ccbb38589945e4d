// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The handshake with servers of every kind that are in order: whole, in
 * pieces, cut short, with every bit flipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "negotiate-script.h"

static void script_go(void)
{
	greet(FIXED);
	reply_blocks(NBD_OPT_GO, 1, 4096, 32 << 20);
	reply_text(NBD_OPT_GO, NBD_INFO_NAME, "disk");
	reply_text(NBD_OPT_GO, 77, "kind of the future");
	reply_text(NBD_OPT_GO, NBD_INFO_DESCRIPTION, "a disk");
	reply_export(NBD_OPT_GO, SIZE, FLAGS);
	reply(NBD_OPT_GO, NBD_REP_ACK, 0);
}

static void script_fallback(void)
{
	greet(FIXED);
	reply_error(NBD_OPT_GO, NBD_ERR_UNSUP, "what?");
	put64(SIZE);
	put16(FLAGS);
}

static void script_fallback_zeroes(void)
{
	greet(NBD_HS_FIXED_NEWSTYLE);
	reply_error(NBD_OPT_GO, NBD_ERR_UNSUP, "");
	put64(SIZE);
	put16(FLAGS);
	fill(NBD_EXPORT_NAME_ZEROES);
}

static void script_by_name(void)
{
	greet(FIXED);
	put64(SIZE);
	put16(FLAGS);
}

static void script_by_name_zeroes(void)
{
	greet(NBD_HS_FIXED_NEWSTYLE);
	put64(SIZE);
	put16(FLAGS);
	fill(NBD_EXPORT_NAME_ZEROES);
}

static void script_old(void)
{
	greet(0);
	put64(SIZE);
	put16(FLAGS);
	fill(NBD_EXPORT_NAME_ZEROES);
}

static void script_info(void)
{
	greet(FIXED);
	reply_export(NBD_OPT_INFO, SIZE, FLAGS);
	reply(NBD_OPT_INFO, NBD_REP_ACK, 0);
}

static void script_list(void)
{
	greet(FIXED);
	reply_server("disk", "a disk");
	reply_server("", "");
	reply(NBD_OPT_LIST, NBD_REP_ACK, 0);
}

struct good {
	const char *name;
	void (*script)(void);
	const struct neg_request *request;
	enum neg_phase end;
};

static const struct good goods[] = {
	{ "go", script_go, &go, NEG_TRANSMISSION },
	{ "fallback", script_fallback, &go, NEG_TRANSMISSION },
	{ "fallback with zeroes", script_fallback_zeroes, &go,
	  NEG_TRANSMISSION },
	{ "by name", script_by_name, &by_name, NEG_TRANSMISSION },
	{ "by name with zeroes", script_by_name_zeroes, &by_name,
	  NEG_TRANSMISSION },
	{ "old", script_old, &go, NEG_TRANSMISSION },
	{ "old by name", script_old, &by_name, NEG_TRANSMISSION },
	{ "info", script_info, &info, NEG_READY },
	{ "list", script_list, &list, NEG_READY },
};

static void test_pieces(void **state)
{
	size_t i, piece;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		goods[i].script();
		for (piece = 1; piece <= script.len; piece++) {
			begin(goods[i].request);
			assert_int_equal(play(script.len, piece), script.len);
			assert_int_equal(neg.phase, goods[i].end);
			assert_int_equal(neg.refusal, 0);
			if (goods[i].request == &list)
				continue;
			assert_true(neg.export.size == SIZE);
			assert_int_equal(neg.export.flags, FLAGS);
		}
	}
}

/* What follows the handshake is not ours to read. */
static void test_not_beyond(void **state)
{
	size_t i, whole;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		goods[i].script();
		whole = script.len;
		fill(100);
		begin(goods[i].request);
		assert_int_equal(play(script.len, SIZE_MAX), whole);
	}
}

static void test_truncation(void **state)
{
	size_t i, len, whole;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		goods[i].script();
		whole = script.len;
		for (len = 0; len < whole; len++) {
			begin(goods[i].request);
			play(len, SIZE_MAX);
			assert_int_equal(neg.phase, NEG_FAILED);
			assert_non_null(strstr(neg.err.text, "closed"));
		}
	}
}

static void check_invariants(void)
{
	const struct export *e = &neg.export;

	if (neg.phase == NEG_FAILED) {
		assert_int_not_equal(neg.err.status, ST_OK);
		assert_true(strlen(neg.err.text) > 0);
		return;
	}
	if (neg.phase == NEG_READY)
		return;
	assert_int_equal(neg.phase, NEG_TRANSMISSION);
	assert_true(neg.got_export);
	assert_true(e->size <= INT64_MAX);
	assert_true(e->minimum && e->minimum <= 65536);
	assert_true(e->preferred >= e->minimum && e->maximum >= e->preferred);
}

static void test_bit_flips(void **state)
{
	size_t i, bit, bits;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		goods[i].script();
		bits = script.len * 8;
		for (bit = 0; bit < bits; bit++) {
			script.data[bit / 8] ^= 1 << bit % 8;
			run(goods[i].request);
			check_invariants();
			script.data[bit / 8] ^= 1 << bit % 8;
		}
	}
}

static void test_random_bytes(void **state)
{
	unsigned int seed = 1, round;
	size_t i;

	(void)state;
	for (round = 0; round < 20000; round++) {
		goods[round % ARRAY_SIZE(goods)].script();
		for (i = 0; i < 1 + round % 5; i++)
			script.data[16 + rand_r(&seed) % (script.len - 16)] =
				(unsigned char)rand_r(&seed);
		run(goods[round % ARRAY_SIZE(goods)].request);
		check_invariants();
	}
}

/* What is sent, byte by byte. */
static void test_sent_go(void **state)
{
	static const unsigned char expected[] =
		"\0\0\0\3"
		"IHAVEOPT\0\0\0\7\0\0\0\20"
		"\0\0\0\4disk\0\3\0\3\0\1\0\2";

	(void)state;
	script_go();
	run(&go);
	assert_int_equal(sent.len, sizeof(expected) - 1);
	assert_memory_equal(sent.data, expected, sent.len);
}

static void test_sent_fallback(void **state)
{
	static const unsigned char expected[] =
		"IHAVEOPT\0\0\0\1\0\0\0\4disk";

	(void)state;
	script_fallback();
	run(&go);
	assert_true(sent.len > sizeof(expected));
	assert_memory_equal(sent.data + sent.len - (sizeof(expected) - 1),
			    expected, sizeof(expected) - 1);
}

/* Neither GO nor INFO, which some servers that are otherwise in order do not stand. */
static void test_sent_by_name(void **state)
{
	static const unsigned char expected[] =
		"\0\0\0\3"
		"IHAVEOPT\0\0\0\1\0\0\0\4disk";

	(void)state;
	script_by_name();
	run(&by_name);
	assert_int_equal(sent.len, sizeof(expected) - 1);
	assert_memory_equal(sent.data, expected, sent.len);
}

/* Only flags that the server has, and that we know, are sent back. */
static void test_sent_flags(void **state)
{
	(void)state;
	greet(0xfffd);
	run(&go);
	assert_memory_equal(sent.data, "\0\0\0\1", 4);
	script_old();
	run(&go);
	assert_memory_equal(sent.data, "\0\0\0\0IHAVEOPT\0\0\0\1", 16);
}

static void test_results(void **state)
{
	(void)state;
	script_go();
	run(&go);
	assert_true(neg.export.has_block);
	assert_int_equal(neg.export.minimum, 1);
	assert_int_equal(neg.export.maximum, 32 << 20);
	assert_string_equal(neg.export.name, "disk");
	assert_string_equal(neg.export.description, "a disk");

	script_fallback();
	run(&go);
	assert_false(neg.export.has_block);
	assert_int_equal(neg.export.minimum, 512);
	assert_int_equal(neg.export.preferred, 4096);

	script_list();
	run(&list);
	assert_int_equal(neg.nr_entries, 2);
	assert_string_equal(neg.entries[0].name, "disk");
	assert_string_equal(neg.entries[0].description, "a disk");
	assert_int_equal(neg.entries[1].name_len, 0);
}

/* After a refusal the connection is still good for other questions. */
static void test_again(void **state)
{
	(void)state;
	greet(FIXED);
	reply_error(NBD_OPT_INFO, NBD_ERR_UNKNOWN, "");
	run(&info);
	assert_int_equal(neg.refusal, NBD_ERR_UNKNOWN);

	script.len = 0;
	reply_export(NBD_OPT_INFO, 4096, FLAGS);
	reply(NBD_OPT_INFO, NBD_REP_ACK, 0);
	neg_request(&neg, &info);
	play(script.len, SIZE_MAX);
	assert_int_equal(neg.phase, NEG_READY);
	assert_int_equal(neg.refusal, 0);
	assert_true(neg.export.size == 4096);
}

static void test_old_cannot(void **state)
{
	(void)state;
	greet(NBD_HS_NO_ZEROES);
	run(&list);
	assert_int_equal(neg.phase, NEG_FAILED);
	assert_int_equal(neg.err.status, ST_REFUSED);
	greet(0);
	run(&info);
	assert_int_equal(neg.phase, NEG_FAILED);
}

/* EXPORT_NAME has no error reply: the server just hangs up. */
static void hung_up(u16 flags, const struct neg_request *request)
{
	greet(flags);
	run(request);
	assert_int_equal(neg.phase, NEG_FAILED);
	assert_int_equal(neg.err.status, ST_REFUSED);
	assert_non_null(strstr(neg.err.text, "\"disk\""));
}

static void test_unknown_by_name(void **state)
{
	(void)state;
	hung_up(0, &go);
	hung_up(FIXED, &by_name);
}

static void test_longest_name(void **state)
{
	static char name[NBD_MAX_STRING];
	const struct neg_request request = {
		NEG_GO, name, sizeof(name), true, false,
	};

	(void)state;
	memset(name, '\033', sizeof(name));
	script_fallback();
	run(&request);
	assert_int_equal(neg.phase, NEG_TRANSMISSION);
	script.len -= 10;
	run(&request);
	assert_int_equal(neg.phase, NEG_FAILED);
	assert_null(strchr(neg.err.text, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_not_beyond),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_sent_go),
		cmocka_unit_test(test_sent_fallback),
		cmocka_unit_test(test_sent_by_name),
		cmocka_unit_test(test_sent_flags),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_old_cannot),
		cmocka_unit_test(test_unknown_by_name),
		cmocka_unit_test(test_longest_name),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	neg_release(&neg);
	return failed;
}
