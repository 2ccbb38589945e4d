// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as a URI: it is refused in words that a terminal can bear, or it is
 * understood, and then what uri_format() writes is understood as the same. The
 * same holds with the text as the name of the export. An input is the text.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "check-text.h"
#include "uri.h"

static void check_uri(const struct uri *uri)
{
	assert(uri->port);
	assert(uri->port <= 65535 || uri->transport == URI_VSOCK);
	assert(memchr(uri->host, '\0', sizeof(uri->host)));
	assert(memchr(uri->export, '\0', sizeof(uri->export)));
	assert(uri->socket_len <= URI_MAX_SOCKET);
	assert(!uri->socket[uri->socket_len]);
	assert(!uri->socket_len == (uri->transport != URI_UNIX));
	assert(!uri->host[0] == (uri->transport != URI_TCP));
	assert(uri->host[0] != '-');
}

/* What does not fit is cut off. */
static void check_short(const struct uri *uri, const char *format)
{
	size_t size = 64 + strlen(format) % 64;
	char *dst = malloc(size);

	assert(dst);
	uri_format(uri, dst, size);
	assert(strlen(dst) < size);
	free(dst);
}

static void check_again(const struct uri *uri)
{
	static char format[URI_MAX_FORMAT], again[URI_MAX_FORMAT];
	static struct uri other;
	struct err err;
	int ret;

	uri_format(uri, format, sizeof(format));
	ret = uri_parse(&other, format, &err);
	assert(!ret);
	assert(!memcmp(uri, &other, sizeof(other)));
	uri_format(&other, again, sizeof(again));
	assert(!strcmp(format, again));
	check_short(uri, format);
}

static void check_server(const struct uri *uri)
{
	char server[1200];

	check_text(uri_server(uri, server, sizeof(server)));
}

static void check(const char *text)
{
	static struct uri uri;
	struct err err = { .status = ST_OK };

	if (uri_parse(&uri, text, &err)) {
		assert(err.status == ST_USAGE);
		check_text(err.text);
		return;
	}
	check_uri(&uri);
	check_again(&uri);
	check_server(&uri);
}

static void check_name(const char *name)
{
	static struct uri uri;
	struct err err = { .status = ST_OK };
	int ret = uri_parse(&uri, "nbd+unix:///?socket=/s", &err);

	assert(!ret);
	if (uri_set_export(&uri, name, &err)) {
		assert(err.status == ST_USAGE);
		check_text(err.text);
		return;
	}
	check_again(&uri);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	check(text);
	check_name(text);
	free(text);
	return 0;
}
