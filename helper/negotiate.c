// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of things in a handshake; payloads are in negotiate-reply.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "negotiate.h"
#include "text.h"
#include "wire.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/**
 * neg_fail - end the handshake with an error of the server
 * @n: the handshake
 * @status: exit status
 * @fmt: printf format; the server's name goes before it
 *
 * Return: -1.
 */
int neg_fail(struct negotiate *n, int status, const char *fmt, ...)
{
	char text[1600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->phase = NEG_FAILED;
	return err_set(&n->err, status, "%.*s: %s", 400, n->server, text);
}

/* Begin to read an item: @keep bytes of it are kept, @skip thrown away. */
static void expect(struct negotiate *n, enum neg_phase phase, size_t keep,
		   size_t skip)
{
	n->phase = phase;
	n->have = 0;
	n->need = keep;
	n->skip = skip;
}

static void emit(struct negotiate *n, const void *data, size_t len)
{
	if (n->out_done == n->out_len) {
		n->out_done = 0;
		n->out_len = 0;
	}
	memcpy(n->out + n->out_len, data, len);
	n->out_len += len;
}

static void emit_option(struct negotiate *n, u32 option, u32 len)
{
	unsigned char header[NBD_OPTION_LEN];

	put_u64(header, NBD_OPTION_MAGIC);
	put_u32(header + 8, option);
	put_u32(header + 12, len);
	emit(n, header, sizeof(header));
	n->option = option;
	n->replies = 0;
	n->total = 0;
}

/* proto.md, "Option types", NBD_OPT_EXPORT_NAME: ends the handshake, well or not. */
static void send_export_name(struct negotiate *n)
{
	emit_option(n, NBD_OPT_EXPORT_NAME, (u32)n->request.name_len);
	emit(n, n->request.name, n->request.name_len);
	expect(n, NEG_EXPORT_NAME, NBD_EXPORT_NAME_LEN, 0);
}

/* GO and INFO: name, then the kinds of information that are wanted. */
static void send_go(struct negotiate *n, u32 option)
{
	static const u16 wanted[] = {
		NBD_INFO_BLOCK_SIZE, NBD_INFO_NAME, NBD_INFO_DESCRIPTION,
	};
	u16 i, count = n->request.describe ? 3 : 1;
	size_t len = n->request.name_len;
	unsigned char field[4];

	emit_option(n, option, (u32)(4 + len + 2 + 2 * count));
	put_u32(field, (u32)len);
	emit(n, field, 4);
	emit(n, n->request.name, len);
	put_u16(field, count);
	emit(n, field, 2);
	for (i = 0; i < count; i++) {
		put_u16(field, wanted[i]);
		emit(n, field, 2);
	}
	expect(n, NEG_REPLY, NBD_REPLY_LEN, 0);
}

static void reset_export(struct negotiate *n)
{
	struct export *e = &n->export;

	n->got_export = false;
	memset(e, 0, sizeof(*e));
	e->minimum = NBD_DEFAULT_MINIMUM;
	e->preferred = NBD_DEFAULT_PREFERRED;
	e->maximum = NBD_DEFAULT_MAXIMUM;
}

static void start_request(struct negotiate *n)
{
	bool fixed = n->flags & NBD_HS_FIXED_NEWSTYLE;

	n->refusal = 0;
	reset_export(n);
	if (!fixed && n->request.op != NEG_GO) {
		neg_fail(n, ST_REFUSED,
			 "the server is too old to describe exports");
		return;
	}
	switch (n->request.op) {
	case NEG_GO:
		if (fixed && !n->request.by_name)
			send_go(n, NBD_OPT_GO);
		else
			send_export_name(n);
		break;
	case NEG_INFO:
		send_go(n, NBD_OPT_INFO);
		break;
	case NEG_LIST:
		emit_option(n, NBD_OPT_LIST, 0);
		expect(n, NEG_REPLY, NBD_REPLY_LEN, 0);
		break;
	case NEG_ABORT:
		emit_option(n, NBD_OPT_ABORT, 0);
		expect(n, NEG_CLOSED, 0, 0);
		break;
	}
}

/* Bytes of the present item that have not come. */
static size_t missing(const struct negotiate *n)
{
	return n->have < n->need ? n->need - n->have : n->skip;
}

/* 8 bytes have come that are not the magic: say what they look like. */
static int not_nbd(struct negotiate *n)
{
	char shown[64];

	return neg_fail(n, ST_PROTOCOL,
			"not an NBD server: its first bytes are \"%s\"",
			text_escape(shown, sizeof(shown), n->in, 8));
}

static int step_greeting(struct negotiate *n)
{
	if (get_u64(n->in) != NBD_MAGIC)
		return not_nbd(n);
	expect(n, NEG_OPTION_MAGIC, 8, 0);
	return 0;
}

static int step_option_magic(struct negotiate *n)
{
	u64 magic = get_u64(n->in);

	if (magic == NBD_OLDSTYLE_MAGIC)
		return neg_fail(n, ST_PROTOCOL,
				"the server speaks the oldstyle handshake, which is not supported");
	if (magic != NBD_OPTION_MAGIC)
		return neg_fail(n, ST_PROTOCOL,
				"not an NBD server: unknown handshake %#llx",
				magic);
	expect(n, NEG_FLAGS, 2, 0);
	return 0;
}

static int step_flags(struct negotiate *n)
{
	unsigned char field[4];

	/* Bits that we do not know are none of our business. */
	n->flags = get_u16(n->in) & (NBD_HS_FIXED_NEWSTYLE | NBD_HS_NO_ZEROES);
	put_u32(field, n->flags);
	emit(n, field, 4);
	start_request(n);
	return 0;
}

static int check_reply(struct negotiate *n, u32 len)
{
	unsigned int most = n->option == NBD_OPT_LIST ?
			    NEG_MAX_EXPORTS + 1 : NEG_MAX_REPLIES;

	if (get_u64(n->in) != NBD_OPTION_REPLY_MAGIC)
		return neg_fail(n, ST_PROTOCOL,
				"an option reply has the wrong magic %#llx",
				get_u64(n->in));
	if (get_u32(n->in + 8) != n->option)
		return neg_fail(n, ST_PROTOCOL,
				"the reply is to option %u, but option %u was sent",
				get_u32(n->in + 8), n->option);
	if (len > NEG_MAX_REPLY)
		return neg_fail(n, ST_PROTOCOL,
				"a reply of %u bytes is too long", len);
	n->total += len;
	if (++n->replies > most || n->total > NEG_MAX_TOTAL)
		return neg_fail(n, ST_PROTOCOL,
				"too many replies to one option");
	return 0;
}

static int step_reply(struct negotiate *n)
{
	u32 len = get_u32(n->in + 16);
	size_t keep;

	if (check_reply(n, len))
		return -1;
	n->type = get_u32(n->in + 12);
	keep = least(len, sizeof(n->in));
	expect(n, NEG_BODY, keep, len - keep);
	return 0;
}

static int end_of_replies(struct negotiate *n)
{
	if (n->need + n->skip)
		return neg_fail(n, ST_PROTOCOL,
				"the final reply carries data");
	if (n->option != NBD_OPT_LIST && !n->got_export)
		return neg_fail(n, ST_PROTOCOL,
				"the server acknowledged without describing the export");
	expect(n, n->option == NBD_OPT_GO ? NEG_TRANSMISSION : NEG_READY,
	       0, 0);
	return 0;
}

static int step_error(struct negotiate *n)
{
	if (n->type == NBD_REP_ERR(NBD_ERR_UNSUP) &&
	    n->option == NBD_OPT_GO) {
		reset_export(n);
		send_export_name(n);
		return 0;
	}
	neg_reply_error(n, n->type);
	expect(n, NEG_READY, 0, 0);
	return 0;
}

static int step_body(struct negotiate *n)
{
	bool list = n->option == NBD_OPT_LIST;
	int ret;

	if (n->type & NBD_REP_ERROR_BIT)
		return step_error(n);
	if (n->type == NBD_REP_ACK)
		return end_of_replies(n);
	if (n->type == NBD_REP_SERVER && list)
		ret = neg_reply_server(n);
	else if (n->type == NBD_REP_INFO && !list)
		ret = neg_reply_info(n);
	else
		return neg_fail(n, ST_PROTOCOL,
				"unexpected reply type %u to option %u",
				n->type, n->option);
	if (ret)
		return ret;
	expect(n, NEG_REPLY, NBD_REPLY_LEN, 0);
	return 0;
}

static int step_export_name(struct negotiate *n)
{
	if (neg_set_size(n, get_u64(n->in), get_u16(n->in + 8)))
		return -1;
	if (n->flags & NBD_HS_NO_ZEROES)
		expect(n, NEG_TRANSMISSION, 0, 0);
	else
		expect(n, NEG_ZEROES, 0, NBD_EXPORT_NAME_ZEROES);
	return 0;
}

/* The present item is complete. */
static int step(struct negotiate *n)
{
	switch (n->phase) {
	case NEG_GREETING:
		return step_greeting(n);
	case NEG_OPTION_MAGIC:
		return step_option_magic(n);
	case NEG_FLAGS:
		return step_flags(n);
	case NEG_REPLY:
		return step_reply(n);
	case NEG_BODY:
		return step_body(n);
	case NEG_EXPORT_NAME:
		return step_export_name(n);
	case NEG_ZEROES:
		expect(n, NEG_TRANSMISSION, 0, 0);
		return 0;
	default:
		return -1;
	}
}

/**
 * neg_init - begin a handshake
 * @n: the handshake
 * @server: name of the server for messages; must stay
 * @first: what to do after the greeting
 */
void neg_init(struct negotiate *n, const char *server,
	      const struct neg_request *first)
{
	memset(n, 0, sizeof(*n));
	n->server = server;
	n->request = *first;
	expect(n, NEG_GREETING, 8, 0);
}

/**
 * neg_release - free what a handshake holds
 * @n: the handshake
 */
void neg_release(struct negotiate *n)
{
	size_t i;

	for (i = 0; i < n->nr_entries; i++) {
		free(n->entries[i].name);
		free(n->entries[i].description);
	}
	free(n->entries);
	n->entries = NULL;
	n->nr_entries = 0;
}

/**
 * neg_request - begin another operation
 * @n: the handshake, in NEG_READY
 * @request: the operation
 */
void neg_request(struct negotiate *n, const struct neg_request *request)
{
	n->request = *request;
	start_request(n);
}

/**
 * neg_busy - whether the handshake waits for input or has output
 * @n: the handshake
 *
 * Return: false once the operation has ended, well or not.
 */
bool neg_busy(const struct negotiate *n)
{
	if (n->phase == NEG_FAILED)
		return false;
	return n->phase < NEG_READY || n->out_done < n->out_len;
}

/**
 * neg_want - how much to read next
 * @n: the handshake
 *
 * Nothing is read while there is output, so a server that answers before it
 * was asked cannot make the output grow.
 *
 * Return: the number of bytes that neg_feed() takes now, 0 for none.
 */
size_t neg_want(const struct negotiate *n)
{
	if (n->phase >= NEG_READY || n->out_done < n->out_len)
		return 0;
	return missing(n);
}

/**
 * neg_feed - bytes from the server
 * @n: the handshake
 * @data: the bytes
 * @len: their number; those beyond what is wanted are ignored
 */
void neg_feed(struct negotiate *n, const void *data, size_t len)
{
	const unsigned char *p = data;

	while (len && neg_want(n)) {
		size_t part = least(len, neg_want(n));

		if (n->have < n->need) {
			memcpy(n->in + n->have, p, part);
			n->have += part;
		} else {
			n->skip -= part;
		}
		p += part;
		len -= part;
		/* A reply may have no payload: then two steps follow. */
		while (n->phase < NEG_READY && !missing(n))
			if (step(n))
				return;
	}
}

/**
 * neg_eof - the server closed the connection
 * @n: the handshake
 */
void neg_eof(struct negotiate *n)
{
	char shown[512];

	if (n->phase > NEG_READY)
		return;
	if (n->phase == NEG_EXPORT_NAME && !n->have)
		neg_fail(n, ST_REFUSED,
			 "the server closed the connection when asked for export \"%s\"; it may not have it",
			 text_escape(shown, sizeof(shown), n->request.name,
				     n->request.name_len));
	else
		neg_fail(n, ST_PROTOCOL,
			 "the server closed the connection instead of sending %s",
			 neg_waiting_for(n));
}

/**
 * neg_output - what is to be sent
 * @n: the handshake
 * @len: number of bytes, 0 for none
 *
 * Return: the bytes.
 */
const void *neg_output(const struct negotiate *n, size_t *len)
{
	*len = n->out_len - n->out_done;
	return n->out + n->out_done;
}

/**
 * neg_sent - bytes of neg_output() have been sent
 * @n: the handshake
 * @len: how many
 */
void neg_sent(struct negotiate *n, size_t len)
{
	n->out_done += len;
}

/**
 * neg_waiting_for - what the server should send now
 * @n: the handshake
 *
 * Return: a few words for a message.
 */
const char *neg_waiting_for(const struct negotiate *n)
{
	switch (n->phase) {
	case NEG_GREETING:
	case NEG_OPTION_MAGIC:
	case NEG_FLAGS:
		return "its greeting";
	case NEG_REPLY:
	case NEG_BODY:
		return "its reply to an option";
	case NEG_EXPORT_NAME:
	case NEG_ZEROES:
		return "the size of the export";
	default:
		return "more";
	}
}
