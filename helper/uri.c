// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsing of NBD URIs. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "args.h"
#include "text.h"
#include "uri.h"

/* A part of the text that is being parsed. */
struct span {
	const char *s;
	size_t len;
};

struct scheme {
	const char *name;
	enum uri_transport transport;
	bool tls;
};

static const struct scheme schemes[] = {
	{ "nbd",	URI_TCP,	false },
	{ "nbds",	URI_TCP,	true },
	{ "nbd+unix",	URI_UNIX,	false },
	{ "nbds+unix",	URI_UNIX,	true },
	{ "nbd+vsock",	URI_VSOCK,	false },
	{ "nbds+vsock",	URI_VSOCK,	true },
};

static const char * const tls_parameters[] = {
	"tls-type", "tls-hostname", "tls-verify-peer", "tls-certificates",
	"tls-psk-file",
};

static int bad(struct err *err, const char *text, const char *why)
{
	char shown[512];

	return err_set(err, ST_USAGE, "malformed URI %s: %s",
		       text_escape(shown, sizeof(shown), text, strlen(text)),
		       why);
}

static bool span_is(struct span a, const char *b)
{
	return a.len == strlen(b) && !memcmp(a.s, b, a.len);
}

/* Split at the first @c: what is before it, and what is after it. */
static bool split(struct span in, char c, struct span *head, struct span *tail)
{
	const char *p = in.len ? memchr(in.s, c, in.len) : NULL;

	if (!p) {
		*head = in;
		tail->s = in.s + in.len;
		tail->len = 0;
		return false;
	}
	head->s = in.s;
	head->len = (size_t)(p - in.s);
	tail->s = p + 1;
	tail->len = in.len - head->len - 1;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Percent-decode @in into @dst, which takes @max bytes and a NUL. Returns the
 * number of bytes, or -1 and the reason in @why.
 */
static int decode(struct span in, char *dst, size_t max, const char **why)
{
	size_t i, n = 0;

	for (i = 0; i < in.len; i++) {
		char c = in.s[i];

		if (c == '%') {
			int hi = i + 1 < in.len ? hex_digit(in.s[i + 1]) : -1;
			int lo = i + 2 < in.len ? hex_digit(in.s[i + 2]) : -1;

			if (hi < 0 || lo < 0) {
				*why = "'%' without two hexadecimal digits";
				return -1;
			}
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		if (n == max) {
			*why = "a part of it is too long";
			return -1;
		}
		dst[n++] = c;
	}
	dst[n] = '\0';
	return (int)n;
}

/* As decode(), for a part in which a NUL has no place. */
static int decode_text(struct span in, char *dst, size_t max, const char **why)
{
	int n = decode(in, dst, max, why);

	if (n >= 0 && memchr(dst, '\0', (size_t)n)) {
		*why = "%00 has no place there";
		return -1;
	}
	return n;
}

static int parse_port(struct span in, u32 most, u32 *port,
		      const char **why)
{
	char digits[16];
	u64 value;

	if (!in.len)
		return 0;
	if (decode_text(in, digits, sizeof(digits) - 1, why) < 0 ||
	    !args_number(digits, &value) || !value || value > most) {
		*why = "the port is not a number in range";
		return -1;
	}
	*port = (u32)value;
	return 0;
}

static int parse_ipv6(struct uri *uri, struct span in, struct span *rest,
		      const char **why)
{
	char address[URI_MAX_HOST + 1];
	struct in6_addr scratch;
	struct span literal;

	in.s++;
	in.len--;
	if (!split(in, ']', &literal, rest)) {
		*why = "'[' without ']'";
		return -1;
	}
	if (decode_text(literal, uri->host, URI_MAX_HOST, why) < 0)
		return -1;
	snprintf(address, sizeof(address), "%.*s",
		 (int)strcspn(uri->host, "%"), uri->host);
	if (inet_pton(AF_INET6, address, &scratch) != 1) {
		*why = "not an IPv6 address between the brackets";
		return -1;
	}
	if (!rest->len)
		return 0;
	if (rest->s[0] != ':') {
		*why = "only a port may follow the brackets";
		return -1;
	}
	rest->s++;
	rest->len--;
	return 0;
}

static int parse_tcp(struct uri *uri, struct span in, const char **why)
{
	struct span host, port;

	if (in.len && in.s[0] == '[') {
		if (parse_ipv6(uri, in, &port, why))
			return -1;
	} else {
		split(in, ':', &host, &port);
		if (decode_text(host, uri->host, URI_MAX_HOST, why) < 0)
			return -1;
		/* It was %3a: uri_format() would take it for an address. */
		if (strchr(uri->host, ':')) {
			*why = "a host has no ':', and IPv6 needs brackets";
			return -1;
		}
	}
	if (!uri->host[0])
		snprintf(uri->host, sizeof(uri->host), "localhost");
	if (uri->host[0] == '-') {
		*why = "a host does not begin with '-'";
		return -1;
	}
	return parse_port(port, 65535, &uri->port, why);
}

static int parse_vsock(struct uri *uri, struct span in, const char **why)
{
	struct span cid, port;
	char digits[16];
	u64 value;

	split(in, ':', &cid, &port);
	if (decode_text(cid, digits, sizeof(digits) - 1, why) < 0 ||
	    !args_number(digits, &value) || value > UINT32_MAX) {
		*why = "a vsock server is named by its CID, a number";
		return -1;
	}
	uri->cid = (u32)value;
	return parse_port(port, UINT32_MAX, &uri->port, why);
}

static int parse_authority(struct uri *uri, struct span in, const char **why)
{
	struct span user, rest;
	char scratch[URI_MAX_HOST + 1];

	if (split(in, '@', &user, &rest)) {
		if (!uri->tls) {
			*why = "a user name needs TLS";
			return -1;
		}
		if (decode_text(user, scratch, URI_MAX_HOST, why) < 0)
			return -1;
		in = rest;
	}
	switch (uri->transport) {
	case URI_TCP:
		return parse_tcp(uri, in, why);
	case URI_VSOCK:
		return parse_vsock(uri, in, why);
	default:
		break;
	}
	if (in.len) {
		*why = "a UNIX socket has no host: write three slashes";
		return -1;
	}
	return 0;
}

static int parse_socket(struct uri *uri, struct span in, const char **why)
{
	int n;

	if (uri->transport != URI_UNIX) {
		*why = "socket= needs a scheme with +unix";
		return -1;
	}
	if (uri->socket_len) {
		*why = "socket= given twice";
		return -1;
	}
	n = decode(in, uri->socket, URI_MAX_SOCKET, why);
	if (n < 0)
		return -1;
	if (!n || (n == 1 && !uri->socket[0])) {
		*why = "socket= is empty";
		return -1;
	}
	if (memchr(uri->socket + 1, '\0', (size_t)n - 1)) {
		*why = "%00 has no place there";
		return -1;
	}
	uri->socket_len = (size_t)n;
	return 0;
}

static int parse_parameter(struct uri *uri, struct span in, const char **why)
{
	char scratch[URI_MAX_EXPORT + 1];
	struct span name, value;
	size_t i;

	if (!split(in, '=', &name, &value)) {
		*why = "a parameter without '='";
		return -1;
	}
	if (span_is(name, "socket"))
		return parse_socket(uri, value, why);
	for (i = 0; i < ARRAY_SIZE(tls_parameters); i++) {
		if (!span_is(name, tls_parameters[i]))
			continue;
		if (!uri->tls) {
			*why = "TLS parameters need a scheme with nbds";
			return -1;
		}
		if (decode_text(value, scratch, URI_MAX_EXPORT, why) < 0)
			return -1;
		return 0;
	}
	*why = "unknown parameter";
	return -1;
}

static int parse_query(struct uri *uri, struct span in, const char **why)
{
	struct span parameter;

	while (in.len) {
		split(in, '&', &parameter, &in);
		if (parameter.len && parse_parameter(uri, parameter, why))
			return -1;
	}
	return 0;
}

static const struct scheme *find_scheme(struct span in)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strlen(schemes[i].name) == in.len &&
		    !strncasecmp(schemes[i].name, in.s, in.len))
			return &schemes[i];
	return NULL;
}

/* Everything after "scheme://". */
static int parse_rest(struct uri *uri, struct span in, const char **why)
{
	struct span query, authority, path;
	size_t n;

	split(in, '?', &in, &query);
	n = in.len;
	split(in, '/', &authority, &path);
	if (authority.len == n)
		path.len = 0;
	if (parse_authority(uri, authority, why) ||
	    decode_text(path, uri->export, URI_MAX_EXPORT, why) < 0 ||
	    parse_query(uri, query, why))
		return -1;
	if (uri->transport == URI_UNIX && !uri->socket_len) {
		*why = "socket=PATH is missing";
		return -1;
	}
	return 0;
}

/**
 * uri_parse - parse an NBD URI
 * @uri: result
 * @text: the URI
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int uri_parse(struct uri *uri, const char *text, struct err *err)
{
	const struct scheme *scheme;
	const char *why = NULL, *p;
	struct span head, rest;

	memset(uri, 0, sizeof(*uri));
	uri->port = URI_DEFAULT_PORT;
	for (p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return bad(err, text, "space or control character");
	if (strchr(text, '#'))
		return bad(err, text, "'#' must be written as %23");
	head.s = text;
	head.len = strlen(text);
	if (!split(head, ':', &head, &rest) || rest.len < 2 ||
	    memcmp(rest.s, "//", 2))
		return bad(err, text, "it does not begin with nbd://");
	scheme = find_scheme(head);
	if (!scheme)
		return bad(err, text, "unknown scheme");
	uri->transport = scheme->transport;
	uri->tls = scheme->tls;
	rest.s += 2;
	rest.len -= 2;
	if (parse_rest(uri, rest, &why))
		return bad(err, text, why);
	return 0;
}

/**
 * uri_set_export - replace the name of the export
 * @uri: the URI
 * @name: the name, as it is, without percent-encoding
 * @err: filled on failure
 *
 * Return: 0, or -1 with @err set.
 */
int uri_set_export(struct uri *uri, const char *name, struct err *err)
{
	if (strlen(name) > URI_MAX_EXPORT)
		return err_set(err, ST_USAGE,
			       "the export name is longer than %d bytes",
			       URI_MAX_EXPORT);
	memcpy(uri->export, name, strlen(name) + 1);
	return 0;
}
