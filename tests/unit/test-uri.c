// SPDX-License-Identifier: GPL-2.0-or-later
/* URIs, and the other things a user types. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "args.h"
#include "uri.h"

static struct uri parse(const char *text)
{
	struct uri uri;
	struct err err;

	if (uri_parse(&uri, text, &err))
		fail_msg("%s: %s", text, err.text);
	return uri;
}

static void refuse(const char *text, const char *why)
{
	struct uri uri;
	struct err err;

	if (!uri_parse(&uri, text, &err))
		fail_msg("%s was taken", text);
	assert_int_equal(err.status, ST_USAGE);
	if (!strstr(err.text, why))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, why);
}

static void test_tcp(void **state)
{
	struct uri uri = parse("nbd://example.org");

	(void)state;
	assert_int_equal(uri.transport, URI_TCP);
	assert_false(uri.tls);
	assert_string_equal(uri.host, "example.org");
	assert_int_equal(uri.port, 10809);
	assert_string_equal(uri.export, "");

	uri = parse("NBD://10.0.0.1:99/a%20b/c?");
	assert_string_equal(uri.host, "10.0.0.1");
	assert_int_equal(uri.port, 99);
	assert_string_equal(uri.export, "a b/c");

	assert_string_equal(parse("nbd://h//disk").export, "/disk");
	assert_string_equal(parse("nbd://h/").export, "");
	assert_int_equal(parse("nbd://h:/x").port, 10809);
	assert_string_equal(parse("nbd:///x").host, "localhost");
	assert_string_equal(parse("nbd://:7/x").host, "localhost");
}

static void test_ipv6(void **state)
{
	struct uri uri = parse("nbd://[::1]:7/x");

	(void)state;
	assert_string_equal(uri.host, "::1");
	assert_int_equal(uri.port, 7);
	uri = parse("nbd://[fe80::1%25eth0]/x");
	assert_string_equal(uri.host, "fe80::1%eth0");
	assert_int_equal(uri.port, 10809);
	refuse("nbd://[::1/x", "without ']'");
	refuse("nbd://[nonsense]/x", "not an IPv6 address");
	refuse("nbd://[::1]7/x", "only a port");
	refuse("nbd://a%3ab/x", "brackets");
	refuse("nbd://%3a%3a1/x", "brackets");
}

static void test_unix(void **state)
{
	struct uri uri = parse("nbd+unix:///x?socket=/run/a%20b.sock");

	(void)state;
	assert_int_equal(uri.transport, URI_UNIX);
	assert_string_equal(uri.socket, "/run/a b.sock");
	assert_int_equal(uri.socket_len, 13);
	assert_string_equal(uri.export, "x");

	assert_string_equal(parse("nbd+unix://?socket=s").socket, "s");
	uri = parse("nbd+unix:///?socket=%00name");
	assert_int_equal(uri.socket_len, 5);
	assert_memory_equal(uri.socket, "\0name", 5);

	refuse("nbd+unix:///x", "is missing");
	refuse("nbd+unix://host/x?socket=/s", "three slashes");
	refuse("nbd+unix:///x?socket=", "empty");
	refuse("nbd+unix:///x?socket=%00", "empty");
	refuse("nbd+unix:///x?socket=/a%00b", "%00");
	refuse("nbd+unix:///x?socket=%00a%00b", "%00");
	refuse("nbd+unix:///x?socket=/a&socket=/b", "twice");
	refuse("nbd://h/x?socket=/a", "+unix");
}

static void test_socket_length(void **state)
{
	char text[256] = "nbd+unix:///?socket=";
	size_t prefix = strlen(text);

	(void)state;
	memset(text + prefix, 's', 107);
	assert_int_equal(parse(text).socket_len, 107);
	text[prefix + 107] = 's';
	refuse(text, "too long");
}

static void test_vsock(void **state)
{
	struct uri uri = parse("nbd+vsock://2/x");

	(void)state;
	assert_int_equal(uri.transport, URI_VSOCK);
	assert_int_equal(uri.cid, 2);
	assert_int_equal(uri.port, 10809);
	uri = parse("nbd+vsock://4294967295:4294967295/x");
	assert_int_equal(uri.cid, UINT32_MAX);
	assert_int_equal(uri.port, UINT32_MAX);
	refuse("nbd+vsock:///x", "CID");
	refuse("nbd+vsock://host/x", "CID");
	refuse("nbd+vsock://4294967296/x", "CID");
	refuse("nbd+vsock://2:4294967296/x", "port");
}

static void test_tls(void **state)
{
	(void)state;
	assert_true(parse("nbds://h/x").tls);
	assert_true(parse("nbds+vsock://2/x").tls);
	assert_true(parse("nbds+unix:///x?socket=/s&tls-type=psk").tls);
	assert_string_equal(parse("nbds://user@h/x?tls-verify-peer=false").host,
			    "h");
	refuse("nbd://user@h/x", "TLS");
	refuse("nbd://h/x?tls-type=psk", "TLS");
}

static void test_malformed(void **state)
{
	static const char * const none[] = {
		"", "nbd", "nbd:", "nbd:/", "nbd:/h/x", "host/x",
		"nbd:unix:/run/s", "/dev/sda",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(none); i++)
		refuse(none[i], "nbd://");
	refuse("://h//x", "scheme");
	refuse("http://h/x", "unknown scheme");
	refuse("nbdx://h/x", "unknown scheme");
	refuse("nbd+tcp://h/x", "unknown scheme");
	refuse("nbd://-oProxy/x", "'-'");
	refuse("nbd://%2doProxy/x", "'-'");
	refuse("nbd://h:0/x", "port");
	refuse("nbd://h:65536/x", "port");
	refuse("nbd://h:1x/x", "port");
	refuse("nbd://h:18446744073709551617/x", "port");
	refuse("nbd://h/%", "hexadecimal");
	refuse("nbd://h/%4", "hexadecimal");
	refuse("nbd://h/%zz", "hexadecimal");
	refuse("nbd://h/a%00b", "%00");
	refuse("nbd://h%00/x", "%00");
	refuse("nbd://h/a b", "space");
	refuse("nbd://h/a\nb", "control");
	refuse("nbd://h/x#part", "%23");
	refuse("nbd://h/x?colour=red", "unknown parameter");
	refuse("nbd://h/x?colour", "without '='");
}

static void test_lengths(void **state)
{
	static char text[3 * URI_MAX_EXPORT + 64];
	static char name[URI_MAX_EXPORT + 2];
	struct uri uri;
	struct err err;

	(void)state;
	snprintf(text, sizeof(text), "nbd://h/");
	memset(text + 8, 'e', URI_MAX_EXPORT);
	assert_int_equal(strlen(parse(text).export), URI_MAX_EXPORT);
	text[8 + URI_MAX_EXPORT] = 'e';
	refuse(text, "too long");

	uri = parse("nbd://h/x");
	memset(name, 'n', URI_MAX_EXPORT);
	assert_int_equal(uri_set_export(&uri, name, &err), 0);
	assert_string_equal(uri.export, name);
	name[URI_MAX_EXPORT] = 'n';
	assert_int_equal(uri_set_export(&uri, name, &err), -1);
	assert_int_equal(err.status, ST_USAGE);

	memset(text + 6, 'h', 300);
	memcpy(text + 306, "/x", 3);
	refuse(text, "too long");
}

/* Nothing that a user passes on reaches the terminal as it is. */
static void test_message(void **state)
{
	struct uri uri;
	struct err err;

	(void)state;
	assert_int_equal(uri_parse(&uri, "x\033[31m\n", &err), -1);
	assert_null(strpbrk(err.text, "\033\n"));
}

static void check_format(const char *text, const char *canonical)
{
	static char out[URI_MAX_FORMAT], again[URI_MAX_FORMAT];
	struct uri uri = parse(text);

	assert_string_equal(uri_format(&uri, out, sizeof(out)), canonical);
	uri = parse(out);
	assert_string_equal(uri_format(&uri, again, sizeof(again)), out);
}

static void test_format(void **state)
{
	static char text[3 * URI_MAX_EXPORT + 64];
	size_t i;

	(void)state;
	check_format("nbd://h", "nbd://h/");
	check_format("NBD://h:10809//a%2fb%20c", "nbd://h//a/b%20c");
	check_format("nbd://[::1]:7/x", "nbd://[::1]:7/x");
	check_format("nbd://[fe80::1%25eth0]/", "nbd://[fe80::1%25eth0]/");
	check_format("nbd+vsock://3:10809/%3f", "nbd+vsock://3/%3F");
	check_format("nbd+unix://?socket=%00a%26b",
		     "nbd+unix:///?socket=%00a%26b");
	check_format("nbds://h/%c3%a9", "nbds://h/%C3%A9");

	/* The longest there is. */
	snprintf(text, sizeof(text), "nbd://h/");
	for (i = 0; i < URI_MAX_EXPORT; i++)
		memcpy(text + 8 + 3 * i, "%FF", 4);
	check_format(text, text);
}

static void test_server(void **state)
{
	struct uri uri = parse("nbd://h/x");
	char out[512];

	(void)state;
	assert_string_equal(uri_server(&uri, out, sizeof(out)),
			    "h port 10809");
	uri = parse("nbd+unix:///?socket=%00a%1b");
	assert_string_equal(uri_server(&uri, out, sizeof(out)),
			    "socket \\x00a\\x1b");
	uri = parse("nbd+vsock://2:5/x");
	assert_string_equal(uri_server(&uri, out, sizeof(out)),
			    "vsock 2 port 5");
}

/* @text in the working directory @dir becomes a URI of @socket; NULL: it is too long. */
static void absolute(const char *dir, const char *text, const char *socket)
{
	struct uri uri = parse(text);
	struct err err;

	assert_int_equal(chdir(dir), 0);
	if (!socket) {
		assert_int_equal(uri_make_absolute(&uri, &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, "longer than 107"));
		return;
	}
	assert_int_equal(uri_make_absolute(&uri, &err), 0);
	assert_string_equal(uri.socket, socket);
	assert_int_equal(uri.socket_len, strlen(socket));
}

static void test_absolute(void **state)
{
	char text[URI_MAX_FORMAT], name[URI_MAX_SOCKET + 1];
	char path[URI_MAX_SOCKET + 2];
	struct uri uri;
	struct err err;

	(void)state;
	absolute("/usr", "nbd+unix:///?socket=s", "/usr/s");
	absolute("/", "nbd+unix:///?socket=run/s", "/run/s");
	absolute("/usr", "nbd+unix:///?socket=/run/../s", "/run/../s");
	memset(name, 'x', sizeof(name));
	name[URI_MAX_SOCKET - 4] = '\0';
	snprintf(text, sizeof(text), "nbd+unix:///?socket=%s", name);
	absolute("/usr", text, NULL);
	snprintf(path, sizeof(path), "/%s", name);
	absolute("/", text, path);
	uri = parse("nbd://host/");
	assert_int_equal(uri_make_absolute(&uri, &err), 0);
	assert_string_equal(uri.host, "host");
}

static void test_sizes(void **state)
{
	static const char * const none[] = {
		"", "K", "-1", "+1", " 1", "1 ", "1KB", "1X", "0x10", "1.5G",
		"18446744073709551616", "16777216T", "18014398509481984K",
	};
	u64 value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(none); i++)
		if (args_size(none[i], &value))
			fail_msg("size \"%s\" was taken", none[i]);
	assert_true(args_size("0", &value));
	assert_int_equal(value, 0);
	assert_true(args_size("4k", &value));
	assert_int_equal(value, 4096);
	assert_true(args_size("3M", &value));
	assert_int_equal(value, 3 << 20);
	assert_true(args_size("16777215T", &value));
	assert_true(value == 16777215ULL << 40);
	assert_true(args_number("18446744073709551615", &value));
	assert_true(value == ~0ULL);
	assert_false(args_number("1k", &value));
}

static void test_devices(void **state)
{
	static const char * const none[] = {
		"", "nbd", "/dev/", "/dev/nbd", "/dev/3", "sda", "nbd1x",
		"nbd-1", "-1", "nbd70000", "nbd1p", "/dev/../nbd1", "nbd1 ",
	};
	struct err err;
	u32 index;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(none); i++)
		if (!args_device(none[i], &index, &err))
			fail_msg("device \"%s\" was taken", none[i]);
	assert_int_equal(args_device("/dev/nbd12", &index, &err), 0);
	assert_int_equal(index, 12);
	assert_int_equal(args_device("nbd0", &index, &err), 0);
	assert_int_equal(index, 0);
	assert_int_equal(args_device("7", &index, &err), 0);
	assert_int_equal(index, 7);
	assert_int_equal(args_device("nbd0p1", &index, &err), -1);
	assert_non_null(strstr(err.text, "partition"));
	assert_int_equal(err.status, ST_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_socket_length),
		cmocka_unit_test(test_vsock),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_absolute),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
