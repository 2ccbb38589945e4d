// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kinds of mutated replies. What is sent in place of the right reply must never
 * be a right reply to another request, which no driver could tell from an answer: a
 * generation is used once on a connection, so that a cookie whose generation or whose
 * tag is another than in the right one names nothing that is in flight there.
 */
#include <stdlib.h>

#include "replies.h"

#define ESHUTDOWN_WIRE	108u
#define ENOTSUP_WIRE	95u

static const char *const names[NR_KINDS] = {
	[KIND_ERROR]		= "error",
	[KIND_SPLIT]		= "split",
	[KIND_SHUTDOWN]		= "shutdown",
	[KIND_MAGIC]		= "magic",
	[KIND_COOKIE]		= "cookie",
	[KIND_GENERATION]	= "generation",
	[KIND_OLD]		= "old",
	[KIND_FOREIGN]		= "foreign",
	[KIND_UNSENT]		= "unsent",
	[KIND_EARLY]		= "early",
	[KIND_DOUBLE]		= "double",
	[KIND_EXTRA]		= "extra",
	[KIND_ERROR_DATA]	= "error-data",
	[KIND_GARBAGE]		= "garbage",
	[KIND_CUT_HEADER]	= "cut-header",
	[KIND_CUT_DATA]		= "cut-data",
};

static u64 state;
/* So that every place is used. */
static unsigned int next_cut, next_data_cut, next_split, next_extra;

static u64 random_bits(void)
{
	if (!state)
		state = server_seed ^ 0x165667b1;
	return rnd(&state);
}

static u32 pick(u32 limit)
{
	random_bits();
	return below(&state, limit);
}

/**
 * kind_name - as it is printed
 * @kind: which
 */
const char *kind_name(enum kind kind)
{
	return names[kind];
}

/**
 * kind_breaks - does the driver have to give the connection up?
 * @kind: which
 */
bool kind_breaks(enum kind kind)
{
	return kind > KIND_SHUTDOWN;
}

/* A request of another connection that is as it should be. */
static const struct request *foreign_to(const struct peer *peer)
{
	unsigned int start = pick(nr_peers), i;

	for (i = 0; i < nr_peers; i++) {
		const struct peer *other = &peers[(start + i) % nr_peers];

		if (other != peer && other->fd >= 0 &&
		    other->state == PEER_OPEN && other->nr)
			return &other->pending[pick(other->nr)];
	}
	return NULL;
}

static bool possible(const struct peer *peer, const struct request *request,
		     enum kind kind)
{
	switch (kind) {
	case KIND_EARLY:
		return false;
	case KIND_ERROR_DATA:
	case KIND_CUT_DATA:
		return request->type == NBD_CMD_READ;
	case KIND_OLD:
		/* The present one is there, too. */
		return peer->nr_old > 1;
	case KIND_FOREIGN:
		return foreign_to(peer);
	default:
		return true;
	}
}

/**
 * kind_choose - what is to be done to a reply
 * @peer: whose
 * @request: that it answers
 * @breaks: a kind that ends the connection, by which the server is to lose it
 */
enum kind kind_choose(const struct peer *peer, const struct request *request,
		      bool breaks)
{
	enum kind kind;

	do {
		if (breaks)
			kind = (enum kind)(KIND_SHUTDOWN +
					   pick(NR_KINDS - KIND_SHUTDOWN));
		else
			kind = (enum kind)pick(KIND_SHUTDOWN);
	} while (!possible(peer, request, kind));
	return kind;
}

/* One to three bits. */
static u64 flips(u32 bits)
{
	u64 mask = 1ULL << pick(bits);

	if (pick(2))
		mask |= 1ULL << pick(bits);
	if (pick(4) == 0)
		mask |= 1ULL << pick(bits);
	return mask;
}

static u32 some_error(const struct request *request)
{
	static const u32 known[] = { 1, 5, 12, 22, 28, 75, ENOTSUP_WIRE };
	u32 error;

	do {
		switch (pick(4)) {
		case 0:
			error = random_bits();
			break;
		case 1:
			error = flips(32);
			break;
		case 2:
			error = pick(200);
			break;
		default:
			error = known[pick(ARRAY_SIZE(known))];
		}
		/* A trim that is not supported counts as one that was done. */
	} while (!error || error == ESHUTDOWN_WIRE ||
		 (error == ENOTSUP_WIRE && request->type == NBD_CMD_TRIM));
	return error;
}

static u32 wrong_magic(void)
{
	/* Of structured replies, of requests, and the right one backwards. */
	static const u32 known[] = {
		0x668e33ef, NBD_REQUEST_MAGIC, 0x98664467, 0, ~0u,
	};

	if (pick(2))
		return NBD_REPLY_MAGIC ^ (u32)flips(32);
	return known[pick(ARRAY_SIZE(known))];
}

/* Of the generation or of the tag, not of both. */
static u64 wrong_bits(u64 cookie)
{
	return cookie ^ flips(32) << (pick(2) ? 32 : 0);
}

static u64 other_generation(u64 cookie)
{
	u64 distance = (u64)(1 + pick(pick(2) ? 4 : 1000)) << 32;

	return pick(2) ? cookie + distance : cookie - distance;
}

/* The last one of the ring is the request at hand. */
static u64 old_cookie(const struct peer *peer)
{
	unsigned int have = peer->nr_old - 1;

	if (have > OLD_COOKIES - 1)
		have = OLD_COOKIES - 1;
	return peer->old[(peer->nr_old - 2 - pick(have)) % OLD_COOKIES];
}

/* A tag that there may be, in a generation that there was not. */
static u64 unsent_cookie(u64 cookie)
{
	u64 generation = (cookie ^ 1ULL << 63) >> 32 << 32;

	switch (pick(3)) {
	case 0:
		return generation | pick(DEPTH * MAX_CONNS);
	case 1:
		return generation | pick(4) << 16 | pick(DEPTH);
	default:
		return generation | (u32)random_bits();
	}
}

static void put_garbage(size_t len)
{
	u8 byte;

	while (len--) {
		byte = random_bits() >> 24;
		put(&byte, 1);
	}
}

static void put_wrong(const struct request *request, u32 magic, u64 cookie)
{
	put_reply(magic, 0, cookie);
	put_data(request);
}

static void put_right(const struct request *request)
{
	put_wrong(request, NBD_REPLY_MAGIC, request->cookie);
}

/* The end makes a whole header of it, wherever it begins. */
static void put_extra(const struct request *request)
{
	static const u8 zeroes[sizeof(struct nbd_reply)];

	put_right(request);
	if (pick(2))
		put_data(request);
	else
		put_garbage(1 + next_extra++ % 64);
	put(zeroes, sizeof(zeroes));
}

/* How much of a right reply comes later: some of the header, or only of the data. */
static size_t split_off(const struct request *request)
{
	size_t data = request->type == NBD_CMD_READ ? request->len : 0;

	if (data && pick(2))
		return 1 + pick(data);
	return 1 + next_split++ % (sizeof(struct nbd_reply) - 1) + data;
}

static void put_cut(const struct request *request, bool in_data)
{
	const struct nbd_reply right = {
		.magic = __builtin_bswap32(NBD_REPLY_MAGIC),
		.cookie = __builtin_bswap64(request->cookie),
	};

	if (!in_data) {
		put(&right, 1 + next_cut++ % (sizeof(right) - 1));
		return;
	}
	put(&right, sizeof(right));
	put(disk + request->from, next_data_cut++ % request->len);
}

/**
 * kind_put - put a mutated reply
 * @peer: to whom
 * @request: that it is about; not pending any more
 * @kind: as chosen
 */
void kind_put(struct peer *peer, const struct request *request, enum kind kind)
{
	u64 cookie = request->cookie;

	switch (kind) {
	case KIND_ERROR:
		put_reply(NBD_REPLY_MAGIC, some_error(request), cookie);
		break;
	case KIND_SPLIT:
		put_right(request);
		put_later(peer, split_off(request));
		break;
	case KIND_SHUTDOWN:
		put_reply(NBD_REPLY_MAGIC, ESHUTDOWN_WIRE, cookie);
		break;
	case KIND_MAGIC:
		put_wrong(request, wrong_magic(), cookie);
		break;
	case KIND_COOKIE:
		put_wrong(request, NBD_REPLY_MAGIC, wrong_bits(cookie));
		break;
	case KIND_GENERATION:
		put_wrong(request, NBD_REPLY_MAGIC, other_generation(cookie));
		break;
	case KIND_OLD:
		put_wrong(request, NBD_REPLY_MAGIC, old_cookie(peer));
		break;
	case KIND_FOREIGN:
		put_right(foreign_to(peer));
		break;
	case KIND_UNSENT:
		put_wrong(request, NBD_REPLY_MAGIC, unsent_cookie(cookie));
		break;
	case KIND_DOUBLE:
		put_right(request);
		put_right(request);
		break;
	case KIND_EXTRA:
		put_extra(request);
		break;
	case KIND_ERROR_DATA:
		put_reply(NBD_REPLY_MAGIC, some_error(request), cookie);
		put_data(request);
		break;
	case KIND_GARBAGE:
		put_reply(~(u32)NBD_REPLY_MAGIC & (u32)random_bits(),
			  random_bits(), random_bits());
		put_garbage(pick(256));
		break;
	case KIND_CUT_HEADER:
	case KIND_CUT_DATA:
		put_cut(request, kind == KIND_CUT_DATA);
		break;
	default:
		abort();
	}
}

/**
 * kind_put_early - put a reply for which there was no request
 */
void kind_put_early(void)
{
	put_reply(NBD_REPLY_MAGIC, 0, unsent_cookie(pick(1000)));
	put_garbage(pick(64));
}
