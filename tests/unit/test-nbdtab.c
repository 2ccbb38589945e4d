// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of devices: what nbd-client reads, and what we read beyond that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nbdtab.h"

static char path[32];

static const char their_options[] =
	"nbd0 /s disk bs=4096,timeout=7,conns=3,persist,swap,unix,port=1,no_optgo\n"
	"nbd1 server disk _netdev,_x=1,port=1,_y,readonly\n"
	"nbd2 server disk no-optgo\n";

static const char our_options[] =
	"nbd0 nbd+unix:///a?socket=/a,b - queue-depth=256,connections=2\n"
	"nbd1 h x persist,dead-timeout=60,zeroes=off,no-partscan,read-ahead=1M\n"
	"nbd2 nbd://h/a b persist,alternate=nbd://i/a\n"
	"nbd3 host b persist,name=c,alternate=nbd+unix:///a?socket=/d\n"
	"nbd4 nbd://h/a - persist,alternate=nbd://i/b\n";

static struct nbdtab_entry *read_text(const char *text, struct err *err)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	return nbdtab_read(path, err);
}

static struct nbdtab_entry *take(const char *text)
{
	struct nbdtab_entry *table;
	struct err err;

	table = read_text(text, &err);
	if (err.status != ST_OK)
		fail_msg("%s: %s", text, err.text);
	return table;
}

static void is_wrong(const struct nbdtab_entry *entry, const char *text,
		     const char *why)
{
	const struct err *wrong = &entry->wrong;

	if (wrong->status == ST_OK)
		fail_msg("%s was taken", text);
	assert_int_equal(wrong->status, ST_USAGE);
	if (!strstr(wrong->text, why))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, wrong->text,
			 why);
	if (strncmp(wrong->text, path, strlen(path)))
		fail_msg("%s: \"%s\" does not name the file", text,
			 wrong->text);
}

/* Its last line. */
static void refuse(const char *text, const char *why)
{
	struct nbdtab_entry *table = take(text), *last = table;

	while (last->next)
		last = last->next;
	is_wrong(last, text, why);
	nbdtab_free(table);
}

static void test_fields(void **state)
{
	struct nbdtab_entry *table = take("# first\n\n"
		"nbd0 server disk\n"
		"\t/dev/nbd7 \t2001:db8::1  a:b#c   # last\n"
		"nbd2 server - port=99");

	(void)state;
	assert_int_equal(table->line, 3);
	assert_int_equal(table->args.o.device, 0);
	assert_true(table->args.o.has_device);
	assert_int_equal(table->args.o.uri.transport, URI_TCP);
	assert_string_equal(table->args.o.uri.host, "server");
	assert_int_equal(table->args.o.uri.port, 10809);
	assert_string_equal(table->args.o.uri.export, "disk");
	assert_int_equal(table->args.o.connections, 1);
	assert_int_equal(table->args.o.timeout, 30);
	assert_int_equal(table->wrong.status, ST_OK);

	assert_int_equal(table->next->line, 4);
	assert_int_equal(table->next->args.o.device, 7);
	assert_string_equal(table->next->args.o.uri.host, "2001:db8::1");
	assert_string_equal(table->next->args.o.uri.export, "a:b#c");

	assert_string_equal(table->next->next->args.o.uri.export, "-");
	assert_int_equal(table->next->next->args.o.uri.port, 99);
	assert_null(table->next->next->next);
	nbdtab_free(table);
	assert_null(take(""));
	assert_null(take("# nothing\n \t\n"));
}

static void test_their_options(void **state)
{
	struct nbdtab_entry *table = take(their_options);
	const struct attach_options *o = &table->args.o;

	(void)state;
	assert_int_equal(o->uri.transport, URI_UNIX);
	assert_string_equal(o->uri.socket, "/s");
	assert_int_equal(o->uri.socket_len, 2);
	assert_string_equal(o->uri.export, "disk");
	assert_int_equal(o->block_size, 4096);
	assert_int_equal(o->timeout, 7);
	assert_int_equal(o->connections, 3);
	assert_true(o->persist);
	assert_int_equal(o->dead_timeout, 14 * 24 * 3600);
	assert_false(o->read_only);
	assert_true(o->no_optgo);
	assert_int_equal(table->wrong.status, ST_OK);

	o = &nbdtab_find(table, 1)->args.o;
	assert_int_equal(o->uri.port, 1);
	assert_true(o->read_only);
	assert_false(o->no_optgo);
	assert_true(nbdtab_find(table, 2)->args.o.no_optgo);
	nbdtab_free(table);
}

static void test_our_options(void **state)
{
	struct nbdtab_entry *table = take(our_options);
	const struct attach_options *o = &table->args.o;

	(void)state;
	assert_string_equal(o->uri.socket, "/a,b");
	assert_string_equal(o->uri.export, "a");
	assert_int_equal(o->queue_depth, 256);
	assert_int_equal(o->connections, 2);

	o = &nbdtab_find(table, 1)->args.o;
	assert_int_equal(o->dead_timeout, 60);
	assert_int_equal(o->read_ahead, 1 << 20);
	assert_true(o->no_partscan);

	o = &nbdtab_find(table, 2)->args.o;
	assert_string_equal(o->uri.export, "b");
	assert_int_equal(o->nr_alternates, 1);
	assert_string_equal(o->alternates[0].export, "b");

	o = &nbdtab_find(table, 3)->args.o;
	assert_string_equal(o->uri.export, "c");
	assert_string_equal(o->alternates[0].socket, "/d");
	assert_string_equal(o->alternates[0].export, "c");

	o = &nbdtab_find(table, 4)->args.o;
	assert_string_equal(o->uri.export, "a");
	assert_string_equal(o->alternates[0].export, "b");
	nbdtab_free(table);
}

static void test_lacking(void **state)
{
	(void)state;
	refuse("nbd0 h x tls", "TLS");
	refuse("nbd0 h x certfile=/c,keyfile=/k", "TLS");
	refuse("nbd0 h x cacertfile=/c", "TLS");
	refuse("nbd0 h x tlshostname=h", "TLS");
	refuse("nbd0 nbds://h/ -", "TLS");
	refuse("nbd0 nbd://h/ - persist,alternate=nbds://h/", "TLS");
	refuse("nbd0 h x sdp", "Sockets Direct");
	refuse("nbd0 h x preinit", "handshake");
}

static void test_find(void **state)
{
	struct nbdtab_entry *table = take("nbd1 a x\nnbd0 b x\n");

	(void)state;
	assert_ptr_equal(nbdtab_find(table, 0), table->next);
	assert_ptr_equal(nbdtab_find(table, 1), table);
	assert_null(nbdtab_find(table, 2));
	nbdtab_free(table);
}

/* What is wrong in one line is not wrong in another, unless both are of one device. */
static void test_wrong_beside_right(void **state)
{
	struct nbdtab_entry *table = take("nbd0 a x\nsda h x\nnbd1 h x bs=1\n"
		"nbd2 b x\nnbd1 c x\nnbd2 d x\nnbd2 e x\nnbd3 f x\n");
	static const char * const wrong[] = {
		NULL, "line 2: sda is not", "line 3: bs 1",
		"line 4: nbd2 is in line 6, too",
		"line 5: nbd1 is in line 3 already",
		"line 6: nbd2 is in line 4 already",
		"line 7: nbd2 is in line 4 already", NULL
	};
	const struct nbdtab_entry *entry = table;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++, entry = entry->next) {
		assert_int_equal(entry->line, i + 1);
		assert_int_equal(entry->args.o.has_device, i != 1);
		if (wrong[i])
			is_wrong(entry, "the table", wrong[i]);
		else
			assert_int_equal(entry->wrong.status, ST_OK);
	}
	assert_null(entry);
	assert_int_equal(nbdtab_find(table, 1)->line, 3);
	assert_string_equal(nbdtab_find(table, 3)->args.o.uri.host, "f");
	nbdtab_free(table);
}

static void test_bad_lines(void **state)
{
	(void)state;
	refuse("nbd0 h x\nnbd1 h\n", "line 2: a device, a host");
	refuse("nbd0\n", "line 1: a device, a host");
	refuse("nbd0 h x swap,\n", "has no name");
	refuse("nbd0 h x swap swap\n", "more than 4 fields");
	refuse("sda h x\n", "not an nbd device");
	refuse("nbd0p1 h x\n", "partition");
	refuse("nbd0 -h x\n", "'-'");
	refuse("nbd0 h:2000 x\n", "port=");
	refuse("nbd0 [2001:db8::1] x\n", "has no ':'");
	refuse("nbd0 /run/nbd.sock x\n", "option unix");
	refuse("nbd0 nbd://h:x/ -\n", "malformed URI");
	refuse("nbd0 h x =red\n", "has no name");
	refuse("nbd0 h x colour,bs=511\n", "bs 511: not between 512");
	refuse("nbd0 h x colour,tls\n", "TLS");
	refuse("nbd0 h x swap=1\n", "swap takes no value");
	refuse("nbd0 h x unix=1\n", "unix takes no value");
	refuse("nbd0 h x no_optgo=1\n", "no_optgo takes no value");
	refuse("nbd0 h x persist=yes\n", "persist takes no value");
	refuse("nbd0 h x bs\n", "bs needs a value");
	refuse("nbd0 h x bs=\n", "bs needs a value");
	refuse("nbd0 h x port\n", "port needs a value");
	refuse("nbd0 h x queue-depth\n", "queue-depth needs a value");
	refuse("nbd0 h x bs=511\n", "bs 511: not between 512");
	refuse("nbd0 h x conns=257\n", "conns 257: not between 1");
	refuse("nbd0 h x timeout=1s\n", "timeout 1s");
	refuse("nbd0 h x port=65536\n", "port 65536");
	refuse("nbd0 h x port=nbd\n", "port nbd");
	refuse("nbd0 a x\nnbd1 b x\n/dev/nbd0 c x\n",
	       "line 3: nbd0 is in line 1 already");
	refuse("nbd0 nbd://h/ - port=1\n", "port is only");
	refuse("nbd0 nbd://h/ - unix\n", "unix is only");
	refuse("nbd0 h x alternate=nbd://h/\n", "alternate needs persist");
	refuse("nbd0 h x persist,alternate=h\n", "malformed URI");
}

/* The rest of the line counts, and other lines have nothing to do with it. */
static void test_unknown_options(void **state)
{
	struct nbdtab_entry *entry, *table = take("nbd0 h x\n"
		"nbd1 h x colour=red,bs=4096,all,nbdtab=x,readonly\n"
		"nbd2 h x _colour,swap\n");

	(void)state;
	assert_string_equal(table->unknown, "");
	entry = nbdtab_find(table, 1);
	assert_int_equal(entry->wrong.status, ST_OK);
	assert_string_equal(entry->unknown, "colour, all, nbdtab");
	assert_int_equal(entry->args.o.block_size, 4096);
	assert_true(entry->args.o.read_only);
	assert_string_equal(entry->next->unknown, "");
	nbdtab_free(table);
}

static void test_lengths(void **state)
{
	static char text[URI_MAX_EXPORT + 64];

	(void)state;
	snprintf(text, sizeof(text), "nbd0 h ");
	memset(text + 7, 'e', URI_MAX_EXPORT + 1);
	refuse(text, "longer than");
	snprintf(text, sizeof(text), "nbd0 %0256d x", 0);
	refuse(text, "too long");
	snprintf(text, sizeof(text), "nbd0 /%0107d x unix", 0);
	refuse(text, "at most 107");
	snprintf(text, sizeof(text), "nbd0 h x %0300d,%0300d,bs=1", 0, 0);
	refuse(text, "bs 1: not between 512");
}

static void test_no_file(void **state)
{
	struct err err;

	(void)state;
	assert_null(nbdtab_read("/nonexistent/nbdtab", &err));
	assert_int_equal(err.status, ST_USAGE);
	assert_non_null(strstr(err.text, "/nonexistent/nbdtab"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_their_options),
		cmocka_unit_test(test_our_options),
		cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_wrong_beside_right),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_unknown_options),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_no_file),
	};
	int fd, failed;

	snprintf(path, sizeof(path), "test-nbdtab.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
