// SPDX-License-Identifier: GPL-2.0-or-later
/* What the monitor does without I/O: its pauses, and what it keeps in files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/nbd-netlink.h>

#include "backoff.h"
#include "state.h"

static void test_backoff(void **state)
{
	static const u32 middle[] = {
		100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(middle); i++) {
		u32 ms = middle[i];

		assert_int_equal(backoff_ms(i + 1, 0), ms - ms / 4);
		assert_int_equal(backoff_ms(i + 1, 1U << 31), ms);
		assert_in_range(backoff_ms(i + 1, UINT32_MAX),
				ms + ms / 4 - 1, ms + ms / 4);
	}
	assert_int_equal(backoff_ms(0, 1U << 31), 100);
	assert_int_equal(backoff_ms(UINT32_MAX, 1U << 31), 10000);
}

static void test_attach(void **state)
{
	struct state_attach s = {
		.backend = "nbd://a/x%22%5C",
		.pid = UINT32_MAX,
		.serial = UINT32_MAX,
		.alternates = { "nbd://b/", "nbd+unix:///?socket=/run/s" },
		.n = 2,
	};
	struct state_attach read;
	char *text = state_write_attach(&s);

	(void)state;
	assert_non_null(text);
	assert_true(state_read_attach(&read, text));
	free(text);
	assert_string_equal(read.backend, s.backend);
	assert_true(read.pid == UINT32_MAX);
	assert_true(read.serial == UINT32_MAX);
	assert_int_equal(read.n, 2);
	assert_string_equal(read.alternates[0], s.alternates[0]);
	assert_string_equal(read.alternates[1], s.alternates[1]);
	state_free_attach(&read);
	assert_int_equal(read.n, 0);
	assert_null(read.backend);

	/* Without a serial it is what an older nbdctl writes. */
	s.n = 0;
	s.serial = 0;
	text = state_write_attach(&s);
	assert_null(strstr(text, "serial"));
	assert_true(state_read_attach(&read, text));
	assert_int_equal(read.n, 0);
	assert_int_equal(read.serial, 0);
	free(text);
	state_free_attach(&read);
}

static void test_tries(void **state)
{
	struct state_tries s = {
		.backend = "nbd://a/",
		.pid = 7,
		.serial = 8,
		.tries = 1ULL << 40,
		.lost = 1,
		.last = INT64_MAX,
		.error = "cannot \"connect\" to \xc3\xa9: \\x1b",
	};
	struct state_tries read;
	char *text = state_write_tries(&s);

	(void)state;
	assert_non_null(text);
	assert_true(state_read_tries(&read, text));
	free(text);
	assert_string_equal(read.backend, s.backend);
	assert_int_equal(read.pid, 7);
	assert_int_equal(read.serial, 8);
	assert_true(read.tries == s.tries);
	assert_true(read.lost == 1);
	assert_true(read.last == INT64_MAX);
	assert_string_equal(read.error, s.error);
	state_free_tries(&read);
	assert_null(read.error);
}

#define ID	"\"backend\": \"b\", \"pid\": 1"
#define URIS(n)	"{" ID ", \"alternates\": [" n "]}"
#define TRIES(n, error) \
	"{" ID ", \"tries\": " n ", \"lost_ms\": 1, \"last_try_ms\": 1, " \
	"\"last_error\": " error "}"
#define EIGHT	"\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\""

/* Whatever a file holds, it is taken as a whole or not at all. */
static void test_odd_files(void **state)
{
	static const char * const bad[] = {
		"", " ", "null", "[]", "{}", "1", "{", "\"", "{" ID "}",
		"{\"backend\": \"b\", \"alternates\": []}",
		"{\"pid\": 1, \"alternates\": []}",
		"{\"backend\": 1, \"pid\": 1, \"alternates\": []}",
		"{\"backend\": null, \"pid\": 1, \"alternates\": []}",
		"{\"backend\": \"b\", \"pid\": -1, \"alternates\": []}",
		"{\"backend\": \"b\", \"pid\": 4294967296, \"alternates\": []}",
		"{\"backend\": \"b\", \"pid\": \"1\", \"alternates\": []}",
		"{" ID ", \"serial\": -1, \"alternates\": []}",
		"{" ID ", \"serial\": 4294967296, \"alternates\": []}",
		"{" ID ", \"serial\": \"1\", \"alternates\": []}",
		"{" ID ", \"serial\": null, \"alternates\": []}",
		"{" ID ", \"alternates\": {}}", URIS("1"), URIS("null"),
		URIS("\"a\", []"), URIS(EIGHT ",\"a\""), "{" ID ", \"alte",
	};
	struct state_attach s;
	struct state_tries t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(state_read_attach(&s, bad[i]));
		assert_null(s.backend);
		assert_int_equal(s.n, 0);
		assert_false(state_read_tries(&t, bad[i]));
		assert_null(t.backend);
	}
	assert_true(state_read_attach(&s, URIS(EIGHT)));
	assert_int_equal(s.n, STATE_ALTERNATES);
	state_free_attach(&s);
	assert_false(state_read_tries(&t, TRIES("-1", "\"\"")));
	assert_false(state_read_tries(&t, TRIES("1", "null")));
	/* Keys that nobody knows yet are passed over. */
	assert_true(state_read_tries(&t, TRIES("1", "\"\", \"new\": []")));
	state_free_tries(&t);
}

static void test_relics(void **state)
{
	struct nl_device d = {
		.state = NBD_STATE_PARKED,
		.attach_flags = NBD_ATTACH_PERSIST,
		.pid = 5,
		.backend = "nbd://a/",
	};

	(void)state;
	assert_true(state_is_of("nbd://a/", 5, 0, &d));
	assert_false(state_is_of("nbd://a/", 6, 0, &d));
	assert_false(state_is_of("nbd://b/", 5, 0, &d));
	/* That the driver was exchanged for an older one does not make it the same. */
	assert_false(state_is_of("nbd://a/", 5, 1, &d));
	d.serial = 2;
	assert_false(state_is_of("nbd://a/", 5, 1, &d));
	assert_true(state_is_of("nbd://a/", 5, 2, &d));
	/* Written by an older nbdctl. */
	assert_true(state_is_of("nbd://a/", 5, 0, &d));
	d.attach_flags = 0;
	assert_false(state_is_of("nbd://a/", 5, 0, &d));
	d.attach_flags = NBD_ATTACH_PERSIST;
	d.state = NBD_STATE_DISCONNECTING;
	assert_false(state_is_of("nbd://a/", 5, 0, &d));
	d.state = NBD_STATE_IDLE;
	assert_false(state_is_of("nbd://a/", 5, 0, &d));
	d.state = NBD_STATE_DEAD;
	d.backend = NULL;
	assert_false(state_is_of("nbd://a/", 5, 0, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_attach),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_relics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
