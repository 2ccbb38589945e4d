// SPDX-License-Identifier: GPL-2.0-or-later
/* Writing of NBD URIs. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/**
 * uri_make_absolute - have a URI hold in another working directory, too
 * @uri: the URI
 * @err: filled on failure
 *
 * A symbolic link stays: where it points to may be another place later.
 *
 * Return: 0, or -1 with @err set when it becomes too long.
 */
int uri_make_absolute(struct uri *uri, struct err *err)
{
	char path[PATH_MAX];
	size_t len, rest = uri->socket_len;

	if (uri->transport != URI_UNIX || !uri->socket[0] ||
	    uri->socket[0] == '/')
		return 0;
	if (!getcwd(path, sizeof(path)))
		return err_set(err, ST_FAILED, "no working directory: %s",
			       strerror(errno));
	len = path[1] ? strlen(path) : 0;
	if (len + 1 + rest > URI_MAX_SOCKET)
		return err_set(err, ST_USAGE,
			       "socket %s: with the name of this directory it is longer than %u bytes",
			       uri->socket, URI_MAX_SOCKET);
	path[len++] = '/';
	memcpy(path + len, uri->socket, rest + 1);
	memcpy(uri->socket, path, len + rest + 1);
	uri->socket_len = len + rest;
	return 0;
}
