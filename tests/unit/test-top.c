// SPDX-License-Identifier: GPL-2.0-or-later
/* What top makes of two looks, and that it fits on a terminal. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <linux/nbd-netlink.h>

#include "top-format.h"
#include "top-print.h"

#define SECOND	1000000000ULL
#define MOST	4	/* devices, and connections of each */

/**
 * struct world - a look, and what it looks at
 * @look: the look
 * @devices: its devices
 * @conns: their connections
 * @latency: of these
 * @stats: their statistics
 * @backend: of all of them
 */
struct world {
	struct top_look look;
	struct nl_device devices[MOST];
	struct nl_conn conns[MOST][MOST];
	struct nl_latency latency[MOST][MOST];
	struct top_stat stats[MOST];
	char backend[32];
};

/* Devices 3, 4 and so on, all live and with as many connections. */
static void make(struct world *w, u64 at, size_t devices, size_t conns)
{
	size_t i, j;

	memset(w, 0, sizeof(*w));
	snprintf(w->backend, sizeof(w->backend), "nbd://server.example/disk");
	w->look.at = at;
	w->look.devices.d = w->devices;
	w->look.devices.n = devices;
	w->look.stats = w->stats;
	for (i = 0; i < devices; i++) {
		w->devices[i].index = 3 + (u32)i;
		w->devices[i].state = NBD_STATE_LIVE;
		w->devices[i].pid = 100;
		w->devices[i].backend = w->backend;
		w->devices[i].conns = w->conns[i];
		w->devices[i].nr_conns = conns;
		w->stats[i].known = true;
		for (j = 0; j < conns; j++) {
			w->conns[i][j].index = (u32)j;
			w->conns[i][j].state = NBD_CONN_LIVE;
			w->conns[i][j].generation = 1;
			w->conns[i][j].latency = &w->latency[i][j];
		}
	}
}

static void near(double have, double want)
{
	if (fabs(have - want) > 0.000001)
		fail_msg("%f, not %f", have, want);
}

static void stat_is_parsed(void **state)
{
	struct top_stat s;

	(void)state;
	assert_true(top_parse_stat("  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
				   &s));
	assert_true(s.known);
	assert_int_equal(s.requests[TOP_READ], 1);
	assert_int_equal(s.ms[TOP_READ], 4);
	assert_int_equal(s.requests[TOP_WRITE], 5);
	assert_int_equal(s.ms[TOP_WRITE], 8);
	assert_int_equal(s.requests[TOP_TRIM], 12);
	assert_int_equal(s.ms[TOP_TRIM], 15);
	assert_int_equal(s.requests[TOP_FLUSH], 16);
	assert_int_equal(s.ms[TOP_FLUSH], 17);
	assert_false(top_parse_stat("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", &s));
	assert_false(s.known);
	assert_false(top_parse_stat("", &s));
}

static void rates_are_of_a_second(void **state)
{
	struct world a, b;
	struct top top;

	(void)state;
	make(&a, SECOND, 1, 2);
	make(&b, 3 * SECOND, 1, 2);
	a.conns[0][0].requests = 1000;
	b.conns[0][0].requests = 1400;
	a.conns[0][0].bytes_read = 1ULL << 50;
	b.conns[0][0].bytes_read = (1ULL << 50) + 8192;
	b.conns[0][1].requests = 10;
	b.conns[0][1].bytes_written = 5;
	b.conns[0][1].errors = 4;
	b.conns[0][0].in_flight = 7;
	b.conns[0][1].in_flight = 8;
	a.stats[0].requests[TOP_WRITE] = 5;
	a.stats[0].ms[TOP_WRITE] = 100;
	b.stats[0].requests[TOP_WRITE] = 9;
	b.stats[0].ms[TOP_WRITE] = 110;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	near(top.seconds, 2);
	assert_int_equal(top.n, 1);
	assert_true(top.devices[0].known);
	near(top.devices[0].rates.requests, 205);
	near(top.devices[0].rates.bytes_read, 4096);
	near(top.devices[0].rates.bytes_written, 2.5);
	near(top.devices[0].rates.errors, 2);
	near(top.devices[0].conns[0].requests, 200);
	near(top.devices[0].conns[1].requests, 5);
	assert_int_equal(top.devices[0].in_flight, 15);
	assert_int_equal(top.devices[0].errors, 4);
	assert_true(top.devices[0].kinds_known);
	near(top.devices[0].kinds[TOP_WRITE].requests, 2);
	near(top.devices[0].kinds[TOP_WRITE].ms, 2.5);
	near(top.devices[0].kinds[TOP_READ].requests, 0);
	top_free(&top);
}

/* Whether the first device of the second look has rates. */
static bool is_known(const struct world *a, const struct world *b)
{
	struct top top;
	bool known;

	assert_int_equal(top_compare(&top, &a->look, &b->look), 0);
	known = top.devices[0].known;
	if (!known) {
		near(top.devices[0].rates.requests, 0);
		near(top.devices[0].conns[0].requests, 0);
		assert_false(top.devices[0].kinds_known);
	}
	top_free(&top);
	return known;
}

static void attached_anew(void **state)
{
	struct world a, b;

	(void)state;
	make(&a, SECOND, 1, 1);
	make(&b, 2 * SECOND, 1, 1);
	a.conns[0][0].requests = 100;
	a.conns[0][0].generation = 2;
	b.conns[0][0] = a.conns[0][0];
	assert_true(is_known(&a, &b));
	b.conns[0][0].generation = 3;
	assert_true(is_known(&a, &b));
	b.devices[0].pid = 101;
	assert_false(is_known(&a, &b));
	b.devices[0].pid = 100;
	b.conns[0][0].requests = 99;
	assert_false(is_known(&a, &b));
	b.conns[0][0].requests = 100;
	b.conns[0][0].generation = 1;
	assert_false(is_known(&a, &b));
	b.conns[0][0].generation = 2;
	a.conns[0][0].bytes_read = 1;
	assert_false(is_known(&a, &b));
	a.conns[0][0].bytes_read = 0;
	a.conns[0][0].bytes_written = 1;
	assert_false(is_known(&a, &b));
	a.conns[0][0].bytes_written = 0;
	a.conns[0][0].errors = 1;
	assert_false(is_known(&a, &b));
	a.conns[0][0].errors = 0;
	assert_true(is_known(&a, &b));
	/* No time has passed. */
	b.look.at = a.look.at;
	assert_false(is_known(&a, &b));
	b.look.at = 0;
	assert_false(is_known(&a, &b));
}

static void devices_come_and_go(void **state)
{
	struct world a, b;
	struct top top;

	(void)state;
	make(&a, SECOND, 2, 1);
	make(&b, 2 * SECOND, 2, 1);
	/* nbd3 goes, nbd5 comes. */
	b.devices[0].index = 5;
	b.conns[0][0].requests = 1000000;
	b.conns[1][0].requests = 3;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	assert_int_equal(top.n, 2);
	assert_false(top.devices[0].known);
	near(top.devices[0].rates.requests, 0);
	assert_true(top.devices[1].known);
	near(top.devices[1].rates.requests, 3);
	top_free(&top);
	b.look.devices.n = 0;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	assert_int_equal(top.n, 0);
	top_free(&top);
}

static void connections_come(void **state)
{
	struct world a, b;
	struct top top;

	(void)state;
	make(&a, SECOND, 1, 1);
	make(&b, 2 * SECOND, 1, 2);
	b.conns[0][1].requests = 6;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	assert_true(top.devices[0].known);
	near(top.devices[0].conns[1].requests, 6);
	top_free(&top);
	make(&a, SECOND, 1, 3);
	assert_false(is_known(&a, &b));
}

static void stat_goes_back(void **state)
{
	struct world a, b;
	struct top top;

	(void)state;
	make(&a, SECOND, 2, 1);
	make(&b, 2 * SECOND, 2, 1);
	a.stats[0].ms[TOP_FLUSH] = 1;
	b.stats[1].known = false;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	assert_true(top.devices[0].known);
	assert_false(top.devices[0].kinds_known);
	assert_false(top.devices[1].kinds_known);
	top_free(&top);
}

static void rank(void **state)
{
	struct world a, b;
	struct top top;

	(void)state;
	make(&a, SECOND, 4, 1);
	make(&b, 2 * SECOND, 4, 1);
	b.conns[1][0].requests = 5;
	b.conns[2][0].requests = 6;
	b.devices[3].state = NBD_STATE_PARKED;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	top_rank(&top);
	assert_int_equal(top.devices[0].device->index, 6);
	assert_int_equal(top.devices[1].device->index, 5);
	assert_int_equal(top.devices[2].device->index, 4);
	assert_int_equal(top.devices[3].device->index, 3);
	top_free(&top);
}

static void cells(void **state)
{
	char c[CELL_MAX];

	(void)state;
	assert_string_equal(cell_count(c, 0), "0");
	assert_string_equal(cell_count(c, 3), "3");
	assert_string_equal(cell_count(c, 99999.4), "99999");
	assert_string_equal(cell_count(c, 99999.5), "100K");
	assert_string_equal(cell_count(c, 1.25e7), "12.5M");
	assert_string_equal(cell_rate(c, 0), "0");
	assert_string_equal(cell_rate(c, 0.25), "0.2");
	assert_string_equal(cell_rate(c, 9.94), "9.9");
	assert_string_equal(cell_rate(c, 9.96), "10");
	assert_string_equal(cell_bytes(c, 999), "999");
	assert_string_equal(cell_bytes(c, 1000), "1.0K");
	assert_string_equal(cell_bytes(c, 1536), "1.5K");
	assert_string_equal(cell_bytes(c, 99.96 * 1024), "100K");
	assert_string_equal(cell_bytes(c, 2.5 * (1 << 30)), "2.5G");
	assert_string_equal(cell_ms(c, 0.126), "0.13");
	assert_string_equal(cell_ms(c, 9.999), "10.0");
	assert_string_equal(cell_ms(c, 99.96), "100");
	assert_string_equal(cell_ms(c, 99999), "99999");
	assert_string_equal(cell_ms(c, 100000), "100s");
	assert_string_equal(cell_span(c, 999), "999ms");
	assert_string_equal(cell_span(c, 119999), "119s");
	assert_string_equal(cell_span(c, 120000), "2m");
	assert_string_equal(cell_span(c, 7200000), "2h");
	assert_string_equal(cell_span(c, 172800000), "2d");
	assert_in_range(strlen(cell_span(c, ~0ULL)), 1, 5);
	assert_in_range(strlen(cell_count(c, 1e300)), 1, 7);
	assert_in_range(strlen(cell_ms(c, 1e300)), 1, 5);
	assert_in_range(strlen(cell_bytes(c, 1e300)), 1, 7);
}

/* Numbers as wide as they get. */
static void make_large(struct world *a, struct world *b)
{
	size_t i, j;

	make(a, SECOND, MOST, MOST);
	make(b, 2 * SECOND, MOST, MOST);
	for (i = 0; i < MOST; i++) {
		b->devices[i].index = 65532 + (u32)i;
		a->devices[i].index = b->devices[i].index;
		b->devices[i].parked = 1000000;
		memset(&b->stats[i].requests, 0x7f,
		       sizeof(b->stats[i].requests));
		memset(&b->stats[i].ms, 0xff, sizeof(b->stats[i].ms));
		for (j = 0; j < MOST; j++) {
			b->conns[i][j].requests = ~0ULL;
			b->conns[i][j].bytes_read = ~0ULL;
			b->conns[i][j].bytes_written = ~0ULL;
			b->conns[i][j].errors = ~0ULL;
			b->conns[i][j].in_flight = ~0U;
			b->conns[i][j].since = ~0ULL;
			b->conns[i][j].state = NBD_CONN_FAILING;
		}
	}
	b->devices[0].state = NBD_STATE_DISCONNECTING;
}

static char *print_page(const struct world *a, const struct world *b,
			unsigned int columns, unsigned int rows)
{
	struct top_page page = {
		.title = "title", .none = "none", .columns = columns,
		.rows = rows, .newline = "\n",
	};
	struct top top;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(top_compare(&top, &a->look, &b->look), 0);
	top_print_text(out, &top, &page);
	top_free(&top);
	fclose(out);
	return text;
}

/* Lines of a text, none of which may be longer or end in a blank. */
static unsigned int lines_within(const char *text, unsigned int columns)
{
	unsigned int lines = 0;
	size_t len;

	for (; *text; text += len + 1, lines++) {
		len = strcspn(text, "\n");
		if (len > columns)
			fail_msg("longer than %u: %s", columns, text);
		if (len && text[len - 1] == ' ')
			fail_msg("blank at the end: %s", text);
	}
	return lines;
}

static void pages(void **state)
{
	static const unsigned int rows[] = { 1, 2, 3, 4, 5, 10, 21, 22, 23 };
	static const unsigned int columns[] = { 1, 40, 80, 95, 96, 120, 2000 };
	struct world a, b;
	size_t i, j;
	char *text;

	(void)state;
	make_large(&a, &b);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (j = 0; j < ARRAY_SIZE(columns); j++) {
			text = print_page(&a, &b, columns[j], rows[i]);
			assert_int_equal(lines_within(text, columns[j]),
					 rows[i] < 22 ? rows[i] : 22);
			free(text);
		}
	}
}

/* So much is left out of a page with so many rows; NULL: nothing. */
static void leaves_out(const struct world *a, const struct world *b,
		       unsigned int rows, const char *what)
{
	char *text = print_page(a, b, 80, rows);
	char *said = strstr(text, "\nnot shown: ");

	if (!what)
		assert_null(said);
	else if (!said)
		fail_msg("%u rows: nothing is left out", rows);
	else
		assert_string_equal(said + strlen("\nnot shown: "), what);
	free(text);
}

static void what_does_not_fit(void **state)
{
	struct world a, b;
	char *text;

	(void)state;
	make(&a, SECOND, 4, 2);
	make(&b, 2 * SECOND, 4, 2);
	leaves_out(&a, &b, 14, NULL);
	leaves_out(&a, &b, 13, "2 connections\n");
	leaves_out(&a, &b, 12, "1 device, 2 connections\n");
	leaves_out(&a, &b, 9, "2 devices, 4 connections\n");
	text = print_page(&a, &b, 80, 0);
	assert_int_equal(lines_within(text, 80), 14);
	free(text);
}

static void table(void **state)
{
	struct world a, b;
	char *text;

	(void)state;
	make(&a, SECOND, 1, 2);
	make(&b, 2 * SECOND, 1, 2);
	b.conns[0][0].requests = 250;
	b.conns[0][0].bytes_read = 25 << 12;
	b.conns[0][0].in_flight = 16;
	b.conns[0][0].since = 90000;
	b.conns[0][1].state = NBD_CONN_DOWN;
	b.conns[0][1].errors = 3;
	snprintf(b.conns[0][1].peer, sizeof(b.conns[0][1].peer), "-");
	b.devices[0].parked = 1;
	a.latency[0][0].count[TOP_READ][43] = 10;
	b.latency[0][0].count[TOP_READ][43] = 260;
	snprintf(b.conns[0][0].peer, sizeof(b.conns[0][0].peer), "peer\033");
	text = print_page(&a, &b, 120, 0);
	assert_string_equal(text,
			    "title\n"
			    "DEVICE   STATE         REQ/S READ/S WRITE/S  INFL  ERRS  R-50  R-99  W-50  W-99 SERVER\n"
			    "nbd3     live 1/2        250   100K       0    17     3  3.93  4.19     -     - nbd://server.example/disk\n"
			    "  0      live 90s        250   100K       0    16     0  3.93  4.19     -     - peer\\x1b\n"
			    "  1      down 0ms          0      0       0     0     3     -     -     -     - -\n");
	free(text);
	a.devices[0].pid = 1;
	text = print_page(&a, &b, 55, 0);
	assert_non_null(strstr(text,
			       "\nnbd3     live 1/2          -      -       -    17     3\n"));
	free(text);
	b.look.devices.n = 0;
	text = print_page(&a, &b, 80, 24);
	assert_string_equal(text, "title\nnone\n");
	free(text);
}

/* Where buckets begin is in linux/nbd-netlink.h. */
static void parts_of_requests(void **state)
{
	static struct nl_latency counts;
	struct latency l;

	(void)state;
	latency_read(&l, &counts);
	assert_false(l.any[TOP_READ]);
	/* Bucket 2 is 2 to 3 units, 43 is 3670 to 4194 us. */
	counts.count[TOP_READ][2] = 50;
	counts.count[TOP_READ][43] = 50;
	counts.count[TOP_FLUSH][NBD_LATENCY_BUCKETS - 1] = 1;
	latency_read(&l, &counts);
	assert_true(l.any[TOP_READ]);
	assert_false(l.any[TOP_WRITE]);
	near(l.ms[TOP_READ][LATENCY_50], 3 * 0.001024);
	near(l.ms[TOP_READ][LATENCY_99], (3584 + 512 * 0.98) * 0.001024);
	near(l.ms[TOP_READ][LATENCY_999], (3584 + 512 * 0.998) * 0.001024);
	/* The last one has no end. */
	near(l.ms[TOP_FLUSH][LATENCY_50], (7 << 24) * 0.001024);
}

static void requests_by_powers_of_two(void **state)
{
	static u64 count[NBD_LATENCY_BUCKETS];

	(void)state;
	near(latency_seconds(count), 0);
	count[3] = 1;
	count[4] = 2;
	count[43] = 10;
	count[44] = 100;
	count[NBD_LATENCY_BUCKETS - 1] = 1000;
	assert_int_equal(latency_below(count, 2), 1);
	assert_int_equal(latency_below(count, 3), 3);
	/* Where buckets 40 and 44 begin. */
	assert_int_equal(latency_below(count, 11), 3);
	assert_int_equal(latency_below(count, 12), 13);
	assert_int_equal(latency_below(count, 13), 113);
	assert_int_equal(latency_total(count), 1113);
	near(latency_seconds(count),
	     (3.5 + 2 * 4.5 + 10 * 3840.0 + 100 * 4608.0 +
	      1000.0 * (7 << 24)) * 1024 / 1e9);
}

static void only_the_interval_counts(void **state)
{
	struct world a, b;
	struct top top;

	(void)state;
	make(&a, SECOND, 1, 4);
	make(&b, 2 * SECOND, 1, 4);
	a.latency[0][0].count[TOP_WRITE][90] = 1000;
	b.latency[0][0].count[TOP_WRITE][90] = 1000;
	b.latency[0][0].count[TOP_WRITE][0] = 3;
	b.latency[0][1].count[TOP_WRITE][1] = 1;
	/* Less than before is nothing. */
	a.latency[0][1].count[TOP_READ][0] = 1;
	/* It was not said, or is not any more. */
	b.conns[0][2].latency = NULL;
	a.conns[0][3].latency = NULL;
	b.latency[0][3].count[TOP_TRIM][5] = 1;
	assert_int_equal(top_compare(&top, &a.look, &b.look), 0);
	assert_true(top.devices[0].latency.any[TOP_WRITE]);
	assert_false(top.devices[0].latency.any[TOP_READ]);
	near(top.devices[0].latency.ms[TOP_WRITE][LATENCY_999],
	     1.996 * 0.001024);
	near(top.devices[0].conn_latency[0].ms[TOP_WRITE][LATENCY_50],
	     0.5 * 0.001024);
	assert_false(top.devices[0].conn_latency[2].any[TOP_WRITE]);
	assert_false(top.devices[0].conn_latency[3].any[TOP_TRIM]);
	assert_false(top.devices[0].latency.any[TOP_TRIM]);
	top_free(&top);
}

static struct json_object *print_line(const struct world *a,
				      const struct world *b)
{
	struct json_object *o;
	struct top top;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(top_compare(&top, &a->look, &b->look), 0);
	top_print_json(out, &top, 1.5);
	top_free(&top);
	fclose(out);
	assert_ptr_equal(strchr(text, '\n'), text + size - 1);
	o = json_tokener_parse(text);
	assert_non_null(o);
	free(text);
	return o;
}

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(o, key, &value))
		fail_msg("no %s", key);
	return value;
}

static void has_number(struct json_object *o, const char *key, double want)
{
	near(json_object_get_double(get(o, key)), want);
}

static struct json_object *get_item(struct json_object *o, const char *key,
				    size_t i)
{
	return json_object_array_get_idx(get(o, key), i);
}

static void json(void **state)
{
	struct json_object *o, *d;
	struct world a, b;

	(void)state;
	make(&a, SECOND, 2, 2);
	make(&b, 3 * SECOND, 2, 2);
	a.devices[1].index = 99;
	b.conns[0][1].requests = 3;
	b.latency[0][1].count[TOP_WRITE][1] = 3;
	b.stats[0].requests[TOP_TRIM] = 4;
	b.stats[0].ms[TOP_TRIM] = 6;
	o = print_line(&a, &b);
	has_number(o, "time", 1.5);
	has_number(o, "seconds", 2);
	d = get_item(o, "devices", 0);
	assert_string_equal(json_object_get_string(get(d, "device")),
			    "/dev/nbd3");
	has_number(d, "requests_per_second", 1.5);
	has_number(get(d, "trims"), "per_second", 2);
	has_number(get(d, "trims"), "average_ms", 1.5);
	has_number(get(d, "reads"), "per_second", 0);
	assert_null(get(get(d, "reads"), "average_ms"));
	assert_null(get(get(d, "reads"), "p50_ms"));
	has_number(get(d, "writes"), "p50_ms", 0.002);
	has_number(get(d, "writes"), "p99_ms", 0.002);
	has_number(get(d, "writes"), "p999_ms", 0.002);
	has_number(get(get_item(d, "connections", 1), "writes"), "p50_ms", 0.002);
	assert_null(get(get(get_item(d, "connections", 0), "writes"), "p50_ms"));
	d = get_item(d, "connections", 1);
	has_number(d, "requests_per_second", 1.5);
	d = get_item(o, "devices", 1);
	assert_null(get(d, "requests_per_second"));
	assert_null(get(get(d, "reads"), "per_second"));
	d = get_item(d, "connections", 1);
	assert_null(get(d, "errors_per_second"));
	json_object_put(o);
	b.look.devices.n = 0;
	o = print_line(&a, &b);
	assert_int_equal(json_object_array_length(get(o, "devices")), 0);
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_is_parsed),
		cmocka_unit_test(rates_are_of_a_second),
		cmocka_unit_test(attached_anew),
		cmocka_unit_test(devices_come_and_go),
		cmocka_unit_test(connections_come),
		cmocka_unit_test(stat_goes_back),
		cmocka_unit_test(rank),
		cmocka_unit_test(cells),
		cmocka_unit_test(pages),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(parts_of_requests),
		cmocka_unit_test(requests_by_powers_of_two),
		cmocka_unit_test(only_the_interval_counts),
		cmocka_unit_test(table),
		cmocka_unit_test(json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
