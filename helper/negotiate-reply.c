// SPDX-License-Identifier: GPL-2.0-or-later
/* Payloads of option replies: what a server says, checked. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/nbd.h>

#include "negotiate.h"
#include "text.h"
#include "wire.h"

static const char * const refusals[] = {
	[NBD_ERR_UNSUP]		  = "it does not support that",
	[NBD_ERR_POLICY]	  = "its policy forbids it",
	[NBD_ERR_INVALID]	  = "it found the request invalid",
	[NBD_ERR_PLATFORM]	  = "its platform does not support that",
	[NBD_ERR_TLS_REQD]	  = "it requires TLS, which is not supported yet",
	[NBD_ERR_UNKNOWN]	  = "no such export",
	[NBD_ERR_SHUTDOWN]	  = "it is shutting down",
	[NBD_ERR_BLOCK_SIZE_REQD] = "it requires block size negotiation",
	[NBD_ERR_TOO_BIG]	  = "it found the request too big",
	[NBD_ERR_EXT_HEADER_REQD] = "it requires extended headers",
};

/* What was asked for, for a message. */
static char *describe_request(const struct negotiate *n, char *dst,
			      size_t size)
{
	char shown[256];

	if (n->option == NBD_OPT_LIST)
		snprintf(dst, size, "to list its exports");
	else
		snprintf(dst, size, "export \"%s\"",
			 text_escape(shown, sizeof(shown), n->request.name,
				     n->request.name_len));
	return dst;
}

/**
 * neg_reply_error - note an error reply
 * @n: the handshake, with the payload in @n->in
 * @type: type of the reply
 *
 * The connection goes on; whether that is of use is the caller's matter.
 *
 * Return: -1.
 */
int neg_reply_error(struct negotiate *n, u32 type)
{
	u32 code = type & ~NBD_REP_ERROR_BIT;
	char words[700], what[320], number[40];
	const char *why = number;

	snprintf(number, sizeof(number), "error %#x", type);
	if (code < ARRAY_SIZE(refusals) && refusals[code])
		why = refusals[code];
	n->refusal = code ? code : UINT32_MAX;
	describe_request(n, what, sizeof(what));
	text_escape(words, sizeof(words), n->in, n->have);
	return err_set(&n->err, ST_REFUSED, "%.*s refused %s: %s%s%s%s", 400,
		       n->server, what, why,
		       words[0] ? " (server: \"" : "", words,
		       words[0] ? "\")" : "");
}

/**
 * neg_set_size - take over size and flags of an export
 * @n: the handshake
 * @size: bytes
 * @flags: NBD_FLAG_*
 *
 * Return: 0, or -1 when the handshake has failed.
 */
int neg_set_size(struct negotiate *n, u64 size, u16 flags)
{
	if (n->got_export)
		return neg_fail(n, ST_PROTOCOL,
				"the server described the export twice");
	if (size > INT64_MAX)
		return neg_fail(n, ST_PROTOCOL,
				"the size of the export, %llu, is out of range",
				size);
	/* Without HAS_FLAGS no bit promises anything; one takes away. */
	if (!(flags & NBD_FLAG_HAS_FLAGS))
		flags &= NBD_FLAG_READ_ONLY;
	n->export.size = size;
	n->export.flags = flags;
	n->got_export = true;
	return 0;
}

static bool is_power_of_two(u32 v)
{
	return v && !(v & (v - 1));
}

static int info_block_size(struct negotiate *n)
{
	u32 minimum = get_u32(n->in + 2);
	u32 preferred = get_u32(n->in + 6);
	u32 maximum = get_u32(n->in + 10);
	struct export *e = &n->export;

	if (e->has_block)
		return neg_fail(n, ST_PROTOCOL,
				"the server sent block sizes twice");
	if (!is_power_of_two(minimum) || minimum > 65536 ||
	    !is_power_of_two(preferred) || preferred < 512 ||
	    preferred < minimum || maximum < preferred)
		return neg_fail(n, ST_PROTOCOL,
				"the server sent impossible block sizes: minimum %u, preferred %u, maximum %u",
				minimum, preferred, maximum);
	e->has_block = true;
	e->minimum = minimum;
	e->preferred = preferred;
	e->maximum = maximum;
	return 0;
}

static int info_string(struct negotiate *n, char *dst, size_t *dst_len)
{
	size_t len = n->need - 2;

	if (n->skip || len > NBD_MAX_STRING)
		return neg_fail(n, ST_PROTOCOL,
				"a string of the server is too long");
	memcpy(dst, n->in + 2, len);
	dst[len] = '\0';
	*dst_len = len;
	return 0;
}

static int wrong_length(struct negotiate *n, const char *what)
{
	return neg_fail(n, ST_PROTOCOL, "%s has the wrong length %zu", what,
			n->need + n->skip);
}

/**
 * neg_reply_info - an INFO reply to GO or INFO
 * @n: the handshake, with the payload in @n->in
 *
 * Kinds that are not known are passed over.
 *
 * Return: 0, or -1 when the handshake has failed.
 */
int neg_reply_info(struct negotiate *n)
{
	struct export *e = &n->export;

	if (n->need < 2)
		return wrong_length(n, "an information");
	switch (get_u16(n->in)) {
	case NBD_INFO_EXPORT:
		if (n->need != NBD_INFO_EXPORT_LEN)
			return wrong_length(n, "the size of the export");
		return neg_set_size(n, get_u64(n->in + 2),
				    get_u16(n->in + 10));
	case NBD_INFO_BLOCK_SIZE:
		if (n->need != NBD_INFO_BLOCK_LEN)
			return wrong_length(n, "the block size");
		return info_block_size(n);
	case NBD_INFO_NAME:
		return info_string(n, e->name, &e->name_len);
	case NBD_INFO_DESCRIPTION:
		return info_string(n, e->description, &e->description_len);
	default:
		return 0;
	}
}

static char *copy_string(const unsigned char *s, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

static int add_entry(struct negotiate *n, u32 name_len, size_t rest)
{
	struct neg_entry *entries, *e;

	entries = realloc(n->entries, (n->nr_entries + 1) * sizeof(*entries));
	if (!entries)
		return neg_fail(n, ST_FAILED, "out of memory");
	n->entries = entries;
	e = &entries[n->nr_entries];
	e->name = copy_string(n->in + 4, name_len);
	e->name_len = name_len;
	e->description = copy_string(n->in + 4 + name_len, rest);
	e->description_len = rest;
	n->nr_entries++;
	if (!e->name || !e->description)
		return neg_fail(n, ST_FAILED, "out of memory");
	return 0;
}

/**
 * neg_reply_server - a SERVER reply to LIST
 * @n: the handshake, with the payload in @n->in
 *
 * Return: 0, or -1 when the handshake has failed.
 */
int neg_reply_server(struct negotiate *n)
{
	u32 name_len;
	size_t rest;

	if (n->need < 4)
		return wrong_length(n, "a name of an export");
	name_len = get_u32(n->in);
	if (name_len > n->need - 4)
		return wrong_length(n, "a name of an export");
	rest = n->need - 4 - name_len;
	if (n->skip || name_len > NBD_MAX_STRING || rest > NBD_MAX_STRING)
		return neg_fail(n, ST_PROTOCOL,
				"a string of the server is too long");
	return add_entry(n, name_len, rest);
}
