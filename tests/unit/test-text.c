// SPDX-License-Identifier: GPL-2.0-or-later
/* Foreign text on its way to a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

static void check_escape(const char *in, const char *out)
{
	char shown[64];

	assert_string_equal(text_escape(shown, sizeof(shown), in, strlen(in)),
			    out);
}

static void test_escape(void **state)
{
	char small[8], exact[12];

	(void)state;
	check_escape("plain text", "plain text");
	check_escape("a\\b", "a\\\\b");
	check_escape("\033[2J\007\r\n\t\177", "\\x1b[2J\\x07\\x0d\\x0a\\x09\\x7f");
	check_escape("Gr\xc3\xbc\xc3\x9f! \xe2\x82\xac \xf0\x9f\x98\x80",
		     "Gr\xc3\xbc\xc3\x9f! \xe2\x82\xac \xf0\x9f\x98\x80");
	/* C1 controls, overlong, surrogate, beyond Unicode, cut off. */
	check_escape("\xc2\x9b", "\\xc2\\x9b");
	check_escape("\xc0\x9b", "\\xc0\\x9b");
	check_escape("\xed\xa0\x80", "\\xed\\xa0\\x80");
	check_escape("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	check_escape("\xe2\x82", "\\xe2\\x82");
	check_escape("\xff", "\\xff");
	/* Right-to-left override, zero width space, byte order mark. */
	check_escape("\xe2\x80\xae", "\\xe2\\x80\\xae");
	check_escape("\xe2\x80\x8b", "\\xe2\\x80\\x8b");
	check_escape("\xef\xbb\xbf", "\\xef\\xbb\\xbf");

	assert_string_equal(text_escape(small, sizeof(small), "12345678", 8),
			    "1234...");
	assert_string_equal(text_escape(exact, sizeof(exact), "\0\0\0", 3),
			    "\\x00\\x00...");
	assert_string_equal(text_escape(small, sizeof(small), "", 0), "");
	assert_true(text_is_utf8("\xe2\x82\xac", 3));
	assert_false(text_is_utf8("\xe2\x82", 2));
	assert_false(text_is_utf8("\0", 1));
}

static void test_json(void **state)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	/* What JSON has escaped stays; a line break between values does, too. */
	text_print_json(f, "{\n \"a\": \"\\u001b\xc2\x9b\x7f\xe2\x80\xae\xe2\x82\xac\\\"\" }");
	fclose(f);
	assert_string_equal(text,
			    "{\n \"a\": \"\\u001b\\u009b\\u007f\\u202e\xe2\x82\xac\\\"\" }");
	free(text);
}

static void test_text_size(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(text_size(out, sizeof(out), 0), "0");
	assert_string_equal(text_size(out, sizeof(out), 1023), "1023");
	assert_string_equal(text_size(out, sizeof(out), 1024), "1K");
	assert_string_equal(text_size(out, sizeof(out), 1536), "1.5K");
	assert_string_equal(text_size(out, sizeof(out), 2047), "1.9K");
	assert_string_equal(text_size(out, sizeof(out), 5ULL << 40), "5T");
	assert_string_equal(text_size(out, sizeof(out), ~0ULL), "15.9E");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
