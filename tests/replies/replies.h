/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of mutated-replies share, see main.c. */
#ifndef REPLIES_H
#define REPLIES_H

#include <stdatomic.h>

#include <linux/nbd.h>

#include "../../helper/common.h"

/* Requests in flight, each in an area of the disk that is its own. */
#define LANES		16u
/* Flushes, trims and zeroing come one at a time, and have the last area. */
#define SLOW_LANE	LANES
#define AREAS		(LANES + 1)
/* A flush has no place on the disk. */
#define FLUSH_LANE	AREAS
#define AREA_BYTES	(64u << 10)
/* Between two areas, or the block layer might merge their requests. */
#define GAP_BYTES	4096u
#define USED_BYTES	(AREA_BYTES - GAP_BYTES)
#define DISK_BYTES	((u64)AREAS * AREA_BYTES)

/* Requests that the driver may have on the wire of a connection. */
#define DEPTH		16u
/* Enough for any request, or any reply. */
#define MESSAGE_BYTES	(AREA_BYTES + 64)
/* Cookies of a connection that were answered. */
#define OLD_COOKIES	32u

#define MAX_CONNS	128u

/**
 * enum kind - what is done to a reply
 * @KIND_ERROR: an error number, any but that of a shutdown
 * @KIND_SPLIT: sent in two pieces, with other things between
 * @KIND_SHUTDOWN: the server is shutting down
 * @KIND_MAGIC: another magic
 * @KIND_COOKIE: bits of the cookie flipped
 * @KIND_GENERATION: the cookie of an earlier or a later use of the tag
 * @KIND_OLD: the cookie of a request that was answered before
 * @KIND_FOREIGN: the cookie of a request of another connection
 * @KIND_UNSENT: a cookie that was never sent
 * @KIND_EARLY: a reply on a new connection, before there is a request
 * @KIND_DOUBLE: the right reply, twice
 * @KIND_EXTRA: the right reply, and more
 * @KIND_ERROR_DATA: an error, and the data all the same
 * @KIND_GARBAGE: bytes
 * @KIND_CUT_HEADER: the header up to any byte, then the end
 * @KIND_CUT_DATA: the data up to any byte, then the end
 * @NR_KINDS: how many there are
 *
 * The first two leave the connection alone, the third ends it in good order, and
 * all others break the protocol: the driver has to give the connection up.
 */
enum kind {
	KIND_ERROR,
	KIND_SPLIT,
	KIND_SHUTDOWN,
	KIND_MAGIC,
	KIND_COOKIE,
	KIND_GENERATION,
	KIND_OLD,
	KIND_FOREIGN,
	KIND_UNSENT,
	KIND_EARLY,
	KIND_DOUBLE,
	KIND_EXTRA,
	KIND_ERROR_DATA,
	KIND_GARBAGE,
	KIND_CUT_HEADER,
	KIND_CUT_DATA,
	NR_KINDS,
};

struct request {
	u64 cookie;
	u64 from;
	u32 len;
	u16 type;
};

enum peer_state {
	PEER_OPEN,		/* the driver has no reason to close it */
	PEER_DRAINING,		/* it was told of a shutdown */
	PEER_BROKEN,		/* it must be closed by the driver */
};

/**
 * struct peer - the server's end of a connection
 * @fd: its socket, -1 for none
 * @state: what is expected of the driver
 * @kind: why it is not PEER_OPEN
 * @counted: that reply was sent as a whole
 * @since: when it was sent, milliseconds
 * @left: replies until one breaks the protocol
 * @pending: requests that are not answered
 * @nr: how many
 * @old: the last cookies that were answered, a ring
 * @nr_old: how many there were
 * @rest: the second piece of a reply
 * @rest_len: its length
 * @rest_delay: rounds that it has to wait
 * @in: what was received and is not a whole request yet
 * @in_len: its length
 */
struct peer {
	int fd;
	enum peer_state state;
	enum kind kind;
	bool counted;
	u64 since;
	unsigned int left;
	struct request pending[DEPTH];
	unsigned int nr;
	u64 old[OLD_COOKIES];
	unsigned int nr_old;
	u8 rest[MESSAGE_BYTES];
	size_t rest_len;
	unsigned int rest_delay;
	u8 in[2 * MESSAGE_BYTES];
	size_t in_len;
};

/**
 * struct lane - one request in flight after the other
 * @seen: times the server has received the present one
 * @refused: errors that it answered to it
 * @failed: those of them that were the whole answer: it cannot succeed any more
 * @since: when it was submitted, milliseconds; 0 for none
 */
struct lane {
	atomic_uint seen;
	atomic_uint refused;
	atomic_uint failed;
	atomic_ullong since;
};

extern struct lane lanes[AREAS + 1];
extern u8 *disk;			/* what the server has */
extern struct peer peers[MAX_CONNS];
extern unsigned int nr_peers;
extern u64 sent[NR_KINDS], ended[NR_KINDS];
extern bool mutate;			/* or all replies are right */
extern bool leaving;			/* the driver may close connections */
extern u64 server_seed;
extern u64 patience;			/* milliseconds until something hangs */
extern atomic_uint given_up, errors, verified;

/* main.c */
u64 now_ms(void);
void fail(const char *format, ...) __printf(1, 2) __attribute((__noreturn__));

/* xorshift64*: @state is never 0. */
static inline u64 rnd(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

static inline u32 below(u64 *state, u32 limit)
{
	return (rnd(state) >> 32) % limit;
}

/* link.c */
void link_attach(unsigned int conns, unsigned int tcp_percent);
void link_refill(void);
void link_detach(void);
void link_give_up(void);
unsigned int link_index(void);

/* server.c */
void server_watch(struct peer *peer);
void server_early(struct peer *peer);
void server_round(void);
bool server_quiet(void);
void put(const void *data, size_t len);
void put_reply(u32 magic, u32 error, u64 cookie);
void put_data(const struct request *request);
void put_later(struct peer *peer, size_t len);

/* kinds.c */
const char *kind_name(enum kind kind);
bool kind_breaks(enum kind kind);
enum kind kind_choose(const struct peer *peer, const struct request *request,
		      bool breaks);
void kind_put(struct peer *peer, const struct request *request, enum kind kind);
void kind_put_early(void);

/* load.c */
void load_start(const char *path);
void load_stop(void);
bool load_running(void);
void load_verify(const char *path);
void load_compare(void);

#endif /* REPLIES_H */
