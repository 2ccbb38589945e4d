/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One command: what is sent for a request, who owns it, and how it ends.
 *
 * Ownership. A command has one owner at a time:
 *
 *   block layer -> connection's queue -> transmitter -> wire -> block layer
 *                        ^                               |
 *                        +-- parked or fenced <----------+  (connection died)
 *
 * queue_rq and the retry code own it until they push it on a connection's
 * queue; then the holder of that connection's tx lock does, until the last
 * byte is handed to the socket. From its first byte to completion it is on the
 * wire, found by its cookie, and ends by its state word alone.
 *
 * The state word holds generation, connection and flags and changes by one
 * atomic operation. Two halves, sent and received, end independently; who
 * ends the second one completes the request, so an early reply cannot free
 * pages that are still being sent.
 */
#ifndef NBD_CMD_H
#define NBD_CMD_H

#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/llist.h>
#include <linux/uio.h>

#include "proto.h"

/* Flags of the state word, see nbd_cmd_issue() and the functions after it. */
#define NBD_CMD_ISSUED		0x01	/* belongs to a connection */
#define NBD_CMD_SENDING		0x02	/* its first byte may be on the wire */
#define NBD_CMD_SENT		0x04	/* its last byte went to the socket */
#define NBD_CMD_REPLYING	0x08	/* a reply header named it */
#define NBD_CMD_REPLIED		0x10	/* the reply is complete */
#define NBD_CMD_FLAGS		0xffff

/**
 * struct nbd_cmd - the driver's part of a request
 * @state: generation (32) | connection (16) | flags (16)
 * @node: link in a connection's queue, its transmitter, or a retry list
 * @hdr: the request header; belongs to the owner
 * @bio: first bio of the payload, NULL when none travels
 * @payload: bytes that follow the header (write)
 * @expect: bytes that follow a reply without error (read)
 * @error: result, valid once NBD_CMD_REPLIED is set
 * @type: NBD_CMD_* and NBD_CMD_FLAG_*
 * @tries: connections that died with this command since it was prepared
 * @seq: position in its connection's order of sending
 * @sent_at: jiffies when its header was handed to the socket
 * @ready_at: jiffies when a fenced command may be issued again
 * @out: next in nbd_loss.out, while a flush that is not fenced may give @covers back
 * @written: MiB acknowledged when a flush was prepared, see extra.h
 * @dirty: those of them that it may have to write
 * @flush_at: connection that a flush has got to, see flush.h
 * @flush_covers: what it is about there, see flush.h
 * @covers: what a flush is about, see loss.h
 * @birth: when it was issued, see loss.h
 * @lost: losses when a flush began or was told, see loss.h
 * @began: births when a flush began or was told, see loss.h
 */
struct nbd_cmd {
	atomic64_t state;
	struct llist_node node;
	struct bio *bio;
	u32 payload;
	u32 expect;
	int error;
	u32 type;
	u32 tries;
	u32 seq;
	unsigned long sent_at;
	union {
		unsigned long ready_at;
		struct nbd_cmd *out;
	};
	struct nbd_request hdr;
	u32 written;
	u32 dirty;
	u16 flush_at;
	bool flush_covers;
	u32 covers;
	u32 birth;
	int lost;
	u32 began;
};

/* There are thousands of them: it and a request fill six cache lines. */
static_assert(sizeof(struct nbd_cmd) <= 128);

/* Does it change what the export holds? */
static inline bool nbd_cmd_changes_data(const struct nbd_cmd *cmd)
{
	switch (cmd->type & 0xffff) {
	case NBD_CMD_WRITE:
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		return true;
	default:
		return false;
	}
}

/*
 * A flush takes as long as what was written before it, wherever that went, and trims
 * and zeroing as long as the range is large: how fast a connection is they do not say.
 */
static inline bool nbd_cmd_is_lengthy(const struct nbd_cmd *cmd)
{
	u32 type = cmd->type & 0xffff;

	return type != NBD_CMD_READ && type != NBD_CMD_WRITE;
}

/*
 * How many seconds more than others it may take: one for each 16 MiB that is trimmed,
 * zeroed, unless that is fast or refused, or written and to be flushed.
 */
static inline u32 nbd_cmd_extra(const struct nbd_cmd *cmd)
{
	u32 type = cmd->type & 0xffff;

	if (type == NBD_CMD_FLUSH)
		return cmd->dirty >> 4;
	if (type != NBD_CMD_TRIM && (type != NBD_CMD_WRITE_ZEROES ||
				     cmd->type & NBD_CMD_FLAG_FAST_ZERO))
		return 0;
	return be32_to_cpu(cmd->hdr.len) >> 24;
}

/*
 * Does it leave zeroes behind that the server may have written like data, so that a
 * flush has to write them?
 */
static inline bool nbd_cmd_writes_zeroes(const struct nbd_cmd *cmd)
{
	return (cmd->type & 0xffff) == NBD_CMD_WRITE_ZEROES &&
	       cmd->type & NBD_CMD_FLAG_NO_HOLE &&
	       !(cmd->type & NBD_CMD_FLAG_FAST_ZERO);
}

static inline u64 nbd_cmd_identity(u32 generation, u16 conn)
{
	return (u64)generation << 32 | (u64)conn << 16;
}

/*
 * The owner gives the command to a connection. Nothing else can change the
 * state of a command that is not issued.
 */
static inline void nbd_cmd_issue(struct nbd_cmd *cmd, u32 generation, u16 conn)
{
	atomic64_set(&cmd->state,
		     nbd_cmd_identity(generation, conn) | NBD_CMD_ISSUED);
}

/* The owner takes it back; only with both halves stopped, see conn.c. */
static inline void nbd_cmd_withdraw(struct nbd_cmd *cmd)
{
	atomic64_set(&cmd->state, 0);
}

static inline u64 nbd_cmd_state(struct nbd_cmd *cmd)
{
	return atomic64_read(&cmd->state);
}

static inline u16 nbd_cmd_conn(u64 state)
{
	return state >> 16;
}

/* The cookie that it was sent with; only its owner writes another one. */
static inline u64 nbd_cmd_cookie(const struct nbd_cmd *cmd)
{
	return be64_to_cpu(cmd->hdr.cookie);
}

static inline bool nbd_cmd_over(u64 state)
{
	return (state & (NBD_CMD_SENT | NBD_CMD_REPLIED)) ==
	       (NBD_CMD_SENT | NBD_CMD_REPLIED);
}

/* Before the first byte is handed to the socket. Context: tx lock. */
static inline void nbd_cmd_sending(struct nbd_cmd *cmd)
{
	/* When it is sent, and before that; pairs with nbd_conn_overdue(). */
	smp_mb__before_atomic();
	atomic64_or(NBD_CMD_SENDING, &cmd->state);
}

/*
 * The last byte went to the socket. True: the reply was complete already and
 * the caller must complete the request. False: do not touch it any more.
 * Fully ordered; pairs with nbd_cmd_replied().
 */
static inline bool nbd_cmd_sent(struct nbd_cmd *cmd)
{
	return atomic64_fetch_or(NBD_CMD_SENT, &cmd->state) & NBD_CMD_REPLIED;
}

/*
 * The reply is complete and @cmd->error is set. True: everything was sent and
 * the caller must complete the request. False: do not touch it any more.
 * Fully ordered; pairs with nbd_cmd_sent().
 */
static inline bool nbd_cmd_replied(struct nbd_cmd *cmd)
{
	return atomic64_fetch_or(NBD_CMD_REPLIED, &cmd->state) & NBD_CMD_SENT;
}

/*
 * A reply header names @cmd. True for exactly one reply: that which comes on
 * the right connection, carries the right generation, to a command whose
 * header has begun to travel and that no other reply named. The tag that led to
 * it may be another one than it was sent with: look at nbd_cmd_cookie(), then.
 */
static inline bool nbd_cmd_claim(struct nbd_cmd *cmd, u32 generation, u16 conn)
{
	const u64 want = nbd_cmd_identity(generation, conn) | NBD_CMD_ISSUED |
			 NBD_CMD_SENDING;
	s64 old = atomic64_read(&cmd->state);

	do {
		if (((u64)old & ~(u64)NBD_CMD_SENT) != want)
			return false;
	} while (!atomic64_try_cmpxchg(&cmd->state, &old,
				       old | NBD_CMD_REPLYING));
	return true;
}

/**
 * struct nbd_cursor - a place in the payload of a command
 * @bio: the bio that holds it, NULL at the end of the payload
 * @iter: what is left of that bio
 *
 * Walks the bios of a request without allocating: a merged request is a chain
 * of bios, each with a bio_vec array of its own.
 */
struct nbd_cursor {
	struct bio *bio;
	struct iov_iter iter;
};

void nbd_cursor_start(struct nbd_cursor *cur, struct bio *bio,
		      unsigned int direction);
void nbd_cursor_next(struct nbd_cursor *cur);
void nbd_cursor_advance(struct nbd_cursor *cur, size_t bytes);

#endif /* NBD_CMD_H */
