// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive parser and any stream of bytes. An input is
 *
 *	8 bytes		how the stream is cut, over and over: lengths, less one
 *	the rest	the stream
 *
 * It is received as it is cut and in one piece. In both cases all must be as a
 * much simpler reading of the stream says, that is made here and knows it whole.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <asm/byteorder.h>

#include "../../driver/rx.h"
#include "hide.h"

#define CUTS		8
#define COMMANDS	16
#define PIECES		3
#define HEADER		16

/* Payloads of the commands in flight: pieces, as bios are. */
static const size_t payloads[COMMANDS][PIECES] = {
	[1]	= { 1 },
	[2]	= { 16 },
	[3]	= { 1, 7, 30 },
	[4]	= { 15, 1 },
	[5]	= { 128 },
	[6]	= { 512 },
	[7]	= { 64, 64, 64 },
	[8]	= { NBD_RX_SMALL },
	[9]	= { NBD_RX_SMALL + 1 },
	[10]	= { 3, NBD_RX_SMALL + 1 },
};

/* What has become of the commands. */
struct result {
	int error;
	size_t left;
	bool large;
	bool replied[COMMANDS];
	bool failed[COMMANDS];
	bool done[COMMANDS];
	u8 *data[COMMANDS][PIECES];
};

struct receiver {
	struct nbd_rx rx;
	struct result result;
	int current;
	unsigned int piece;
};

/* Each piece has its own memory, so that no byte goes beyond its end. */
static void clear(struct result *r)
{
	unsigned int i, piece;
	size_t len;

	r->error = 0;
	memset(r->replied, 0, sizeof(r->replied));
	memset(r->failed, 0, sizeof(r->failed));
	memset(r->done, 0, sizeof(r->done));
	for (i = 0; i < COMMANDS; i++) {
		for (piece = 0; piece < PIECES; piece++) {
			len = payloads[i][piece];
			if (!r->data[i][piece])
				r->data[i][piece] = malloc(len);
			assert(r->data[i][piece]);
			memset(r->data[i][piece], 0, len);
		}
	}
}

static struct receiver *receiver_of(struct nbd_rx *rx)
{
	return (struct receiver *)((char *)rx - offsetof(struct receiver, rx));
}

static int on_reply(struct nbd_rx *rx, const struct nbd_reply_info *info)
{
	struct receiver *r = receiver_of(rx);

	assert(r->current < 0);
	assert(info->error <= 0);
	if (info->cookie >= COMMANDS || r->result.replied[info->cookie])
		return -EBADMSG;
	r->current = info->cookie;
	r->piece = 0;
	r->result.replied[r->current] = true;
	r->result.failed[r->current] = info->error;
	return 0;
}

static size_t on_more(struct nbd_rx *rx)
{
	struct receiver *r = receiver_of(rx);
	struct kvec vec;

	assert(r->current >= 0);
	if (r->piece == PIECES || r->result.failed[r->current])
		return 0;
	vec.iov_base = r->result.data[r->current][r->piece];
	vec.iov_len = payloads[r->current][r->piece++];
	iov_iter_kvec(&rx->iter, ITER_DEST, &vec, 1, vec.iov_len);
	return vec.iov_len;
}

static void on_done(struct nbd_rx *rx)
{
	struct receiver *r = receiver_of(rx);

	assert(r->current >= 0);
	r->result.done[r->current] = true;
	r->current = -1;
}

static const struct nbd_rx_ops ops = {
	.reply	= on_reply,
	.more	= on_more,
	.done	= on_done,
};

static void begin(struct receiver *r)
{
	clear(&r->result);
	r->current = -1;
	nbd_rx_init(&r->rx, &ops);
}

static void end(struct receiver *r)
{
	r->result.left = r->rx.left;
	r->result.large = r->rx.large;
	if (!r->result.error)
		assert((r->current >= 0) == (r->rx.state == NBD_RX_PAYLOAD));
}

static void receive_whole(struct receiver *r, const u8 *stream, size_t len)
{
	begin(r);
	r->result.error = nbd_rx_feed(&r->rx, stream, len);
	end(r);
}

static void receive_cut(struct receiver *r, const u8 *cuts, const u8 *stream,
			size_t len)
{
	unsigned int i;
	size_t at, part;

	begin(r);
	for (i = at = 0; at < len && !r->result.error; i++, at += part) {
		part = 1 + cuts[i % CUTS];
		if (part > len - at)
			part = len - at;
		hide_rest(stream, at + part, len);
		r->result.error = nbd_rx_feed(&r->rx, stream + at, part);
		show_all(stream, len);
	}
	end(r);
}

/* Returns how much of the payload is not there. */
static size_t expect_payload(struct result *r, unsigned int i,
			     const u8 **stream, size_t *len)
{
	unsigned int piece;

	for (piece = 0; piece < PIECES; piece++) {
		size_t part = payloads[i][piece];

		if (part > *len)
			part = *len;
		memcpy(r->data[i][piece], *stream, part);
		*stream += part;
		*len -= part;
		if (part < payloads[i][piece])
			return payloads[i][piece] - part;
	}
	return 0;
}

/* What must come of a stream. */
static void expect(struct result *r, const u8 *stream, size_t len)
{
	static const u8 magic[] = { 0x67, 0x44, 0x66, 0x98 };
	static const u8 no_error[4];
	static const u8 high_cookie[7];

	clear(r);
	r->large = false;
	while (len >= HEADER) {
		unsigned int i = stream[15];

		if (memcmp(stream, magic, 4)) {
			r->error = -EPROTO;
			return;
		}
		if (memcmp(stream + 8, high_cookie, 7) || i >= COMMANDS ||
		    r->replied[i]) {
			r->error = -EBADMSG;
			return;
		}
		r->replied[i] = true;
		r->failed[i] = memcmp(stream + 4, no_error, 4);
		r->large = !r->failed[i] && payloads[i][0] > NBD_RX_SMALL;
		stream += HEADER;
		len -= HEADER;
		r->left = r->failed[i] ?
			  0 : expect_payload(r, i, &stream, &len);
		if (r->left)
			return;
		r->done[i] = true;
	}
	r->left = HEADER - len;
}

static void check_same(const struct result *a, const struct result *b)
{
	unsigned int i, piece;

	assert(a->error == b->error);
	if (!a->error)
		assert(a->left == b->left && a->large == b->large);
	assert(!memcmp(a->replied, b->replied, sizeof(a->replied)));
	assert(!memcmp(a->failed, b->failed, sizeof(a->failed)));
	assert(!memcmp(a->done, b->done, sizeof(a->done)));
	for (i = 0; i < COMMANDS; i++)
		for (piece = 0; piece < PIECES; piece++)
			assert(!memcmp(a->data[i][piece], b->data[i][piece],
				       payloads[i][piece]));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct receiver whole, cut;
	static struct result expected;
	const u8 *stream = data + CUTS;
	size_t len = size - CUTS;

	if (size < CUTS)
		return 0;
	expect(&expected, stream, len);
	receive_whole(&whole, stream, len);
	check_same(&whole.result, &expected);
	receive_cut(&cut, data, stream, len);
	check_same(&cut.result, &expected);
	return 0;
}
