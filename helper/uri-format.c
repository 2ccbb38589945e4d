// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing of NBD URIs. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "uri.h"

static const char * const scheme_names[][2] = {
	[URI_TCP]	= { "nbd",		"nbds" },
	[URI_UNIX]	= { "nbd+unix",		"nbds+unix" },
	[URI_VSOCK]	= { "nbd+vsock",	"nbds+vsock" },
};

/* Append @len bytes, percent-encoded but for letters, digits and @plain. */
static void append_encoded(char *dst, size_t size, const char *src, size_t len,
			   const char *plain)
{
	size_t used = strlen(dst);

	for (; len && used + 4 <= size; src++, len--) {
		unsigned char c = (unsigned char)*src;

		if (c && (isalnum(c) || strchr(plain, c)) && c < 0x80)
			used += (size_t)snprintf(dst + used, size - used, "%c",
						 c);
		else
			used += (size_t)snprintf(dst + used, size - used,
						 "%%%02X", c);
	}
}

static void append_port(const struct uri *uri, char *dst, size_t size)
{
	size_t used = strlen(dst);

	if (uri->port != URI_DEFAULT_PORT)
		snprintf(dst + used, size - used, ":%u", uri->port);
}

static void append_host(const struct uri *uri, char *dst, size_t size)
{
	bool literal = strchr(uri->host, ':');
	size_t used = strlen(dst);

	if (literal)
		snprintf(dst + used, size - used, "[");
	append_encoded(dst, size, uri->host, strlen(uri->host), "-._~:");
	used = strlen(dst);
	if (literal)
		snprintf(dst + used, size - used, "]");
}

/**
 * uri_format - write a URI in its one canonical form
 * @uri: the URI
 * @dst: where to
 * @size: size of @dst; URI_MAX_FORMAT takes any
 *
 * The default port is left out. Two URIs of the same server and export give
 * the same text.
 *
 * Return: @dst.
 */
char *uri_format(const struct uri *uri, char *dst, size_t size)
{
	size_t used;

	snprintf(dst, size, "%s://",
		 scheme_names[uri->transport][uri->tls ? 1 : 0]);
	used = strlen(dst);
	if (uri->transport == URI_VSOCK)
		snprintf(dst + used, size - used, "%u", uri->cid);
	else if (uri->transport == URI_TCP)
		append_host(uri, dst, size);
	if (uri->transport != URI_UNIX)
		append_port(uri, dst, size);
	used = strlen(dst);
	snprintf(dst + used, size - used, "/");
	append_encoded(dst, size, uri->export, strlen(uri->export),
		       "-._~/:@,");
	if (uri->transport != URI_UNIX)
		return dst;
	used = strlen(dst);
	snprintf(dst + used, size - used, "?socket=");
	append_encoded(dst, size, uri->socket, uri->socket_len, "-._~/:@,");
	return dst;
}

/**
 * uri_server - name the server for a message
 * @uri: the URI
 * @dst: where to
 * @size: size of @dst
 *
 * Return: @dst.
 */
char *uri_server(const struct uri *uri, char *dst, size_t size)
{
	char shown[4 * URI_MAX_HOST + 8];

	switch (uri->transport) {
	case URI_TCP:
		text_escape(shown, sizeof(shown), uri->host,
			    strlen(uri->host));
		snprintf(dst, size, "%s port %u", shown, uri->port);
		break;
	case URI_UNIX:
		text_escape(shown, sizeof(shown), uri->socket,
			    uri->socket_len);
		snprintf(dst, size, "socket %s", shown);
		break;
	case URI_VSOCK:
		snprintf(dst, size, "vsock %u port %u", uri->cid, uri->port);
		break;
	}
	return dst;
}
