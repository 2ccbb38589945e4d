/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transmitter: a first-in first-out list of commands and a cursor into
 * the first. It offers the next bytes to send as one iov_iter (a burst of
 * headers and small payloads, or a bio of a large one) and is told how many the socket took.
 * Everything here belongs to the holder of the connection's tx lock.
 */
#ifndef NBD_TX_H
#define NBD_TX_H

#include "cmd.h"

/* Segments that one sendmsg gathers at most, and bytes. */
#define NBD_TX_BURST		64
#define NBD_TX_BURST_BYTES	(256u << 10)

/**
 * struct nbd_tx - what a connection has to send
 * @first: the command on its way, NULL when there is nothing to send
 * @last: where the next command is linked
 * @begun: commands whose header was offered to the socket so far; a command's
 *	number in this count is its seq
 * @offset: bytes of @first that the socket took already
 * @cursor: place in the payload of @first
 * @copy: a payload up to this size travels in a burst and is copied; a larger
 *	one travels by itself, and its pages may be spliced
 * @vec: the segments of a burst
 */
struct nbd_tx {
	struct llist_node *first;
	struct llist_node **last;
	u32 begun;
	u32 offset;
	struct nbd_cursor cursor;
	u32 copy;
	struct bio_vec vec[NBD_TX_BURST];
};

/**
 * struct nbd_tx_piece - the next bytes to send
 * @iter: where they are
 * @more: further bytes follow at once (MSG_MORE)
 * @payload: they are pages of one request and nothing else
 * @begun: commands that are offered to the socket for the first time
 * @burst: memory for @iter
 */
struct nbd_tx_piece {
	struct iov_iter *iter;
	struct iov_iter burst;
	bool more;
	bool payload;
	unsigned int begun;
};

void nbd_tx_init(struct nbd_tx *tx, u32 copy);
void nbd_tx_add(struct nbd_tx *tx, struct llist_node *commands);
bool nbd_tx_next(struct nbd_tx *tx, unsigned int window,
		 struct nbd_tx_piece *piece);
struct nbd_cmd *nbd_tx_sent(struct nbd_tx *tx, size_t *bytes);
struct llist_node *nbd_tx_drain(struct nbd_tx *tx);

#endif /* NBD_TX_H */
