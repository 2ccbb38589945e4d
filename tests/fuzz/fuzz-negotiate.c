// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The handshake with a server that says anything. An input is
 *
 *	3 bytes		what is asked for, one thing after the other: NEG_* (2
 *			bits), whether to describe (1), which name (2), whether
 *			without GO (1)
 *	1 byte		the server's bytes come in pieces of so many, 0: 256
 *	the rest	what the server says, then it hangs up
 *
 * What the client says is checked for its length and thrown away.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <linux/nbd.h>

#include "check-text.h"
#include "hide.h"
#include "negotiate.h"

#define REQUESTS	3
#define HEADER		(REQUESTS + 1)

/* Bytes of one payload that are taken from the input; more are made up. */
#define BODY		256

struct server {
	const u8 *script;
	size_t len;
	size_t at;
	size_t body;
	size_t piece;
};

struct talk {
	struct negotiate neg;
	size_t said;
	unsigned int asked;
};

static struct neg_request request_of(u8 choice)
{
	static char longest[NBD_MAX_STRING];
	static const struct {
		const char *s;
		size_t len;
	} names[] = {
		{ "disk", 4 },
		{ "", 0 },
		{ "\xc3\xa9\xff\033[2J\\", 8 },
		{ longest, sizeof(longest) },
	};
	struct neg_request request = {
		.op = choice & 3,
		.describe = choice & 4,
		.by_name = choice & 32,
		.name = names[choice >> 3 & 3].s,
		.name_len = names[choice >> 3 & 3].len,
	};

	if (!longest[0])
		memset(longest, 0xe2, sizeof(longest));
	return request;
}

static void check_export(const struct export *e)
{
	assert(e->size <= INT64_MAX);
	assert(e->flags & NBD_FLAG_HAS_FLAGS ||
	       !(e->flags & ~NBD_FLAG_READ_ONLY));
	assert(e->minimum && e->minimum <= 65536);
	assert(!(e->minimum & (e->minimum - 1)));
	assert(!(e->preferred & (e->preferred - 1)));
	assert(e->preferred >= e->minimum && e->maximum >= e->preferred);
	assert(e->name_len <= NBD_MAX_STRING && !e->name[e->name_len]);
	assert(e->description_len <= NBD_MAX_STRING);
	assert(!e->description[e->description_len]);
}

/* What holds at every moment. */
static void check_bounds(const struct negotiate *neg)
{
	assert(neg->need <= sizeof(neg->in) && neg->have <= neg->need);
	assert(neg->skip <= NEG_MAX_REPLY);
	assert(neg->out_len <= sizeof(neg->out));
	assert(neg->out_done <= neg->out_len);
	assert(neg->total <= NEG_MAX_TOTAL + NEG_MAX_REPLY);
	assert(neg->export.name_len <= NBD_MAX_STRING);
	assert(neg->export.description_len <= NBD_MAX_STRING);
}

/* The end of what was asked for: good, refused, or the handshake is broken. */
static void check_end(const struct negotiate *neg)
{
	size_t i;

	assert(!neg_want(neg));
	for (i = 0; i < neg->nr_entries; i++) {
		const struct neg_entry *e = &neg->entries[i];

		assert(e->name_len <= NBD_MAX_STRING && !e->name[e->name_len]);
		assert(e->description_len <= NBD_MAX_STRING);
		assert(!e->description[e->description_len]);
	}
	if (neg->phase == NEG_FAILED || neg->refusal) {
		assert(neg->err.status != ST_OK);
		check_text(neg->err.text);
		return;
	}
	switch (neg->request.op) {
	case NEG_GO:
		assert(neg->phase == NEG_TRANSMISSION && neg->got_export);
		check_export(&neg->export);
		break;
	case NEG_INFO:
		assert(neg->phase == NEG_READY && neg->got_export);
		check_export(&neg->export);
		break;
	case NEG_LIST:
		assert(neg->phase == NEG_READY);
		break;
	case NEG_ABORT:
		assert(neg->phase == NEG_CLOSED);
		break;
	}
}

/*
 * Send what is to be sent, but a part of it when the server's bytes come in
 * small pieces. Returns false while more is to be sent.
 */
static bool send_some(struct talk *talk, size_t piece)
{
	size_t len, part;

	neg_output(&talk->neg, &len);
	part = len < 8 * piece ? len : 8 * piece;
	neg_sent(&talk->neg, part);
	talk->said += part;
	return part == len;
}

/* At most @want bytes of the script; 0 when it is at its end. */
static size_t read_script(struct server *server, size_t want, const u8 **data)
{
	if (want > server->len - server->at)
		want = server->len - server->at;
	*data = server->script + server->at;
	server->at += want;
	return want;
}

/* What the server sends next; 0 when it hangs up. */
static size_t next(struct server *server, enum neg_phase phase, size_t want,
		   const u8 **data)
{
	static const u8 made_up[NEG_MAX_REPLY];

	if (phase == NEG_BODY && server->body == BODY) {
		*data = made_up;
		return want;
	}
	if (want > server->piece)
		want = server->piece;
	if (phase != NEG_BODY) {
		server->body = 0;
		return read_script(server, want, data);
	}
	if (want > BODY - server->body)
		want = BODY - server->body;
	want = read_script(server, want, data);
	server->body += want;
	return want;
}

/* Of what was read before only the present item may be looked at. */
static void feed(struct negotiate *neg, const u8 *data, size_t part)
{
	size_t known = neg->have < neg->need ? neg->have + part : neg->have;

	hide_rest(neg->in, known, sizeof(neg->in));
	neg_feed(neg, data, part);
	show_all(neg->in, sizeof(neg->in));
}

static void answer(struct talk *talk, struct server *server)
{
	struct negotiate *neg = &talk->neg;
	size_t want, part;
	const u8 *data;

	while (neg_busy(neg)) {
		if (!send_some(talk, server->piece) || !neg_busy(neg))
			continue;
		want = neg_want(neg);
		assert(want && *neg_waiting_for(neg));
		part = next(server, neg->phase, want, &data);
		if (part)
			feed(neg, data, part);
		else
			neg_eof(neg);
		check_bounds(neg);
	}
	check_end(neg);
}

static void play(struct talk *talk, struct server *server, const u8 *choices)
{
	struct neg_request request = request_of(choices[0]);

	talk->said = 0;
	talk->asked = 1;
	neg_init(&talk->neg, "server", &request);
	answer(talk, server);
	while (talk->asked < REQUESTS && talk->neg.phase == NEG_READY) {
		request = request_of(choices[talk->asked++]);
		neg_request(&talk->neg, &request);
		answer(talk, server);
	}
}

static bool same_string(const char *a, size_t a_len, const char *b,
			size_t b_len)
{
	return a_len == b_len && !memcmp(a, b, a_len);
}

static void check_same_entries(const struct negotiate *a,
			       const struct negotiate *b)
{
	size_t i;

	assert(a->nr_entries == b->nr_entries);
	for (i = 0; i < a->nr_entries; i++) {
		const struct neg_entry *x = &a->entries[i], *y = &b->entries[i];

		assert(same_string(x->name, x->name_len, y->name,
				   y->name_len));
		assert(same_string(x->description, x->description_len,
				   y->description, y->description_len));
	}
}

/* In how many pieces the bytes come makes no difference. */
static void check_same(const struct talk *one, const struct talk *other)
{
	const struct negotiate *a = &one->neg, *b = &other->neg;

	assert(one->said == other->said && one->asked == other->asked);
	assert(a->phase == b->phase && a->refusal == b->refusal);
	assert(a->err.status == b->err.status);
	assert(!strcmp(a->err.text, b->err.text));
	assert(a->got_export == b->got_export);
	assert(export_same(&a->export, &b->export));
	assert(same_string(a->export.name, a->export.name_len,
			   b->export.name, b->export.name_len));
	assert(same_string(a->export.description, a->export.description_len,
			   b->export.description, b->export.description_len));
	check_same_entries(a, b);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct talk whole, pieces;
	struct server server = {
		.script = data + HEADER,
		.piece = SIZE_MAX / 8,
	};

	if (size < HEADER)
		return 0;
	server.len = size - HEADER;
	play(&whole, &server, data);

	server.at = 0;
	server.body = 0;
	server.piece = data[REQUESTS] ? data[REQUESTS] : 256;
	play(&pieces, &server, data);

	check_same(&whole, &pieces);
	neg_release(&whole.neg);
	neg_release(&pieces.neg);
	return 0;
}
