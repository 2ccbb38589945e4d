// SPDX-License-Identifier: GPL-2.0-or-later
/* The handshake with servers that refuse, babble or lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "negotiate-script.h"

static void test_not_nbd(void **state)
{
	(void)state;
	script.len = 0;
	put("SSH-2.0-\033[31m", 13);
	run(&go);
	expect_failure("not an NBD server: its first bytes are \"SSH-2.0-\"");

	script.len = 0;
	put64(NBD_MAGIC);
	put64(NBD_OLDSTYLE_MAGIC);
	fill(136);
	run(&go);
	expect_failure("oldstyle");

	script.len = 0;
	put64(NBD_MAGIC);
	put64(NBD_OPTION_MAGIC + 1);
	run(&go);
	expect_failure("not an NBD server");
}

static void test_wrong_reply(void **state)
{
	(void)state;
	greet(FIXED);
	put64(NBD_OPTION_REPLY_MAGIC ^ 1);
	fill(12);
	run(&go);
	expect_failure("magic");

	greet(FIXED);
	reply(NBD_OPT_LIST, NBD_REP_ACK, 0);
	run(&go);
	expect_failure("reply is to option 3, but option 7");

	greet(FIXED);
	reply(NBD_OPT_GO, NBD_REP_SERVER, 4);
	put32(0);
	run(&go);
	expect_failure("unexpected reply type 2");

	greet(FIXED);
	reply_export(NBD_OPT_LIST, SIZE, FLAGS);
	run(&list);
	expect_failure("unexpected reply type 3");

	greet(FIXED);
	reply(NBD_OPT_GO, 4, 0);
	run(&go);
	expect_failure("unexpected reply type 4");
}

static void test_one_export(void **state)
{
	(void)state;
	greet(FIXED);
	reply(NBD_OPT_GO, NBD_REP_ACK, 0);
	run(&go);
	expect_failure("without describing");

	greet(FIXED);
	reply_export(NBD_OPT_GO, SIZE, FLAGS);
	reply_export(NBD_OPT_GO, SIZE, FLAGS);
	reply(NBD_OPT_GO, NBD_REP_ACK, 0);
	run(&go);
	expect_failure("twice");

	/* A description before the fallback does not count for it. */
	greet(FIXED);
	reply_blocks(NBD_OPT_GO, 4096, 4096, 4096);
	reply_export(NBD_OPT_GO, SIZE, FLAGS);
	reply_error(NBD_OPT_GO, NBD_ERR_UNSUP, "");
	put64(4096);
	put16(FLAGS);
	run(&go);
	assert_int_equal(neg.phase, NEG_TRANSMISSION);
	assert_true(neg.export.size == 4096);
	assert_int_equal(neg.export.minimum, 512);

	greet(FIXED);
	reply_export(NBD_OPT_GO, SIZE, FLAGS);
	reply(NBD_OPT_GO, NBD_REP_ACK, 1);
	fill(1);
	run(&go);
	expect_failure("carries data");
}

static void test_sizes(void **state)
{
	(void)state;
	greet(FIXED);
	reply_export(NBD_OPT_GO, 1ULL << 63, FLAGS);
	run(&go);
	expect_failure("out of range");

	greet(0);
	put64(~0ULL);
	put16(FLAGS);
	run(&go);
	expect_failure("out of range");

	greet(FIXED);
	reply_export(NBD_OPT_GO, INT64_MAX, FLAGS);
	reply(NBD_OPT_GO, NBD_REP_ACK, 0);
	run(&go);
	assert_int_equal(neg.phase, NEG_TRANSMISSION);
}

/* Without HAS_FLAGS nothing is promised, but a ban stays a ban. */
static void test_no_has_flags(void **state)
{
	(void)state;
	greet(FIXED);
	reply_export(NBD_OPT_GO, SIZE, 0xffff & ~NBD_FLAG_HAS_FLAGS);
	reply(NBD_OPT_GO, NBD_REP_ACK, 0);
	run(&go);
	assert_int_equal(neg.phase, NEG_TRANSMISSION);
	assert_int_equal(neg.export.flags, NBD_FLAG_READ_ONLY);
}

static void test_block_sizes(void **state)
{
	static const struct {
		u32 minimum, preferred, maximum;
		bool good;
	} rows[] = {
		{ 1, 512, 512, true },
		{ 65536, 65536, 65536, true },
		{ 1, 4096, NBD_NO_MAXIMUM, true },
		{ 512, 4096, 4097, true },
		{ 0, 4096, 65536, false },
		{ 3, 4096, 65536, false },
		{ 131072, 131072, 131072, false },
		{ 1, 0, 65536, false },
		{ 1, 256, 65536, false },
		{ 1, 4097, 65536, false },
		{ 4096, 512, 65536, false },
		{ 1, 4096, 4095, false },
		{ 1, 4096, 0, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		greet(FIXED);
		reply_blocks(NBD_OPT_GO, rows[i].minimum, rows[i].preferred,
			     rows[i].maximum);
		reply_export(NBD_OPT_GO, SIZE, FLAGS);
		reply(NBD_OPT_GO, NBD_REP_ACK, 0);
		run(&go);
		if (rows[i].good)
			assert_int_equal(neg.phase, NEG_TRANSMISSION);
		else
			expect_failure("impossible block sizes");
	}
	greet(FIXED);
	reply_blocks(NBD_OPT_GO, 1, 4096, 65536);
	reply_blocks(NBD_OPT_GO, 1, 4096, 65536);
	run(&go);
	expect_failure("block sizes twice");
}

/* Every kind of reply with every length around the right one. */
static void test_lengths(void **state)
{
	static const u16 kinds[] = { NBD_INFO_EXPORT, NBD_INFO_BLOCK_SIZE };
	static const u32 right[] = { NBD_INFO_EXPORT_LEN, NBD_INFO_BLOCK_LEN };
	size_t i;
	u32 len;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (len = 0; len < 32; len++) {
			if (len == right[i])
				continue;
			greet(FIXED);
			reply(NBD_OPT_GO, NBD_REP_INFO, len);
			put16(kinds[i]);
			fill(64);
			run(&go);
			expect_failure("wrong length");
		}
	}
	for (len = 0; len < 4; len++) {
		greet(FIXED);
		reply(NBD_OPT_LIST, NBD_REP_SERVER, len);
		fill(len);
		run(&list);
		expect_failure("wrong length");
	}
	greet(FIXED);
	reply(NBD_OPT_LIST, NBD_REP_SERVER, 8);
	put32(5);
	fill(4);
	run(&list);
	expect_failure("wrong length");
}

static void check_string(u16 kind, u32 len, bool good)
{
	greet(FIXED);
	reply(NBD_OPT_GO, NBD_REP_INFO, 2 + len);
	put16(kind);
	fill(len > NEG_MAX_REPLY ? NEG_MAX_REPLY : len);
	reply_export(NBD_OPT_GO, SIZE, FLAGS);
	reply(NBD_OPT_GO, NBD_REP_ACK, 0);
	run(&go);
	if (good)
		assert_int_equal(neg.phase, NEG_TRANSMISSION);
	else
		expect_failure("too long");
}

static void test_long_strings(void **state)
{
	static const u16 kinds[] = { NBD_INFO_NAME, NBD_INFO_DESCRIPTION };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		check_string(kinds[i], 0, true);
		check_string(kinds[i], NBD_MAX_STRING, true);
		check_string(kinds[i], NBD_MAX_STRING + 1, false);
		check_string(kinds[i], sizeof(neg.in) - 2, false);
		check_string(kinds[i], sizeof(neg.in) - 1, false);
		check_string(kinds[i], NEG_MAX_REPLY - 2, false);
	}
	/* An unknown kind may be longer than any string. */
	check_string(77, NEG_MAX_REPLY - 2, true);
	check_string(77, NEG_MAX_REPLY - 1, false);
	check_string(77, 0xfffffff0, false);
}

static void check_names(u32 name, u32 description, bool good)
{
	greet(FIXED);
	reply(NBD_OPT_LIST, NBD_REP_SERVER, 4 + name + description);
	put32(name);
	fill(name + description);
	reply(NBD_OPT_LIST, NBD_REP_ACK, 0);
	run(&list);
	if (good)
		assert_int_equal(neg.phase, NEG_READY);
	else
		expect_failure("too long");
}

static void test_long_names(void **state)
{
	(void)state;
	check_names(NBD_MAX_STRING, NBD_MAX_STRING, true);
	check_names(NBD_MAX_STRING + 1, 0, false);
	check_names(0, NBD_MAX_STRING + 1, false);
	check_names(NBD_MAX_STRING, NBD_MAX_STRING + 100, false);
}

static void test_endless(void **state)
{
	unsigned int i;

	(void)state;
	greet(FIXED);
	for (i = 0; i < NEG_MAX_REPLIES + 1; i++)
		reply_text(NBD_OPT_GO, 77, "more");
	run(&go);
	expect_failure("too many replies");

	greet(FIXED);
	for (i = 0; i < NEG_MAX_EXPORTS + 2; i++)
		reply_server("x", "");
	run(&list);
	expect_failure("too many replies");

	greet(FIXED);
	for (i = 0; i < NEG_MAX_EXPORTS; i++)
		reply_server("x", "");
	reply(NBD_OPT_LIST, NBD_REP_ACK, 0);
	run(&list);
	assert_int_equal(neg.phase, NEG_READY);
	assert_int_equal(neg.nr_entries, NEG_MAX_EXPORTS);
}

/* Few replies, but long ones. */
static void test_endless_bytes(void **state)
{
	unsigned int i;

	(void)state;
	begin(&list);
	greet(FIXED);
	take_output();
	neg_feed(&neg, script.data, script.len);
	for (i = 0; i < NEG_MAX_EXPORTS && neg.phase != NEG_FAILED; i++) {
		script.len = 0;
		reply(NBD_OPT_LIST, NBD_REP_SERVER, 4 + 2 * NBD_MAX_STRING);
		put32(NBD_MAX_STRING);
		fill(2 * NBD_MAX_STRING);
		take_output();
		neg_feed(&neg, script.data, script.len);
	}
	expect_failure("too many replies");
	assert_true(i < 600);
}

static void test_refusals(void **state)
{
	static const struct {
		u32 code;
		const char *words;
	} rows[] = {
		{ NBD_ERR_POLICY, "policy" },
		{ NBD_ERR_INVALID, "invalid" },
		{ NBD_ERR_PLATFORM, "platform" },
		{ NBD_ERR_TLS_REQD, "TLS" },
		{ NBD_ERR_UNKNOWN, "no such export" },
		{ NBD_ERR_SHUTDOWN, "shutting down" },
		{ NBD_ERR_BLOCK_SIZE_REQD, "block size" },
		{ NBD_ERR_TOO_BIG, "too big" },
		{ 999, "error 0x800003e7" },
		{ 0, "error 0x80000000" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		greet(FIXED);
		reply_error(NBD_OPT_GO, rows[i].code, "its\nown \033[31mwords");
		run(&go);
		assert_int_equal(neg.phase, NEG_READY);
		assert_true(neg.refusal);
		assert_int_equal(neg.err.status, ST_REFUSED);
		assert_non_null(strstr(neg.err.text, rows[i].words));
		assert_non_null(strstr(neg.err.text, "\"disk\""));
		assert_non_null(strstr(neg.err.text,
				       "its\\x0aown \\x1b[31mwords"));
	}
	/* However long the words, the message stays in its bounds. */
	greet(FIXED);
	reply(NBD_OPT_GO, NBD_REP_ERR(NBD_ERR_UNKNOWN), NEG_MAX_REPLY);
	fill(NEG_MAX_REPLY);
	run(&go);
	assert_int_equal(neg.phase, NEG_READY);
	assert_non_null(strstr(neg.err.text, "...\")"));
}

/* A server that answers before it was asked is not heard until we have. */
static void test_early_answers(void **state)
{
	(void)state;
	greet(FIXED);
	reply_error(NBD_OPT_GO, NBD_ERR_UNSUP, "");
	put64(SIZE);
	put16(FLAGS);
	begin(&go);
	neg_feed(&neg, script.data, script.len);
	assert_int_equal(neg_want(&neg), 0);
	assert_int_equal(neg.phase, NEG_REPLY);
	take_output();
	assert_int_equal(neg_want(&neg), NBD_REPLY_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_nbd),
		cmocka_unit_test(test_wrong_reply),
		cmocka_unit_test(test_one_export),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_no_has_flags),
		cmocka_unit_test(test_block_sizes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_long_strings),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_endless_bytes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_early_answers),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	neg_release(&neg);
	return failed;
}
